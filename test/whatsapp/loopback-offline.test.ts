import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LinkedClient } from '../support/whatsapp/baileys-client.js';
import { BaileysClient, copyClientState, linkClient } from '../support/whatsapp/baileys-client.js';
import { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';
import { find, SERVER_JID } from '../support/whatsapp/nodes.js';
import type { Peer } from '../support/whatsapp/peer.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };

let whatsapp: LoopbackWhatsApp;
let linked: LinkedClient;
let anna: Peer;
const clients: BaileysClient[] = [];
beforeEach(async () => {
  whatsapp = await LoopbackWhatsApp.listen();
  anna = whatsapp.addPerson({ phone: '491700000002', lid: '900000000000002', name: 'Anna' });
  linked = await linkClient(whatsapp, owner);
  await linked.client.next('messaging-history.set');
  await linked.account.acknowledgements.waitFor(({ type }) => type === 'hist_sync');
});
afterEach(async () => {
  await linked.client.end();
  for (const client of clients.splice(0)) await client.end();
  await whatsapp.close();
  expect(whatsapp.errors).toEqual([]);
});

function reconnect(state = linked.state): BaileysClient {
  const client = new BaileysClient(whatsapp, state);
  clients.push(client);
  return client;
}

/** The texts that a client received, by how they came. */
function texts(client: BaileysClient, type: 'notify' | 'append'): string[] {
  return client
    .seen('messages.upsert')
    .filter((upsert) => upsert.type === type)
    .flatMap(({ messages }) => messages.flatMap(({ message }) => message?.conversation ?? []));
}

describe('what is sent while a client is away', () => {
  it('waits, and comes at the next login in its order, as an append', async () => {
    const { account, client } = linked;
    await client.end();
    await account.offline();
    const ids = [];
    for (const conversation of ['one', 'two', 'three']) ids.push(await account.deliver(anna, { conversation }));
    expect(account.waiting).toEqual(ids);
    const again = reconnect();
    await Promise.all(ids.map((id) => account.acknowledged(id)));
    await again.messages(3);
    expect(texts(again, 'append')).toEqual(['one', 'two', 'three']);
    expect(texts(again, 'notify')).toEqual([]);
    expect(account.waiting).toEqual([]);
    const done = await again.next('connection.update', (update) => update.receivedPendingNotifications === true);
    expect(done.receivedPendingNotifications).toBe(true);
    // The client's answer to being told in advance what will come.
    const batch = await account.otherStanzas.waitFor((stanza) => find(stanza, 'offline_batch') !== undefined);
    expect(find(batch, 'offline_batch')?.attrs.count).toBe('100');
  });

  it('comes again, with the same bytes, until the server takes note of a receipt', async () => {
    const { account, client, state } = linked;
    const frames: Uint8Array[] = [];
    const note = (node: { tag: string; content?: { content?: unknown }[] }): void => {
      const content = node.tag === 'message' ? node.content?.[0]?.content : undefined;
      if (content instanceof Uint8Array) frames.push(Uint8Array.from(content));
    };
    client.socket.ws.on('frame', note);
    const before = copyClientState(state);
    const cut = whatsapp.cut('receiving', (stanza) => stanza.tag === 'receipt');
    const id = await account.deliver(anna, { conversation: 'hello' });
    await cut;
    expect(await client.closed()).toBe(428);
    await account.offline();
    expect(account.waiting).toEqual([id]);
    expect(account.acknowledgements.entries.filter((entry) => entry.id === id)).toEqual([]);

    // The client died before it wrote its keys down.
    const again = reconnect(before);
    again.socket.ws.on('frame', note);
    await again.messages(1);
    expect(texts(again, 'append')).toEqual(['hello']);
    await account.acknowledged(id);
    expect(frames).toHaveLength(2);
    expect(frames[1]).toEqual(frames[0]);
  });

  it('cannot be decrypted twice: the second time it is given up with 487, without an event', async () => {
    const { account, client } = linked;
    account.loses = ({ tag }) => tag === 'receipt';
    const id = await account.deliver(anna, { conversation: 'hello' });
    await client.messages(1 + 1);
    const lost = await account.acknowledgements.waitFor((entry) => entry.id === id);
    expect(lost).toMatchObject({ kind: 'receipt', lost: true });
    expect(account.waiting).toEqual([id]);
    account.loses = () => false;
    await client.end();
    await account.offline();

    const again = reconnect();
    expect(await account.acknowledged(id)).toMatchObject({ kind: 'ack', error: '487' });
    expect(account.waiting).toEqual([]);
    expect(again.seen('messages.upsert')).toEqual([]);
  });

  it('is complete after the replay itself is cut', async () => {
    const { account, client } = linked;
    await client.end();
    await account.offline();
    const all = Array.from({ length: 20 }, (_, index) => `text ${index}`);
    for (const conversation of all) await account.deliver(anna, { conversation });
    const cut = whatsapp.cut('sent', ({ attrs }) => attrs.id === account.waiting[9]);
    const first = reconnect();
    await cut;
    await first.closed();
    await account.offline();
    const second = reconnect();
    const last = account.waiting.at(-1) ?? '';
    await account.acknowledged(last);
    await second.next('messages.upsert', ({ messages }) => messages.some(({ key }) => key.id === last));
    const seen = new Set([...texts(first, 'append'), ...texts(second, 'append')]);
    expect([...seen].sort()).toEqual([...all].sort());
    expect(account.waiting).toEqual([]);
  });

  it('comes also when the server never says that it is all', async () => {
    const { account, client } = linked;
    await client.end();
    await account.offline();
    account.announcesOffline = false;
    const id = await account.deliver(anna, { conversation: 'waited' });
    const again = reconnect();
    await account.acknowledged(id);
    // The client holds it back until something live comes.
    expect(texts(again, 'append')).toEqual([]);
    await account.deliver(anna, { conversation: 'live' });
    await again.messages(2);
    expect([texts(again, 'append'), texts(again, 'notify')]).toEqual([['waited'], ['live']]);
  });

  it('can be receipts and notifications, which wait for their acks', async () => {
    const { account, client } = linked;
    await client.end();
    await account.offline();
    await account.deliverReceipt(anna.jid(), ['A1'], { type: 'read' });
    const id = await account.deliverStanza('notification', { type: 'encrypt', from: SERVER_JID }, [
      { tag: 'count', attrs: { value: '3' } },
    ]);
    const before = account.companion?.preKeysLeft ?? 0;
    const again = reconnect();
    await again.next('messages.update');
    // Acknowledged when the client, told that its keys run out, has uploaded more.
    await account.acknowledged(id);
    expect(account.companion?.preKeysLeft).toBe(before + 5);
    expect(account.waiting).toEqual([]);
  });
});

describe('a live message', () => {
  it('may come twice, and is then given up the second time', async () => {
    const { account, client } = linked;
    account.loses = ({ tag }) => tag === 'receipt';
    const id = await account.deliver(anna, { conversation: 'hello' });
    await account.acknowledgements.waitFor((entry) => entry.id === id);
    account.repeat(id);
    expect(await account.acknowledged(id)).toMatchObject({ kind: 'ack', error: '487' });
    expect(texts(client, 'notify')).toEqual(['hello']);
  });

  it('is not lost when the connection is cut instead of sending it', async () => {
    const { account, client } = linked;
    const cut = whatsapp.cut('sending', ({ tag }) => tag === 'message');
    const id = await account.deliver(anna, { conversation: 'hello' });
    await cut;
    await client.closed();
    const again = reconnect();
    await account.acknowledged(id);
    await again.messages(1);
    expect(texts(again, 'append')).toEqual(['hello']);
  });

  it('is settled when the connection is cut after its receipt', async () => {
    const { account, client } = linked;
    const cut = whatsapp.cut('received', ({ tag }) => tag === 'receipt');
    const id = await account.deliver(anna, { conversation: 'hello' });
    await cut;
    expect(await client.closed()).toBe(428);
    expect(await account.acknowledged(id)).toMatchObject({ kind: 'receipt' });
    expect(account.waiting).toEqual([]);
  });
});
