import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LinkState } from '../../src/gen/scrollback/v1/session_service_pb.js';
import { Source } from '../../src/gen/scrollback/v1/message_pb.js';
import { LinkedDaemon } from '../support/linked-daemon.js';
import type { Account } from '../support/whatsapp/account.js';
import type { Peer } from '../support/whatsapp/peer.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };
const ANNA = '491700000002@s.whatsapp.net';

let linked: LinkedDaemon;
let account: Account;
let anna: Peer;
beforeAll(async () => {
  linked = await LinkedDaemon.start();
});
beforeEach(async () => {
  account = await linked.link('a', owner);
  await linked.until('a', LinkState.ONLINE);
  anna = linked.whatsapp.addPerson({ phone: '491700000002', name: 'Anna' });
});
afterEach(() => linked.renew());
afterAll(() => linked.remove());

/** The texts of a chat, oldest first. */
async function texts(chat = ANNA): Promise<string[]> {
  const all: string[] = [];
  for await (const { messages } of linked.daemon.client.history.readMessages({ sessionId: 'a', chat, order: 2 })) {
    all.push(...messages.map(({ text }) => text));
  }
  return all;
}

describe('a linked session', () => {
  it('streams what arrives to whoever watches', async () => {
    const watching = linked.daemon.client.history.watchMessages({ sessionId: 'a' });
    const id = await account.deliver(anna, { conversation: 'good morning' });
    for await (const { messages } of watching) {
      const [message] = messages;
      if (message === undefined) continue;
      expect(message).toMatchObject({
        key: { chatJid: ANNA, senderJid: ANNA, fromMe: false, messageId: id },
        text: 'good morning',
        senderName: 'Anna',
        sources: [Source.LIVE],
      });
      break;
    }
    expect(await texts()).toEqual(['good morning']);
  });

  it('has each message once after kill -9, also those that came while it was away', async () => {
    const sent = Array.from({ length: 40 }, (_, n) => `message ${n}`);
    const deliver = async (some: string[]): Promise<void> => {
      for (const conversation of some) await account.deliver(anna, { conversation });
    };
    await deliver(sent.slice(0, 20));
    await linked.daemon.kill9();
    await deliver(sent.slice(20));
    await linked.daemon.restart();
    await linked.until('a', LinkState.ONLINE);
    await account.settled();
    await expect.poll(async () => (await texts()).sort(), { timeout: 10_000 }).toEqual(sent.toSorted());
  });

  it('keeps its history when it is unlinked', async () => {
    await account.acknowledged(await account.deliver(anna, { conversation: 'stays' }));
    await expect.poll(() => texts(), { timeout: 10_000 }).toEqual(['stays']);
    await linked.daemon.client.sessions.unlinkSession({ sessionId: 'a' });
    expect(await texts()).toEqual(['stays']);
  });
});
