import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, it } from 'vitest';
import { readDirectory } from '../../src/backup/msgstore/directory.js';
import { makeControl, sharePlanNames, type ImportPlan } from '../../src/backup/task.js';

it('the people of a file of before there was a table of addresses are those of its chats and groups, page by page', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'scrollback-directory-'));
  const databasePath = join(directory, 'file.db');
  const db = new Sqlite(databasePath);
  db.exec(`
    CREATE TABLE messages (_id INTEGER PRIMARY KEY, key_remote_jid TEXT, key_from_me INTEGER, key_id TEXT);
    INSERT INTO messages VALUES (1, '-1', 0, '-1'), (2, '491@s.whatsapp.net', 0, 'A'), (3, '491@c.us', 1, 'B'),
      (4, '0@s.whatsapp.net', 0, 'C'), (5, '491-1390000000@g.us', 1, 'D'), (6, '492@s.whatsapp.net', 1, 'E');
    CREATE TABLE chat_list (_id INTEGER PRIMARY KEY, key_remote_jid TEXT);
    INSERT INTO chat_list VALUES (1, '491@s.whatsapp.net'), (2, '494@s.whatsapp.net');
    CREATE TABLE group_participants (_id INTEGER PRIMARY KEY, gjid TEXT, jid TEXT);
    INSERT INTO group_participants VALUES (1, '491-1390000000@g.us', ''), (2, '491-1390000000@g.us', '493@s.whatsapp.net'),
      (3, '491-1390000000@g.us', '492@s.whatsapp.net')`);
  db.close();
  const plan: ImportPlan = {
    planId: 1,
    databasePath,
    names: sharePlanNames({ extraMappings: [], chats: [] }),
    sideIndexes: [],
    messageMaxId: 0,
    legacyMaxId: 6,
    asOfMs: 0,
  };
  try {
    const pages: string[][] = [];
    for (let afterId = 0, done = false; !done;) {
      const answer = readDirectory({ control: makeControl(), plan, part: 'contacts', afterId, maxRows: 2 });
      if (!answer.ok) throw new Error(answer.fault.reason);
      pages.push(answer.contacts.map(({ jid }) => jid));
      ({ readThroughId: afterId, done } = answer);
    }
    expect(pages).toEqual([
      ['491@s.whatsapp.net', '492@s.whatsapp.net'],
      ['494@s.whatsapp.net', '493@s.whatsapp.net'],
    ]);
  } finally {
    await rm(directory, { recursive: true });
  }
});
