import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BackfillState } from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import { ChatKind, Direction, Order } from '../../src/gen/scrollback/v1/history_service_pb.js';
import { type Message, MessageKind } from '../../src/gen/scrollback/v1/message_pb.js';
import { type BackupBytes, makeBytes, makeLargeBytes } from '../support/backup-bytes.js';
import {
  chunksOf,
  createUpload,
  digitsOf,
  ensureSession,
  followBackfill,
  getBackfill,
  importWhole,
} from '../support/backfill-walk.js';
import { Daemon } from '../support/daemon.js';
import { Follower } from '../support/follower.js';
import { keyText } from '../support/oracle-message.js';
import { messageKeyText, readAllChats, readAllMessages, revisionOf, sentMsOf } from '../support/read-history.js';
import { rootKey } from '../support/small-backup.js';

const key = digitsOf(rootKey);

let daemon: Daemon;
let backup: BackupBytes;
let messages: Message[];
beforeAll(async () => {
  daemon = await Daemon.start();
  backup = await makeBytes({ messages: 3000, traps: true, seed: 81 });
  await importWhole(daemon.client, 'a', backup.crypt15, key);
  messages = await readAllMessages(daemon.client, 'a');
});
afterAll(() => daemon.remove());

const keysOf = (list: readonly Message[]): string[] => list.map(messageKeyText);

/** Pages through messages; `between` runs after each page. */
async function pageThrough(
  request: Parameters<Daemon['client']['history']['listMessages']>[0],
  between: () => Promise<void> = () => Promise.resolve(),
): Promise<Message[]> {
  const all: Message[] = [];
  for (let pageToken = '', more = true; more; more = pageToken !== '') {
    const page = await daemon.client.history.listMessages({ ...request, pageToken });
    all.push(...page.messages);
    pageToken = page.nextPageToken;
    await between();
  }
  return all;
}

describe('paging', () => {
  let whole: BackupBytes;
  let half: BackupBytes;
  beforeAll(async () => {
    whole = await makeBytes({ messages: 24_000, seed: 82 });
    half = await makeBytes({ messages: 24_000, seed: 82, fromMessage: 8000, toMessage: 14_000 });
  });

  test.each([Order.OLDEST_FIRST, Order.NEWEST_FIRST])('is exact while an import runs, in order %i', async (order) => {
    const { client } = daemon;
    const sessionId = `running-${String(order)}`;
    await importWhole(client, sessionId, half.crypt15, key);
    const before = await readAllMessages(client, sessionId);
    const { backfillId } = await createUpload(client, sessionId, whole.crypt15.length, key);
    await client.backfills.uploadBackup(chunksOf(backfillId, whole.crypt15));
    let seenRunning = 0;
    const paged = await pageThrough({ sessionId, order, pageSize: 150 }, async () => {
      const { state } = await getBackfill(client, backfillId);
      if (state === BackfillState.IMPORTING) seenRunning++;
    });
    expect(seenRunning).toBeGreaterThan(0);
    const keys = new Set(keysOf(paged));
    expect(keys.size).toBe(paged.length);
    for (const id of keysOf(before)) expect(keys.has(id), id).toBe(true);
    const times = paged.map(sentMsOf);
    const sorted = [...times].sort((a, b) => (order === Order.OLDEST_FIRST ? a - b : b - a));
    expect(times).toEqual(sorted);
    await followBackfill(client, backfillId);
    const after = await pageThrough({ sessionId, order, pageSize: 1000 });
    expect(new Set(keysOf(after))).toEqual(new Set(whole.expected.messages.map((message) => keyText(message.key))));
    expect(new Set(keysOf(after)).size).toBe(after.length);
  });

  test('takes both ends of a window in, and any order, kind and direction', async () => {
    const timed = messages.filter((message) => sentMsOf(message) > 0);
    const [from = 0, to = 0] = [timed[200], timed.at(-300)].map((message) => (message ? sentMsOf(message) : 0));
    const window = { sessionId: 'a', from: timestampFromMs(from), to: timestampFromMs(to) };
    const inside = messages.filter((message) => sentMsOf(message) >= from && sentMsOf(message) <= to);
    expect(keysOf(await pageThrough({ ...window, order: Order.OLDEST_FIRST, pageSize: 77 }))).toEqual(keysOf(inside));
    expect(keysOf(await pageThrough({ ...window, pageSize: 1000 }))).toEqual(keysOf(inside).reverse());
    const outgoing = inside.filter(({ key, kind }) => key?.fromMe === true && kind === MessageKind.TEXT);
    const filtered = { ...window, kinds: [MessageKind.TEXT], direction: Direction.OUTGOING, order: Order.OLDEST_FIRST };
    expect(keysOf(await pageThrough({ ...filtered, pageSize: 13 }))).toEqual(keysOf(outgoing));
    const instant = { sessionId: 'a', from: window.from, to: window.from };
    const same = messages.filter((message) => sentMsOf(message) === from);
    expect(keysOf(await pageThrough(instant)).reverse()).toEqual(keysOf(same));
  });

  test('finds a chat by any of its addresses', async () => {
    const chats = await readAllChats(daemon.client, 'a');
    const person = chats.find(
      ({ jid, alternateJids, messageCount }) =>
        jid.endsWith('@s.whatsapp.net') && alternateJids.length > 0 && messageCount > 20n,
    );
    const [digits = ''] = (person?.jid ?? '').split('@');
    const written = `+${digits.slice(0, 2)} (${digits.slice(2, 5)}) ${digits.slice(5)}`;
    const forms = [
      digits,
      `+${digits}`,
      `00${digits}`,
      written,
      person?.jid ?? '',
      `${digits}@c.us`,
      `${digits}:7@s.whatsapp.net`,
    ];
    const wanted = keysOf(messages.filter((message) => message.key?.chatJid === person?.jid));
    for (const form of [...forms, ...(person?.alternateJids ?? [])]) {
      const page = await daemon.client.history.listMessages({ sessionId: 'a', chat: form, pageSize: 1 });
      expect(page.chatJid, form).toBe(person?.jid);
      expect(keysOf(await readAllMessages(daemon.client, 'a', form)), form).toEqual(wanted);
      expect((await daemon.client.history.getChat({ sessionId: 'a', chat: form })).chat?.jid, form).toBe(person?.jid);
    }
    const groups = await daemon.client.history.listChats({ sessionId: 'a', kinds: [ChatKind.GROUP], pageSize: 1000 });
    expect(groups.chats.map(({ jid }) => jid).sort()).toEqual(
      chats
        .map(({ jid }) => jid)
        .filter((jid) => jid.endsWith('@g.us'))
        .sort(),
    );
    expect(await readAllMessages(daemon.client, 'a', '+1 202 555 0100')).toEqual([]);
  });

  test('finds each message by its id and by its other ids', async () => {
    const some = messages.filter((message, n) => n % 211 === 0 || message.alternateMessageIds.length > 0).slice(0, 60);
    for (const message of some) {
      for (const messageId of [message.key?.messageId ?? '', ...message.alternateMessageIds]) {
        const chat = message.key?.chatJid ?? '';
        const found = await daemon.client.history.getMessage({ sessionId: 'a', chat, messageId });
        expect(keysOf(found.messages), messageId).toContain(messageKeyText(message));
      }
    }
  });

  test('resumes a stream where it stopped', async () => {
    const request = { sessionId: 'a', order: Order.OLDEST_FIRST };
    const read: Message[] = [];
    for (let resumeToken = '', done = false; !done;) {
      done = true;
      for await (const frame of daemon.client.history.readMessages({ ...request, resumeToken })) {
        read.push(...frame.messages);
        resumeToken = frame.resumeToken;
        done = false;
        break;
      }
    }
    expect(keysOf(read)).toEqual(keysOf(messages));
  });
});

describe('watching', () => {
  test('from 0 gives what reading gives, then what changes, also after a restart of the daemon', async () => {
    const account = { messages: 2500, seed: 83 };
    const first = await makeBytes({ ...account, omitTables: ['jid_map'] });
    const second = await makeBytes({ ...account, revision: 2 });
    await importWhole(daemon.client, 'w', first.crypt15, key);
    const follower = new Follower();
    const firstRevision = await revisionOf(daemon.client, 'w');
    await follower.followTo(daemon.client, 'w', firstRevision);
    expect(follower.differenceTo(await readAllMessages(daemon.client, 'w'))).toBeUndefined();
    const sentAtFirst = follower.sent;
    expect(sentAtFirst).toBe(follower.size);

    await importWhole(daemon.client, 'w', second.crypt15, key);
    await daemon.stop();
    await daemon.restart();
    await follower.followTo(daemon.client, 'w', await revisionOf(daemon.client, 'w'));
    expect(follower.differenceTo(await readAllMessages(daemon.client, 'w'))).toBeUndefined();
    expect(follower.sent).toBeGreaterThan(sentAtFirst);

    const late = new Follower();
    await late.followTo(daemon.client, 'w', await revisionOf(daemon.client, 'w'));
    expect(late.differenceTo(await readAllMessages(daemon.client, 'w'))).toBeUndefined();
  });

  test('goes on during an import', async () => {
    await ensureSession(daemon.client, 'live');
    const follower = new Follower();
    const running = importWhole(daemon.client, 'live', backup.crypt15, key);
    await follower.followTo(daemon.client, 'live', 3n);
    await running;
    await follower.followTo(daemon.client, 'live', await revisionOf(daemon.client, 'live'));
    expect(follower.differenceTo(await readAllMessages(daemon.client, 'live'))).toBeUndefined();
  });

  test('ends when its session is deleted', async () => {
    const { client } = daemon;
    const long = await makeLargeBytes({ messages: 40_000, seed: 84 });
    await importWhole(client, 'doomed', long.crypt15, key);
    const watches = Array.from({ length: 3 }, async () => {
      for await (const frame of client.history.watchMessages({ sessionId: 'doomed' })) void frame;
    }).map((ended) =>
      ended.then(
        () => 'ended',
        (error: unknown) => error,
      ),
    );
    // A reader in the middle of its stream does not hold the deletion up for long, and learns of it.
    const reader = client.history.readMessages({ sessionId: 'doomed' })[Symbol.asyncIterator]();
    await reader.next();
    await client.sessions.deleteSession({ sessionId: 'doomed' });
    for (const outcome of await Promise.all(watches)) {
      expect(outcome).toMatchObject({ reason: 'SESSION_NOT_FOUND' });
    }
    const rest = (async () => {
      for (let step = await reader.next(); step.done !== true; step = await reader.next());
    })();
    await expect(rest).rejects.toMatchObject({ reason: 'SESSION_NOT_FOUND' });
    await expect(client.history.listChats({ sessionId: 'doomed' })).rejects.toMatchObject({
      reason: 'SESSION_NOT_FOUND',
    });
  });
});

describe('a wrong question', () => {
  test('is refused with a reason', async () => {
    const { history, backfills } = daemon.client;
    const first = (stream: AsyncIterable<unknown>): Promise<unknown> => stream[Symbol.asyncIterator]().next();
    const refused = async (call: Promise<unknown>, reason: string): Promise<void> =>
      void (await expect(call, reason).rejects.toMatchObject({ reason }));
    await refused(history.listMessages({ sessionId: 'nobody' }), 'SESSION_NOT_FOUND');
    await refused(history.listMessages({ sessionId: 'NOT an id' }), 'INVALID_ARGUMENT');
    await refused(history.listMessages({ sessionId: 'a', pageToken: 'made up' }), 'INVALID_PAGE_TOKEN');
    await refused(history.listMessages({ sessionId: 'a', chat: 'hello' }), 'INVALID_ARGUMENT');
    await refused(history.getChat({ sessionId: 'a', chat: '+12025550100' }), 'CHAT_NOT_FOUND');
    await refused(history.getMessage({ sessionId: 'a', messageId: 'none' }), 'MESSAGE_NOT_FOUND');
    await refused(first(history.watchMessages({ sessionId: 'a', afterRevision: 9_999_999n })), 'REVISION_AHEAD');
    await refused(first(history.readMessages({ sessionId: 'nobody' })), 'SESSION_NOT_FOUND');
    await refused(backfills.getBackfill({ which: { case: 'sessionId', value: 'nobody' } }), 'SESSION_NOT_FOUND');
    await refused(backfills.cancelBackfill({ backfillId: 'none' }), 'BACKFILL_NOT_FOUND');
    const page = await history.listMessages({ sessionId: 'a', pageSize: 5 });
    const { nextPageToken: pageToken } = page;
    await refused(
      history.listMessages({ sessionId: 'a', pageSize: 5, pageToken, order: Order.OLDEST_FIRST }),
      'INVALID_PAGE_TOKEN',
    );
  });
});
