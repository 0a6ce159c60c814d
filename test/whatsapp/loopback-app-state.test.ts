import { chatModificationToAppPatch } from '@whiskeysockets/baileys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LinkedClient } from '../support/whatsapp/baileys-client.js';
import { BaileysClient, linkClient } from '../support/whatsapp/baileys-client.js';
import { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';
import { SERVER_JID } from '../support/whatsapp/nodes.js';
import type { Peer } from '../support/whatsapp/peer.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };

let whatsapp: LoopbackWhatsApp;
let linked: LinkedClient;
let anna: Peer;
beforeEach(async () => {
  whatsapp = await LoopbackWhatsApp.listen({ claimsPreKeys: true });
  anna = whatsapp.addPerson({ phone: '491700000002', lid: '900000000000002', name: 'Anna' });
  linked = await linkClient(whatsapp, owner);
  await linked.client.next('messaging-history.set');
});
afterEach(async () => {
  await linked.client.end();
  await whatsapp.close();
  expect(whatsapp.errors).toEqual([]);
});

describe('what all devices of an account share', () => {
  it('reaches a client that has the key: contacts, archived, muted and pinned chats', async () => {
    const { account, client } = linked;
    await account.acknowledged(await account.shareAppStateKey());
    const jid = anna.jid();
    const lastMessages = [{ key: { remoteJid: jid, fromMe: false, id: 'A1' }, messageTimestamp: 1_700_000_000 }];
    for (const change of [
      { contact: { fullName: 'Anna Ames', firstName: 'Anna', saveOnPrimaryAddressbook: true } },
      { archive: true, lastMessages },
      { mute: 8 * 3_600_000 },
      { pin: true },
    ]) {
      await account.acknowledged(await account.changeAppState(chatModificationToAppPatch(change, jid)));
    }
    const [contact] = await client.next('contacts.upsert');
    expect(contact).toMatchObject({ id: jid, name: 'Anna Ames' });
    await client.next('chats.update', ([chat]) => chat?.pinned !== undefined);
    const changes = client
      .seen('chats.update')
      .flat()
      .reduce((all, change) => ({ ...all, ...change }), {});
    expect(changes).toMatchObject({ id: jid, archived: true });
    expect(changes.muteEndTime).toEqual(expect.anything());
    expect(changes.pinned).toEqual(expect.anything());
  });

  it('waits for a client that gets the key later', async () => {
    const { account, client } = linked;
    const change = chatModificationToAppPatch({ contact: { fullName: 'Anna Ames' } }, anna.jid());
    await account.acknowledged(await account.changeAppState(change));
    expect(
      client
        .seen('contacts.upsert')
        .flat()
        .filter(({ name }) => name === 'Anna Ames'),
    ).toEqual([]);
    await account.shareAppStateKey();
    const found = await client.next('contacts.upsert', ([contact]) => contact?.name === 'Anna Ames');
    expect(found).toMatchObject([{ id: anna.jid() }]);
  });
});

describe('a linked client', () => {
  it('tells its name and is not online', async () => {
    const { account } = linked;
    await account.deliver(account.phone, { conversation: 'mine' }, { chat: anna });
    await account.otherStanzas.waitFor(({ tag, attrs }) => tag === 'presence' && attrs.name === owner.name);
    const types = account.otherStanzas.entries.map(({ attrs }) => attrs.type);
    expect(types).not.toContain('available');
  });

  it('hears of calls', async () => {
    const { account, client } = linked;
    const offer = { tag: 'offer', attrs: { 'call-id': 'C1', 'call-creator': anna.jid(), from: anna.jid() } };
    const id = await account.deliverStanza('call', { from: anna.jid() }, [{ ...offer, content: [] }]);
    const [call] = await client.next('call');
    expect(call).toMatchObject({ id: 'C1', from: anna.jid(), status: 'offer', isVideo: false });
    expect(await account.acknowledged(id)).toMatchObject({ of: 'call' });
  });

  it('can be refused what it asks, or get no answer', async () => {
    const { account, client } = linked;
    account.refuses = ({ attrs }) => (attrs.xmlns === 'w:g2' ? 429 : undefined);
    await expect(client.socket.groupFetchAllParticipating()).rejects.toThrow('refused');
    account.refuses = ({ attrs }) => (attrs.xmlns === 'blocklist' ? 'silence' : undefined);
    const query = { tag: 'iq', attrs: { xmlns: 'blocklist', to: SERVER_JID, type: 'get' } };
    // The client's own limit may reject or resolve to nothing, whichever is first.
    const answer: unknown = await client.socket.query(query, 100).catch(() => undefined);
    expect(answer).toBeUndefined();
    expect(await client.socket.groupFetchAllParticipating()).toEqual({});
  });

  it('does not get what waited for the device before it, but its own first history', async () => {
    const { account, client } = linked;
    await account.settled();
    await client.end();
    await account.offline();
    await account.deliver(anna, { conversation: 'to the old device' });
    expect(account.waiting).toHaveLength(1);
    const other = await linkClient(whatsapp, owner);
    await other.client.next('messaging-history.set');
    await account.settled();
    expect(
      other.client.seen('messages.upsert').flatMap(({ messages }) => messages[0]?.message?.conversation ?? []),
    ).toEqual([]);
    await other.client.end();
  });

  it('is the only one whose login fails, when it alone is meant', async () => {
    const other = await linkClient(whatsapp, { phone: '491700000009', lid: '900000000000009' });
    await other.client.end();
    await linked.client.end();
    whatsapp.failNextLogin(403, owner.phone);
    const again = new BaileysClient(whatsapp, other.state);
    await again.opened();
    expect(await new BaileysClient(whatsapp, linked.state).closed()).toBe(403);
    await again.end();
  });
});
