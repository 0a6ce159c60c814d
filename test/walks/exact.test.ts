import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BackupBytes, makeBytes } from '../support/backup-bytes.js';
import { digitsOf, importWhole } from '../support/backfill-walk.js';
import { Daemon } from '../support/daemon.js';
import { meaningOf, meaningOfExpected } from '../support/message-meaning.js';
import { keyText } from '../support/oracle-message.js';
import {
  fingerprintOf,
  firstDifference,
  messageKeyText,
  readAllMessages,
  readHistory,
  revisionOf,
} from '../support/read-history.js';
import { rootKey } from '../support/small-backup.js';

const key = digitsOf(rootKey);

let daemon: Daemon;
beforeAll(async () => {
  daemon = await Daemon.start();
});
afterAll(() => daemon.remove());

let sessions = 0;

/** Imports backups one after the other into a new session, and returns it. */
async function importAll(...backups: Pick<BackupBytes, 'crypt15'>[]): Promise<string> {
  const sessionId = `s${String(++sessions)}`;
  for (const { crypt15 } of backups) await importWhole(daemon.client, sessionId, crypt15, key);
  return sessionId;
}

const linesOf = async (sessionId: string): Promise<string[]> =>
  fingerprintOf(await readHistory(daemon.client, sessionId));

/** Fails unless two sessions hold the same, byte by byte, but for the revisions. */
async function expectSame(left: string, right: string): Promise<void> {
  expect(firstDifference(await linesOf(left), await linesOf(right))).toBeUndefined();
}

describe('a message is one fact', () => {
  test('when the same file comes twice, also after a restart', async () => {
    const backup = await makeBytes({ messages: 2500, traps: true });
    const sessionId = await importAll(backup);
    const before = await linesOf(sessionId);
    const revision = await revisionOf(daemon.client, sessionId);
    for (const restart of [false, true]) {
      if (restart) {
        await daemon.stop();
        await daemon.restart();
      }
      const again = await importWhole(daemon.client, sessionId, backup.crypt15, key);
      expect(Number(again.messagesUnchanged)).toBe(backup.expected.messages.length);
      expect([again.messagesAdded, again.messagesUpdated, again.messagesDeleted]).toEqual([0n, 0n, 0n]);
      expect(await revisionOf(daemon.client, sessionId)).toBe(revision);
      expect(firstDifference(await linesOf(sessionId), before)).toBeUndefined();
    }
  });

  test('when two backups overlap, in both orders, and they are what one backup of all would be', async () => {
    const account = { messages: 3000, seed: 21 };
    const first = await makeBytes({ ...account, toMessage: 1900 });
    const second = await makeBytes({ ...account, fromMessage: 1100 });
    const whole = await importAll(await makeBytes(account));
    const forward = await importAll(first, second);
    const backward = await importAll(second, first);
    expect(firstDifference(await messageLines(forward), await messageLines(whole))).toBeUndefined();
    await expectSame(forward, backward);
  });

  test('when a second phone numbers its rows anew', async () => {
    const account = { messages: 3000, seed: 22 };
    const first = await makeBytes({ ...account, toMessage: 1900 });
    const second = await makeBytes({ ...account, fromMessage: 1100, idOffset: 5_000_000 });
    const forward = await importAll(first, second);
    await expectSame(forward, await importAll(second, first));
    const byKey = new Map([...first.expected.messages, ...second.expected.messages].map((m) => [keyText(m.key), m]));
    const messages = await readAllMessages(daemon.client, forward);
    expect(messages).toHaveLength(byKey.size);
    for (const message of messages) {
      const expected = byKey.get(messageKeyText(message));
      expect(meaningOf(message)).toEqual(expected && meaningOfExpected(expected));
    }
  });

  test('when the file holds every trap, in two generations', async () => {
    const modern = await makeBytes({ messages: 900, traps: true, seed: 23 });
    const transitional = await makeBytes({ messages: 900, traps: true, seed: 23, generation: 'transitional' });
    await expectSame(await importAll(modern, transitional), await importAll(transitional, modern));
  });
});

describe('an older backup after a newer one', () => {
  test.each([1, 3])('undoes nothing that revision %i knows', async (revision) => {
    const account = { messages: 4000, seed: 31 };
    const older = await makeBytes(account);
    const newer = await makeBytes({ ...account, revision });
    const after = await importAll(newer, older);
    await expectSame(after, await importAll(older, newer));
    await expectSame(after, await importAll(older, newer, older, newer));
    const newest = new Map(newer.expected.messages.map((message) => [keyText(message.key), message]));
    const oldest = new Map(older.expected.messages.map((message) => [keyText(message.key), message]));
    const found = new Set<string>();
    for (const message of await readAllMessages(daemon.client, after)) {
      const id = messageKeyText(message);
      found.add(id);
      const expected = newest.get(id) ?? oldest.get(id);
      expect(meaningOf(message), id).toEqual(expected && meaningOfExpected(expected));
    }
    for (const id of newest.keys()) expect(found.has(id), id).toBe(true);
    // What the older one has and nobody sees any more is what the newer one deletes: rows of one chat.
    const gone = [...oldest.values()].filter((message) => !found.has(keyText(message.key)));
    expect(gone).toHaveLength(newer.expected.skipped.deleted);
    expect(new Set(gone.map((message) => message.key.chatJid)).size).toBe(1);
  });
});

describe('a LID that only the later backup resolves', () => {
  test('unites chats and senders with what was stored before, in both orders', async () => {
    const account = { messages: 3500, seed: 41 };
    const unmapped = await makeBytes({ ...account, omitTables: ['jid_map'] });
    const mapped = await makeBytes(account);
    expect(unmapped.expected.messages.some(({ key: { senderJid } }) => senderJid.endsWith('@lid'))).toBe(true);
    const alone = await importAll(mapped);
    const learned = await importAll(unmapped, mapped);
    expect(firstDifference(await linesOf(learned), await linesOf(alone))).toBeUndefined();
    await expectSame(await importAll(mapped, unmapped), alone);
    const chats = (await readHistory(daemon.client, learned)).chats;
    const united = chats.find(({ jid, alternateJids }) => jid.endsWith('@s.whatsapp.net') && alternateJids.length > 0);
    for (const address of [united?.jid ?? '', ...(united?.alternateJids ?? [])]) {
      expect((await readAllMessages(daemon.client, learned, address)).length).toBe(Number(united?.messageCount));
    }
  });

  test('with every trap in the file', async () => {
    const account = { messages: 600, seed: 42, traps: true };
    const unmapped = await makeBytes({ ...account, omitTables: ['jid_map'] });
    const mapped = await makeBytes(account);
    await expectSame(await importAll(unmapped, mapped), await importAll(mapped, unmapped));
  });
});

async function messageLines(sessionId: string): Promise<string[]> {
  return (await linesOf(sessionId)).filter((line) => line.startsWith('message '));
}
