import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeSurvey } from '../../src/backup/msgstore/survey.js';
import { makeControl, type Survey } from '../../src/backup/task.js';
import type { BackupFault } from '../../src/domain/fault.js';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'scrollback-schema-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

const COLUMNS = 'chat_row_id, from_me, key_id, timestamp, message_type, text_data';
const MESSAGE = `CREATE TABLE message (_id INTEGER PRIMARY KEY, ${COLUMNS})`;
const CHAT = 'CREATE TABLE chat (_id INTEGER PRIMARY KEY, jid_row_id INTEGER)';
const JID = 'CREATE TABLE jid (_id INTEGER PRIMARY KEY, user TEXT, server TEXT)';

function survey(...statements: string[]): Survey | BackupFault {
  const databasePath = join(directory, 'file.db');
  const db = new Sqlite(databasePath);
  // Lets a test forge the schema.
  db.unsafeMode();
  db.exec(statements.join(';\n'));
  db.close();
  const answer = takeSurvey({ control: makeControl(), databasePath });
  return answer.ok ? answer.survey : answer.fault;
}

/** What each of these makes of a table would run, sort or compute whatever its author wants. */
const disguises: [name: string, statements: string[]][] = [
  ['a view', [`CREATE TABLE t (_id INTEGER PRIMARY KEY, ${COLUMNS})`, 'CREATE VIEW message AS SELECT * FROM t']],
  [
    'a view over an endless query',
    [
      `CREATE VIEW message AS WITH RECURSIVE c(_id) AS (SELECT 1 UNION ALL SELECT _id + 1 FROM c)
       SELECT _id, 1 AS chat_row_id, 0 AS from_me, 'x' AS key_id, 1 AS timestamp, 0 AS message_type, '' AS text_data FROM c`,
    ],
  ],
  ['a virtual table', [`CREATE VIRTUAL TABLE message USING fts5(_id, ${COLUMNS})`]],
  ['a table without row ids', [`CREATE TABLE message (_id INTEGER PRIMARY KEY, ${COLUMNS}) WITHOUT ROWID`]],
  ['a table whose id is no row id', [`CREATE TABLE message (_id INT PRIMARY KEY, ${COLUMNS})`]],
  ['a table whose id descends', [`CREATE TABLE message (_id INTEGER PRIMARY KEY DESC, ${COLUMNS})`]],
  [
    'a table with a computed column',
    [
      `CREATE TABLE message (_id INTEGER PRIMARY KEY, chat_row_id, from_me, key_id, timestamp, message_type,
       text_data AS (hex(zeroblob(1000000))))`,
    ],
  ],
];

describe('a file whose schema is a disguise', () => {
  it.each(disguises)('is refused when its messages are %s', (_, statements) => {
    const answer = survey(...statements, CHAT, JID, 'INSERT INTO jid VALUES (1, 1, 1)');
    expect(answer).toMatchObject({ reason: 'SCHEMA_NOT_SUPPORTED' });
  });

  it('is refused when its chats or addresses are a view', () => {
    const view = 'CREATE VIEW chat AS SELECT 1 AS _id, 1 AS jid_row_id';
    expect(survey(MESSAGE, view, JID)).toMatchObject({ reason: 'SCHEMA_NOT_SUPPORTED' });
  });

  it('is refused when a schema entry calls a view a table', () => {
    const forged = `UPDATE sqlite_schema SET type = 'table', rootpage = 2 WHERE name = 'message'`;
    const answer = survey(
      CHAT,
      JID,
      'CREATE VIEW message AS SELECT * FROM chat',
      'PRAGMA writable_schema = ON',
      forged,
    );
    expect(answer).toHaveProperty('reason');
  });

  it('is looked at quickly even when its views unfold endlessly', () => {
    const views = Array.from({ length: 40 }, (_, n) => {
      const source = n === 0 ? 'chat' : `v${n - 1}`;
      return `CREATE VIEW v${n} AS SELECT 1 AS a FROM ${source} x, ${source} y`;
    });
    expect(survey(MESSAGE, CHAT, JID, ...views)).toMatchObject({ messageMaxId: 0, warnings: [] });
  });

  it('is refused without any table of messages', () => {
    expect(survey(CHAT, JID)).toMatchObject({ reason: 'SCHEMA_NOT_SUPPORTED' });
    expect(takeSurvey({ control: makeControl(), databasePath: join(directory, 'file.db') }).ok).toBe(false);
  });
});

describe('a database of WhatsApp that is not the one of messages', () => {
  it.each([
    ['wa.db', 'CREATE TABLE wa_contacts (_id INTEGER PRIMARY KEY, jid TEXT)', 'contacts'],
    ['another', 'CREATE TABLE settings (_id INTEGER PRIMARY KEY)', 'unknown'],
  ])('is named: %s', (_, table, content) => {
    expect(survey(table)).toEqual({ reason: 'OTHER_BACKUP', content });
  });
});

describe('a file with an ordinary schema', () => {
  it('is accepted with views, triggers, indexes and full-text search beside it', () => {
    const answer = survey(
      MESSAGE,
      CHAT,
      JID,
      'CREATE VIEW message_view AS SELECT * FROM message',
      `CREATE TRIGGER t AFTER DELETE ON message BEGIN DELETE FROM chat; END`,
      'CREATE VIRTUAL TABLE message_ftsv2 USING fts5(content)',
      'CREATE INDEX message_key ON message (key_id)',
    );
    expect(answer).toMatchObject({ warnings: [] });
  });

  it.each([
    ['message_mentions', 'is a view', 'CREATE VIEW message_mentions AS SELECT 1 AS message_row_id, 1 AS jid_row_id'],
    ['message_media', 'is a view', `CREATE VIEW message_media AS SELECT 1 AS message_row_id, 'a' AS mime_type`],
    ['message_mentions', 'has no row ids', 'CREATE TABLE message_mentions (message_row_id PRIMARY KEY) WITHOUT ROWID'],
    [
      'message_media',
      'has no row ids',
      'CREATE TABLE message_media (message_row_id ANY PRIMARY KEY) without\n rowid, strict',
    ],
  ])('is read without a side table %s that %s, with a warning', (name, _, table) => {
    const answer = survey(MESSAGE, CHAT, JID, table);
    expect(answer).toMatchObject({ sideIndexes: [], warnings: [`${name} is not an ordinary table`] });
  });

  it('gets an index for a side table whose key is no row id', () => {
    const answer = survey(
      MESSAGE,
      CHAT,
      JID,
      'CREATE TABLE message_media (message_row_id INT, mime_type TEXT)',
      `INSERT INTO message_media VALUES (7, 'a'), (3, 'b'), (5, 'c'), (3, 'd')`,
    );
    if (!('sideIndexes' in answer)) throw new Error(answer.reason);
    expect(answer.sideIndexes.map(({ table }) => table)).toEqual(['message_media']);
    expect(answer.sideIndexes.map(({ parents }) => [...new Float64Array(parents)])).toEqual([[3, 3, 5, 7]]);
    expect(answer.sideIndexes.map(({ rowIds }) => [...new Float64Array(rowIds)])).toEqual([[2, 4, 3, 1]]);
  });
});
