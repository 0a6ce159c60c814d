import { deflateSync } from 'node:zlib';
import { proto } from '@whiskeysockets/baileys';
import { afterAll, describe, expect, it } from 'vitest';
import { control, makeControl } from '../../src/backup/task.js';
import { HistoryGone } from '../../src/domain/history-gone.js';
import type { LiveEvent } from '../../src/domain/live-event.js';
import { WorkerPool } from '../../src/pool.js';
import { historyStart } from '../../src/whatsapp/history-task.js';
import { encodeRecord } from '../../src/whatsapp/inbox-record.js';
import { OwnInboxReader } from '../support/inbox-reader.js';

const ANNA = '491700000002@s.whatsapp.net';
const GROUP = '120363000000000001@g.us';
const LID = '900000000000002@lid';

const own = new OwnInboxReader();
const pool = new WorkerPool({ threads: 1, onLostThread: () => undefined });
afterAll(async () => {
  await own.close();
  await pool.close();
});

/** What the thread makes of an encoded chunk, part by part. */
async function* partsOf(chunk: Uint8Array, signal = new AbortController().signal): AsyncGenerator<LiveEvent[]> {
  const historySyncNotification = { initialHistBootstrapInlinePayload: deflateSync(chunk) };
  const type = proto.Message.ProtocolMessage.Type.HISTORY_SYNC_NOTIFICATION;
  const body = proto.Message.encode({ protocolMessage: { type, historySyncNotification } }).finish();
  const key = { remoteJid: ANNA, id: 'N', fromMe: true };
  const me = { phone: '491700000001@s.whatsapp.net', lid: '' };
  yield* own.reader.readHistory(encodeRecord({ type: 'content', me, atMs: 1, key, sentS: 1 }, body), signal);
}

function conversation(id: string, count: number, text = 'text'): proto.IConversation {
  const messages = Array.from({ length: count }, (_, n) => ({
    message: { key: { fromMe: false, id: `${id}-${String(n)}` }, message: { conversation: text }, messageTimestamp: n },
  }));
  return { id, messages };
}

function encode(conversations: proto.IConversation[]): Uint8Array {
  const syncType = proto.HistorySync.HistorySyncType.FULL;
  const phoneNumberToLidMappings = [{ pnJid: ANNA, lidJid: LID }];
  const pushnames = [{ id: ANNA, pushname: 'Anna' }];
  return proto.HistorySync.encode({ syncType, conversations, phoneNumberToLidMappings, pushnames }).finish();
}

const idsOf = (events: LiveEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'message' ? [event.message.key.messageId] : []));

async function collect(parts: AsyncIterable<LiveEvent[]>): Promise<LiveEvent[][]> {
  const all: LiveEvent[][] = [];
  for await (const part of parts) all.push(part);
  return all;
}

describe('a chunk of history', () => {
  it('comes in bounded parts, each message once and in order, what resolves addresses before everything', async () => {
    const parts = await collect(partsOf(encode([conversation(ANNA, 1300), conversation(GROUP, 700)])));
    const expected = [ANNA, GROUP].flatMap((id, at) =>
      Array.from({ length: at === 0 ? 1300 : 700 }, (_, n) => `${id}-${String(n)}`),
    );
    expect(idsOf(parts.flat())).toEqual(expected);
    expect(Math.max(...parts.map((part) => part.length))).toBeLessThanOrEqual(510);
    expect(parts[0]?.slice(0, 2).map(({ type }) => type)).toEqual(['lid-mapping', 'contact']);
    expect(parts.flat().filter(({ type }) => type === 'chat')).toHaveLength(2);
  });

  it('with long messages comes in more parts', async () => {
    const parts = await collect(partsOf(encode([conversation(ANNA, 100, 'x'.repeat(60_000))])));
    expect(idsOf(parts.flat())).toHaveLength(100);
    expect(parts.length).toBeGreaterThan(8);
  });

  it('with a message and a chat that make no sense tells the others, and then that it is not whole', async () => {
    const nonsense = Buffer.from([0x12, 0x04, 0x0a, 0x02, 0x0a, 0x7f]);
    const chat = Buffer.concat([proto.Conversation.encode(conversation(ANNA, 2)).finish(), nonsense]);
    const length = [0x80 | (chat.length & 0x7f), chat.length >> 7];
    const damaged = Buffer.from([0x12, 0x02, 0x0a, 0x7f]);
    const chunk = Buffer.concat([Buffer.from([0x08, 0x02]), damaged, Buffer.from([0x12, ...length]), chat]);
    const seen: string[] = [];
    const reading = (async () => {
      for await (const part of partsOf(chunk)) seen.push(...idsOf(part));
    })();
    await expect(reading).rejects.toThrow(HistoryGone);
    expect(seen).toEqual([`${ANNA}-0`, `${ANNA}-1`]);
  });

  it.each([
    ['is cut', encode([conversation(ANNA, 3)]).subarray(0, -3)],
    ['is no message', Buffer.from('neither deflated nor encoded')],
  ])('that %s is given up', async (_, chunk) => {
    await expect(collect(partsOf(chunk))).rejects.toThrow(HistoryGone);
  });

  it('is not read on when who asked for it has left', async () => {
    const left = new AbortController();
    const parts = partsOf(encode([conversation(ANNA, 1300)]), left.signal);
    await parts.next();
    left.abort();
    await expect(parts.next()).rejects.toThrow('CANCELLED');
  });
});

describe('the thread that opens chunks', () => {
  it('refuses what inflates without end', async () => {
    const pieces = [deflateSync(Buffer.alloc(4_000_000))];
    const task = { control: makeControl(), pieces, seal: undefined, maxInflatedBytes: 1_000_000 };
    expect(await pool.openHistory(task)).toEqual({
      ok: false,
      fault: { reason: 'BACKUP_TOO_LARGE', limitBytes: 1_000_000 },
    });
  });

  it('stops when it is told to', async () => {
    const task = { control: makeControl(), pieces: [deflateSync(encode([conversation(ANNA, 3)]))], seal: undefined };
    Atomics.store(new Int32Array(task.control), control.cancel, 1);
    const cancelled = { ok: false, fault: { reason: 'CANCELLED' } };
    expect(await pool.openHistory({ ...task, maxInflatedBytes: 1_000_000 })).toEqual(cancelled);
    const content = new SharedArrayBuffer(2);
    new Uint8Array(content).set([8, 2]);
    const reading = { control: task.control, content, cursor: historyStart, me: { phone: '', lid: '' }, asOfMs: 0 };
    expect(await pool.readHistory(reading)).toEqual(cancelled);
  });
});
