import { toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Order } from '../../src/gen/scrollback/v1/history_service_pb.js';
import { type Message, MessageSchema } from '../../src/gen/scrollback/v1/message_pb.js';
import { digitsOf, importWhole } from '../support/backfill-walk.js';
import { makeBytes } from '../support/backup-bytes.js';
import { Daemon } from '../support/daemon.js';
import { readAllChats, readAllMessages, sentMsOf } from '../support/read-history.js';
import { rootKey } from '../support/small-backup.js';
import type { SyntheticOptions } from '../support/synthetic-backup.js';

let daemon: Daemon;
beforeAll(async () => {
  daemon = await Daemon.start();
});
afterAll(() => daemon.remove());

const account = { messages: 2400, seed: 61, chats: 40 };

/** Backups of one account that overlap, in an order in which the earlier times and the LIDs' numbers come last. */
const mixes: [string, SyntheticOptions[]][] = [
  [
    'the later part first, then all of it, then the earlier part',
    [
      { ...account, fromMessage: 1500, revision: 2 },
      { ...account, revision: 1 },
      { ...account, toMessage: 1700, idOffset: 3_000_000 },
    ],
  ],
  [
    'traps of every generation, and LIDs that are resolved last',
    [
      { ...account, traps: true, omitTables: ['jid_map'], revision: 3 },
      { ...account, traps: true, generation: 'transitional', startMs: 1_700_000_000_000 },
      { ...account, traps: true, fromMessage: 400 },
      { ...account, traps: true, omitTables: ['jid_map'], revision: 3 },
    ],
  ],
];

const bytesOf = (message: Message): string => Buffer.from(toBinary(MessageSchema, message)).toString('base64');

/** All messages of a chat in pages of a size, by ListMessages. */
async function listMessages(sessionId: string, chat: string, order: Order, pageSize: number): Promise<Message[]> {
  const messages: Message[] = [];
  for (let pageToken = '', more = true; more; more = pageToken !== '') {
    const page = await daemon.client.history.listMessages({ sessionId, chat, order, pageSize, pageToken });
    messages.push(...page.messages);
    pageToken = page.nextPageToken;
  }
  return messages;
}

function inChats(messages: Message[]): Map<string, Message[]> {
  const chats = new Map<string, Message[]>();
  for (const message of messages) {
    const jid = message.key?.chatJid ?? '';
    chats.set(jid, [...(chats.get(jid) ?? []), message]);
  }
  return chats;
}

test.each(mixes)('every way of reading gives the same messages: %s', async (name, backups) => {
  const sessionId = `s${String(name.length)}`;
  for (const options of backups) {
    const { crypt15 } = await makeBytes(options);
    await importWhole(daemon.client, sessionId, crypt15, digitsOf(rootKey));
  }
  for (const restarted of [false, true]) {
    if (restarted) {
      await daemon.stop();
      await daemon.restart();
    }
    const { client } = daemon;
    const all = await readAllMessages(client, sessionId);
    const byChat = inChats(all);
    const chats = await readAllChats(client, sessionId);
    for (const chat of chats) {
      const own = (byChat.get(chat.jid) ?? []).map(bytesOf);
      const times = (byChat.get(chat.jid) ?? []).map(sentMsOf).filter((ms) => ms > 0);
      byChat.delete(chat.jid);
      expect(Number(chat.messageCount), chat.jid).toBe(own.length);
      expect(chat.firstMessageTime?.seconds).toBe(times[0] && BigInt(Math.floor(times[0] / 1000)));
      const last = times[times.length - 1];
      expect(chat.lastMessageTime?.seconds).toBe(last && BigInt(Math.floor(last / 1000)));
      expect((await readAllMessages(client, sessionId, chat.jid)).map(bytesOf)).toEqual(own);
      for (const pageSize of [127, 1000]) {
        const newest = await listMessages(sessionId, chat.jid, Order.NEWEST_FIRST, pageSize);
        expect(newest.map(bytesOf)).toEqual(own.toReversed());
        const oldest = await listMessages(sessionId, chat.jid, Order.OLDEST_FIRST, pageSize);
        expect(oldest.map(bytesOf)).toEqual(own);
      }
    }
    expect([...byChat.keys()]).toEqual([]);
    // By each id, of every twentieth message.
    for (const message of all.filter((_, n) => n % 20 === 0)) {
      const { key, alternateMessageIds } = message;
      if (key === undefined) throw new Error('a message without a key');
      const { chatJid: chat, fromMe, senderJid: sender } = key;
      for (const messageId of [key.messageId, ...alternateMessageIds]) {
        const found = await client.history.getMessage({ sessionId, chat, messageId, fromMe, sender });
        expect(found.messages.map(bytesOf)).toContain(bytesOf(message));
      }
    }
  }
});
