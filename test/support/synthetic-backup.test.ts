import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeBackup } from './make-backup.js';
import { readByPlainSql, type ExpectedHistory } from './oracle.js';
import { keyText, type ExpectedMessage } from './oracle-message.js';
import { buildDatabase, type SyntheticFacts, type SyntheticOptions } from './synthetic-backup.js';
import type { Generation } from './synthetic-schema.js';

const generations: readonly Generation[] = ['modern', 'modern-2022', 'legacy', 'transitional'];

let directory = '';
let files = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'synthetic-backup-'));
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

function build(options: SyntheticOptions): { path: string; facts: SyntheticFacts; history: ExpectedHistory } {
  const path = join(directory, `${String(files++)}.db`);
  const facts = buildDatabase(path, options);
  return { path, facts, history: readByPlainSql(path) };
}

async function digest(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

/** What a message says, without where it stood in its file. */
function facts({ rowId: _rowId, ordinal: _ordinal, table: _table, ...rest }: ExpectedMessage): object {
  return rest;
}

describe('a synthetic database', () => {
  it.each(generations)('is the same, byte for byte, for the same options (%s)', async (generation) => {
    const first = build({ messages: 600, generation, traps: true, seed: 7 });
    const second = build({ messages: 600, generation, traps: true, seed: 7 });
    const other = build({ messages: 600, generation, traps: true, seed: 8 });
    expect(await digest(second.path)).toBe(await digest(first.path));
    expect(await digest(other.path)).not.toBe(await digest(first.path));
  });

  it('has the same messages wherever two windows of an account overlap', () => {
    const early = build({ messages: 3000, toMessage: 2000 }).history.messages;
    const late = build({ messages: 3000, fromMessage: 1001, idOffset: 50_000 }).history.messages;
    const known = new Map(early.map((message) => [keyText(message.key), message]));
    const shared = late.filter(({ key }) => known.has(keyText(key)));
    expect(shared.length).toBe(1000);
    // Albums, quotes and edits at the border may lack the other half; the stretch inside must agree.
    for (const message of shared.slice(8)) {
      expect(facts(message)).toEqual(facts(known.get(keyText(message.key)) ?? message));
    }
  });

  it('shows later changes in a later revision, to the same messages', () => {
    const before = new Map(
      build({ messages: 4000 }).history.messages.map((message) => [keyText(message.key), message]),
    );
    const { messages, skipped } = build({ messages: 4000, revision: 3 }).history;
    const count = (test: (now: ExpectedMessage, then: ExpectedMessage) => boolean): number =>
      messages.filter((now) => test(now, before.get(keyText(now.key)) ?? now)).length;
    expect(messages.every(({ key }) => before.has(keyText(key)))).toBe(true);
    expect(messages.length).toBeLessThan(before.size);
    expect(skipped.deleted).toBeGreaterThan(0);
    expect(count((now, then) => now.editMs !== undefined && then.editMs === undefined)).toBeGreaterThan(0);
    expect(count((now, then) => now.revocation !== undefined && then.revocation === undefined)).toBeGreaterThan(0);
    expect(count((now, then) => now.reactions.length < then.reactions.length)).toBeGreaterThan(0);
    expect(count((now, then) => now.deliveryState !== then.deliveryState)).toBeGreaterThan(0);
    expect(count((now, then) => now.starred && !then.starred)).toBeGreaterThan(0);
    expect(count((now, then) => now.revocation === undefined && then.revocation !== undefined)).toBe(0);
  });

  it('has every kind of message and of chat', () => {
    const { messages, chats, groups } = build({ messages: 6000 }).history;
    expect(new Set(messages.map(({ kind }) => kind)).size).toBe(24);
    expect(new Set(chats.map(({ jid }) => jid.slice(jid.indexOf('@'))))).toEqual(
      new Set(['@s.whatsapp.net', '@lid', '@g.us', '@newsletter', '@broadcast']),
    );
    expect(groups.some(({ members }) => members.some(({ rank }) => rank === 'SUPERADMIN'))).toBe(true);
    expect(groups.some(({ pastMembers }) => pastMembers.length > 0)).toBe(true);
    for (const present of [
      (message: ExpectedMessage) => message.quoted !== undefined,
      (message: ExpectedMessage) => message.mentionedJids.length > 0,
      (message: ExpectedMessage) => message.reactions.length > 0,
      (message: ExpectedMessage) => message.removedReactions.length > 0,
      (message: ExpectedMessage) => (message.poll?.votes.length ?? 0) > 0,
      (message: ExpectedMessage) => (message.event?.responses.length ?? 0) > 0,
      (message: ExpectedMessage) => message.event?.location !== undefined,
      (message: ExpectedMessage) => message.albumMessageId !== '',
      (message: ExpectedMessage) => message.linkPreview !== undefined,
      (message: ExpectedMessage) => message.location !== undefined,
      (message: ExpectedMessage) => message.contactCards.length > 0,
      (message: ExpectedMessage) => message.call !== undefined,
      (message: ExpectedMessage) => message.groupInvite !== undefined,
      (message: ExpectedMessage) => (message.systemEvent?.participantJids.length ?? 0) > 0,
      (message: ExpectedMessage) => message.viewOnce,
      (message: ExpectedMessage) => message.expireMs !== undefined,
      (message: ExpectedMessage) => message.alternateMessageIds.length > 0,
      (message: ExpectedMessage) => message.forwardScore === 127,
    ]) {
      expect(messages.some(present), present.toString()).toBe(true);
    }
  });

  it('may lack tables and columns', () => {
    const { facts: made, history } = build({
      messages: 500,
      traps: true,
      omitTables: [
        'jid_map',
        'lid_display_name',
        'message_add_on_reaction',
        'message_edit_info',
        'deleted_chat_job',
        'newsletter',
      ],
      omitColumns: ['message.origin', 'message.starred', 'message_revoked.revoke_timestamp', 'chat.account_jid_row_id'],
    });
    expect(history.rows).toBe(made.messageRows);
    expect(
      history.messages.some(
        ({ reactions, starred, editMs }) => reactions.length > 0 || starred || editMs !== undefined,
      ),
    ).toBe(false);
  });

  it('is a file that SQLite finds sound, plain or packed', async () => {
    const path = join(directory, 'plain.db');
    await makeBackup(path, 'plain', Buffer.alloc(32), { messages: 500, traps: true, generation: 'modern-2022' });
    const database = new Database(path, { readonly: true });
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
    database.close();
    await makeBackup(join(directory, 'packed'), 'crypt15', Buffer.alloc(32, 3), { messages: 500 });
    const packed = await readFile(join(directory, 'packed'));
    expect(packed.includes('SQLite format 3')).toBe(false);
  });
});

describe('the oracle', () => {
  it.each(generations)('accounts for every row (%s)', (generation) => {
    const { path, facts: made, history } = build({ messages: 1500, generation, traps: true, revision: 1 });
    const { sentinel, orphan, deleted, duplicate, malformed } = history.skipped;
    expect(history.messages.length + sentinel + orphan + deleted + duplicate + malformed).toBe(history.rows);
    expect(history.rows).toBe(made.messageRows + made.legacyRows);
    const database = new Database(path, { readonly: true });
    for (const [table, rows] of [
      ['message', made.messageRows],
      ['messages', made.legacyRows],
    ] as const) {
      if (rows > 0) expect(database.prepare(`SELECT count(*) FROM ${table}`).pluck().get()).toBe(rows);
    }
    database.close();
  });

  it('reads the traps as they are meant', () => {
    const { facts: made, history } = build({ messages: 300, traps: true });
    const rows = new Map(history.messages.map((message) => [message.rowId, message]));
    const read = (trap: string): (ExpectedMessage | undefined)[] => (made.traps[trap] ?? []).map((id) => rows.get(id));
    const kept = (trap: string): boolean[] => read(trap).map((message) => message !== undefined);

    expect(history.skipped).toEqual({ sentinel: 1, orphan: 5, deleted: 15, duplicate: 0, malformed: 12 });
    expect(kept('orphan')).toEqual([false, false, false, false, false]);
    expect(kept('malformed').some(Boolean)).toBe(false);
    expect(kept('deleted-singly')).toEqual([false, true, false, true]);
    expect(kept('deleted').filter((stays) => !stays).length).toBe(13);
    expect(kept('longest-id')).toEqual([true, true]);

    expect(new Set(read('two-chats-one-person').map((message) => message?.key.chatJid)).size).toBe(1);
    expect(new Set(read('two-chats-one-person').map((message) => message && keyText(message.key))).size).toBe(10);
    expect(new Set(read('phone-then-lid').map((message) => message?.key.senderJid)).size).toBe(2);
    expect(read('unresolvable-lid')[1]?.senderName).toBe('Unresolved');
    expect(read('masked-name').map((message) => message?.senderName)).toEqual(['', 'Alice 🦊']);
    expect(
      read('no-sender')
        .slice(0, 5)
        .map((message) => message?.key.senderJid),
    ).toEqual(['', '', '', '', '']);
    expect(new Set(read('equal-ids').map((message) => message && keyText(message.key))).size).toBe(7);
    expect(read('one-instant').length).toBe(1000);
    expect(new Set(read('one-instant').map((message) => message?.sentMs)).size).toBe(1);
    expect(read('odd-time').map((message) => message?.sentMs)).toEqual([
      undefined,
      undefined,
      undefined,
      4_102_444_800_000,
      253_402_300_799_999,
      undefined,
      undefined,
      undefined,
    ]);
    expect(read('edited').map((message) => message?.key.messageId)).toEqual([
      'ORIGINAL1',
      'ORIGINAL2',
      'EDIT3',
      'EDIT4',
      'EDIT5',
      'TRAPEDITED6',
    ]);
    expect(read('edited')[0]?.alternateMessageIds).toEqual(['EDIT1']);
    expect(read('edited')[5]?.quoted?.key.messageId).toBe('ORIGINAL1');
    expect(read('revoked').map((message) => message?.key.messageId)).toEqual([
      'REVOKED1',
      'REVOKED2',
      'REVOKED3',
      'REVOKE4',
      'REVOKE5',
      'REVOKE6',
      'NOTREVOKED',
      'FIRST7',
    ]);
    expect(read('revoked')[7]).toMatchObject({
      text: '',
      media: undefined,
      starred: true,
      alternateMessageIds: ['REVOKE7', 'REVOKED7'],
      revocation: { byAdmin: false },
    });
    expect(read('reactions')[0]?.reactions.map(({ emoji }) => emoji)).toEqual(['❤️', '👨‍👩‍👧‍👦']);
    expect(read('reactions')[0]?.removedReactions.length).toBe(1);
    expect(read('reactions')[1]?.removedReactions.length).toBe(2);
    expect(read('reactions')[2]?.reactions.map(({ emoji }) => emoji)).toEqual(['👎', '✖️']);
    expect(read('poll')[0]?.poll?.votes.map(({ optionIndexes, fromMe }) => [optionIndexes, fromMe])).toEqual([
      [[1, 2], false],
      [[0], true],
    ]);
    expect(read('poll')[0]?.poll?.withdrawnVotes.length).toBe(1);
    expect(
      read('odd-text')
        .slice(0, 4)
        .map((message) => message?.text),
    ).toEqual(['nul\0in the middle', '\0', 'a\ufffd\ufffdb', '\ufffd(']);
    expect(read('long-text').map((message) => Buffer.byteLength(message?.text ?? ''))).toEqual([
      65_535, 65_536, 65_537, 1_048_576, 65_538,
    ]);
    expect(
      read('media')
        .slice(5, 8)
        .map((message) => message?.text),
    ).toEqual(['the caption', 'the text', '']);
    expect(read('quoted')[0]?.quoted?.key).toMatchObject({ chatJid: '120363900000000041@g.us', messageId: 'INGROUP' });
    expect(read('forwarded').map((message) => message?.forwardScore)).toEqual([1, 1, 0, 127, 5, 0, 0]);
    expect(read('mentions')[0]?.mentionedJids.length).toBe(2);
    expect(read('contacts')[0]?.contactCards.length).toBe(3);
    expect(read('preview').map((message) => message?.linkPreview !== undefined)).toEqual([true, true, false]);
    expect(read('null-everywhere')[0]).toMatchObject({ kind: 'TEXT', text: '', sentMs: undefined, contactCards: [] });
    expect(
      read('album')
        .slice(1)
        .map((message) => message?.albumMessageId),
    ).toEqual(['TRAPALBUM1', 'TRAPALBUM1', '']);
    expect(read('account-jid')[0]?.key.chatJid).toBe('491707000003@s.whatsapp.net');
  });

  it('takes the modern row of a message that stands in both tables', () => {
    const { facts: made, history } = build({ messages: 1000, generation: 'transitional', traps: true });
    const tables = new Map(history.messages.map(({ rowId, table, key }) => [rowId, `${table} ${key.messageId}`]));
    expect((made.traps['in-both-tables'] ?? []).map((id) => tables.get(id))).toEqual([
      'message BOTH1',
      undefined,
      'message BOTH2',
      undefined,
      'message BOTH3',
      'messages BOTH3',
      'message BOTH4',
      undefined,
      undefined,
    ]);
    expect(history.skipped.duplicate).toBe(4 + 200);
  });
});
