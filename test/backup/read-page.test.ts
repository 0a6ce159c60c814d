import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeImportFile } from '../../src/backup/msgstore/import-file.js';
import { readPage } from '../../src/backup/msgstore/read-page.js';
import { control, type ImportPlan, makeControl, type ReadPageTask } from '../../src/backup/task.js';
import { IDENTITY_ID_OFFSET, readIdentityKey, writeIdentityKey } from '../../src/domain/identity.js';
import { identityForm, type PageRecord, readRecords, recordOp } from '../../src/domain/page-format.js';
import { hash64, hashResult, readPosition } from '../../src/domain/position.js';
import { HiddenFactsSchema } from '../../src/gen/scrollback/store/v1/record_pb.js';
import { MessageKind, MessageSchema } from '../../src/gen/scrollback/v1/message_pb.js';
import { expectedFormOf } from '../support/expected-form.js';
import { pageOf, planOf, readAllPages, type ReadPages } from '../support/import-pages.js';
import { readByPlainSql } from '../support/oracle.js';
import { buildDatabase } from '../support/synthetic-backup.js';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'scrollback-pages-'));
});

afterAll(async () => {
  closeImportFile();
  await rm(directory, { recursive: true });
});

function* recordsOf(pages: ReadPages['pages']): Generator<[ReadPageTask['table'], PageRecord]> {
  for (const { table, page } of pages) for (const record of readRecords(page)) yield [table, record];
}

describe.each(['modern', 'modern-2022', 'legacy', 'transitional'] as const)('a %s backup', (generation) => {
  it.each([0, 3])('with every trap, at revision %i, is read as plain SQL reads it', (revision) => {
    const path = join(directory, `${generation}-${revision}.db`);
    buildDatabase(path, { seed: 11 + revision, messages: 2500, generation, traps: true, revision });
    const expected = readByPlainSql(path);
    const { plan } = planOf(path);
    const read = readAllPages(plan);
    expect(read.skipped).toEqual(expected.skipped);
    expect(read.rowsRead).toBe(expected.rows);
    const messages = [...recordsOf(read.pages)].filter(([, record]) => record.op === recordOp.message);
    expect(messages.length).toBe(expected.messages.length);
    for (const [n, [table, record]] of messages.entries()) {
      const { rowId, ...message } = expected.messages[n] ?? {};
      expect(expectedFormOf(table, record), `row ${rowId} of ${table}`).toEqual(message);
    }
    const deleted = [...recordsOf(read.pages)].filter(([, record]) => record.op === recordOp.deleted);
    expect(deleted.length).toBe(expected.skipped.deleted);
  });
});

describe('a backup', () => {
  const newer = [
    'message_edit_info',
    'message_association',
    'message_album',
    'jid_map',
    'lid_display_name',
    'newsletter',
  ];
  const others = [
    'message_media',
    'message_quoted',
    'message_add_on',
    'message_mentions',
    'deleted_chat_job',
    'call_log',
  ];
  const columns = ['message.sort_id', 'message.starred', 'message.sender_jid_row_id', 'chat.account_jid_row_id'];

  it.each([
    ['newer tables', { omitTables: newer }],
    ['most tables', { omitTables: [...newer, ...others] }],
    ['what is said of events', { omitTables: ['message_event'] }],
    ['answers to events', { omitTables: ['message_add_on_event_response', 'message_secret'] }],
    [
      'columns of events',
      {
        omitColumns: [
          'message_event.name',
          'message_event.is_canceled',
          'message_event.location_latitude',
          'message_event.end_time',
          'message_event.allow_extra_guests',
          'message_event.is_schedule_call',
          'message_add_on_event_response.extra_guest_count',
          'message_add_on_event_response.sender_timestamp',
        ],
      },
    ],
    ['columns', { omitColumns: [...columns, 'message_media.media_caption', 'message_quoted.chat_row_id'] }],
  ])('that lacks %s is read without them', (_, options) => {
    const path = join(directory, `lacking-${_}.db`);
    buildDatabase(path, { seed: 31, messages: 600, traps: true, ...options });
    const expected = readByPlainSql(path);
    const read = readAllPages(planOf(path).plan);
    expect(read.skipped).toEqual(expected.skipped);
    const messages = [...recordsOf(read.pages)].filter(([, record]) => record.op === recordOp.message);
    for (const [n, [table, record]] of messages.entries()) {
      const { rowId, ...message } = expected.messages[n] ?? {};
      expect(expectedFormOf(table, record), `row ${rowId}`).toEqual(message);
    }
    expect(messages.length).toBe(expected.messages.length);
  });

  it('is read the same when the keys of its side tables are no row ids', () => {
    const path = join(directory, 'loose.db');
    buildDatabase(path, { seed: 32, messages: 1500, traps: true });
    const before = readAllPages(planOf(path).plan);
    const db = new Sqlite(path);
    const answers = ['message_event', 'message_add_on_event_response', 'message_secret'];
    for (const table of [
      'message_media',
      'message_quoted',
      'message_edit_info',
      'message_add_on_reaction',
      ...answers,
    ]) {
      db.exec(`CREATE TABLE copy AS SELECT * FROM ${table} ORDER BY random(); DROP TABLE ${table};
        ALTER TABLE copy RENAME TO ${table}`);
    }
    db.close();
    const after = readAllPages(planOf(path).plan);
    const bytesOf = ({ pages }: ReadPages): Buffer => Buffer.concat(pages.map(({ page }) => page));
    expect(bytesOf(after).equals(bytesOf(before))).toBe(true);
  });
});

describe('a page', () => {
  let plan: ImportPlan;

  beforeAll(() => {
    const path = join(directory, 'pages.db');
    buildDatabase(path, { seed: 5, messages: 2000, traps: true });
    ({ plan } = planOf(path));
  });

  const bytesOf = (pages: ReadPages): Buffer => Buffer.concat(pages.pages.map(({ page }) => page));

  it('may end anywhere without changing what is read', () => {
    const whole = readAllPages(plan, 100_000, 100_000_000);
    for (const [maxRows, maxBytes] of [
      [1, 1_000_000],
      [7, 1_000_000],
      [1000, 1],
      [1000, 5000],
    ] as const) {
      const parts = readAllPages(plan, maxRows, maxBytes);
      expect(bytesOf(parts).equals(bytesOf(whole)), `${maxRows} rows, ${maxBytes} bytes`).toBe(true);
      expect(parts.rowsRead).toBe(whole.rowsRead);
      expect(parts.skipped).toEqual(whole.skipped);
      expect(parts.unresolvedLids).toEqual(whole.unresolvedLids);
    }
  });

  it('has records whose keys, identities and fingerprints belong to their messages', () => {
    for (const [, record] of recordsOf(readAllPages(plan).pages)) {
      const position = readPosition(record.primaryKey, 1);
      hash64(record.identityKey, IDENTITY_ID_OFFSET, record.identityKey.length);
      expect([position.tieHigh, position.tieLow]).toEqual([hashResult.high, hashResult.low]);
      for (const alias of record.aliases) {
        hash64(alias.identityKey, IDENTITY_ID_OFFSET, alias.identityKey.length);
        expect([alias.tieHash.readUInt32BE(0), alias.tieHash.readUInt32BE(4)]).toEqual([
          hashResult.high,
          hashResult.low,
        ]);
      }
      if (record.op === recordOp.deleted) {
        expect(record.identityValue[0]).toBe(identityForm.deleted);
        expect(position).toMatchObject({ sentMs: 0, ordinal: 0, kind: 0, fromMe: false });
        continue;
      }
      const { key, kind, alternateMessageIds } = fromBinary(MessageSchema, record.message);
      const { chatJid = '', senderJid = '', fromMe = false, messageId = '' } = key ?? {};
      const sender = fromMe || /@(lid|s\.whatsapp\.net)$/.test(chatJid) ? '' : senderJid;
      const identityKey = Buffer.alloc(400);
      const end = writeIdentityKey(identityKey, 0, position.chatNumber, messageId, fromMe, sender);
      expect(record.identityKey.equals(identityKey.subarray(0, end))).toBe(true);
      const parts = { chatNumber: position.chatNumber, messageId, fromMe, senderJid: sender };
      expect(readIdentityKey(record.identityKey)).toEqual(parts);
      expect(position).toMatchObject({ kind, fromMe });
      expect(record.aliases.length).toBe(alternateMessageIds.length);
      const hidden = fromBinary(HiddenFactsSchema, record.hidden);
      // Another kind has it while it is recent only, and is the same message afterwards.
      if (kind !== MessageKind.POLL && kind !== MessageKind.EVENT) hidden.messageSecret = new Uint8Array();
      const content = Buffer.concat([record.message.subarray(0, -20), toBinary(HiddenFactsSchema, hidden)]);
      hash64(content, 0, content.length);
      expect(record.identityValue[0]).toBe(identityForm.message);
      expect(record.identityValue.subarray(1, 13).equals(record.primaryKey.subarray(1, 13))).toBe(true);
      expect(record.identityValue[13]).toBe(record.primaryKey[25]);
      expect([record.identityValue.readUInt32BE(14), record.identityValue.readUInt32BE(18)]).toEqual([
        hashResult.high,
        hashResult.low,
      ]);
    }
  });

  it('tells of a gap in the ids where it ends', () => {
    const path = join(directory, 'gap.db');
    buildDatabase(path, { seed: 2, messages: 50, idOffset: 1_000_000 });
    const { plan: gap } = planOf(path);
    const task = { control: makeControl(), plan: gap, table: 'message', maxRows: 10, maxBytes: 1e6 } as const;
    const empty = pageOf({ ...task, afterId: 500, throughId: 900_000 });
    expect(empty).toMatchObject({ rowsRead: 0, readThroughId: 900_000 });
    expect(empty.page.length).toBe(0);
    expect(empty.nextId).toBeGreaterThan(900_000);
    expect(pageOf({ ...task, afterId: gap.messageMaxId, throughId: 9e9 })).toMatchObject({ rowsRead: 0, nextId: 0 });
  });

  it('knows the LIDs that a session knows beyond the file', () => {
    const { unresolvedLids } = readAllPages(plan);
    const [lid = ''] = unresolvedLids;
    expect(lid).toMatch(/@lid$/);
    const { plan: resolved } = planOf(plan.databasePath, [[lid, '4917099999999@s.whatsapp.net']]);
    const pages = readAllPages(resolved);
    expect(pages.unresolvedLids.has(lid)).toBe(false);
    expect(bytesOf(pages).includes('4917099999999@s.whatsapp.net')).toBe(true);
  });
});

describe('reading', () => {
  it('stops between two rows when it is cancelled, and can go on afterwards', () => {
    const path = join(directory, 'cancel.db');
    buildDatabase(path, { seed: 3, messages: 300 });
    const { plan } = planOf(path);
    const buffer = makeControl();
    const slots = new Int32Array(buffer);
    const task = {
      control: buffer,
      plan,
      table: 'message',
      afterId: 0,
      throughId: 400,
      maxRows: 100,
      maxBytes: 1e6,
    } as const;
    const first = pageOf(task);
    expect(Atomics.load(slots, control.heartbeat)).toBeGreaterThanOrEqual(first.rowsRead);
    Atomics.store(slots, control.cancel, 1);
    expect(readPage(task)).toEqual({ ok: false, fault: { reason: 'CANCELLED' } });
    Atomics.store(slots, control.cancel, 0);
    expect(Buffer.from(pageOf(task).page).equals(Buffer.from(first.page))).toBe(true);
  });

  it('refuses a table whose pages lead back to themselves', () => {
    const path = join(directory, 'bomb.db');
    buildDatabase(path, { seed: 4, messages: 3000 });
    const { plan } = planOf(path);
    makeTreeBomb(path);
    const task = {
      control: makeControl(),
      plan,
      table: 'message',
      afterId: 0,
      throughId: 1e9,
      maxRows: 1e9,
      maxBytes: 1e9,
    } as const;
    expect(readPage(task)).toMatchObject({ ok: false, fault: { reason: 'DAMAGED' } });
  });

  it('refuses a file that is none, and one that is cut short', () => {
    const path = join(directory, 'short.db');
    buildDatabase(path, { seed: 4, messages: 500 });
    const { plan } = planOf(path);
    const bytes = readFileSync(path);
    for (const [name, content] of [
      ['short', bytes.subarray(0, bytes.length / 3)],
      ['noise', Buffer.alloc(8192, 'no database')],
    ] as const) {
      const databasePath = join(directory, `${name}.cut`);
      writeFileSync(databasePath, content);
      const broken = { ...plan, databasePath, planId: -bytes.length - content.length };
      const task = {
        control: makeControl(),
        plan: broken,
        table: 'message',
        afterId: 0,
        throughId: 1e9,
        maxRows: 1e9,
        maxBytes: 1e9,
      } as const;
      expect(readPage(task), name).toMatchObject({ ok: false, fault: { reason: 'DAMAGED' } });
    }
  });

  it('does not fetch a forged value of hundreds of megabytes', () => {
    const path = join(directory, 'giant.db');
    buildDatabase(path, { seed: 6, messages: 50 });
    const db = new Sqlite(path);
    db.exec(
      `UPDATE message SET text_data = CAST(zeroblob(200000000) AS TEXT), timestamp = zeroblob(100000000) WHERE _id = 20`,
    );
    db.close();
    const { plan } = planOf(path);
    const before = process.memoryUsage.rss();
    const { skipped, rowsRead } = readAllPages(plan);
    expect(skipped.malformed).toBe(1);
    expect(rowsRead).toBeGreaterThan(50);
    expect(process.memoryUsage.rss() - before).toBeLessThan(100_000_000);
  });
});

/** Points all children of the message table's root page to the first one: reading on never ends. */
function makeTreeBomb(path: string): void {
  const db = new Sqlite(path, { readonly: true });
  const root = db.prepare<[], number>("SELECT rootpage FROM sqlite_schema WHERE name = 'message'").pluck().get() ?? 0;
  db.close();
  const bytes = readFileSync(path);
  const page = bytes.subarray((root - 1) * 4096, root * 4096);
  expect(page[0]).toBe(5);
  const cells = page.readUInt16BE(3);
  const child = page.readUInt32BE(page.readUInt16BE(12));
  for (let cell = 0; cell < cells; cell++) page.writeUInt32BE(child, page.readUInt16BE(12 + 2 * cell));
  writeFileSync(path, bytes);
}
