import { proto } from '@whiskeysockets/baileys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LinkedClient } from '../support/whatsapp/baileys-client.js';
import { BaileysClient, linkClient } from '../support/whatsapp/baileys-client.js';
import type { Group } from '../support/whatsapp/groups.js';
import { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';
import type { Addressing, Peer } from '../support/whatsapp/peer.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };

let whatsapp: LoopbackWhatsApp;
let linked: LinkedClient;
let anna: Peer;
let ben: Peer;
beforeEach(async () => {
  whatsapp = await LoopbackWhatsApp.listen({ claimsPreKeys: true });
  anna = whatsapp.addPerson({ phone: '491700000002', lid: '900000000000002', name: 'Anna' });
  ben = whatsapp.addPerson({ phone: '491700000003', lid: '900000000000003', name: 'Ben' });
  linked = await linkClient(whatsapp, owner);
  await linked.client.next('messaging-history.set');
});
afterEach(async () => {
  await linked.client.end();
  await whatsapp.close();
  expect(whatsapp.errors).toEqual([]);
});

function found(addressing: Addressing = 'pn'): Group {
  const members = [linked.account.phone, ben];
  return whatsapp.groups.create({ subject: 'Lunch', creator: anna, members, addressing, description: 'At noon' });
}

async function received(id: string): Promise<proto.IWebMessageInfo> {
  const { messages } = await linked.client.next('messages.upsert', (upsert) => upsert.messages[0]?.key.id === id);
  return messages[0]!;
}

describe('a message in a group', () => {
  it.each(['pn', 'lid'] as const)('is decrypted by the sender’s key, by %s', async (addressing) => {
    const { account } = linked;
    const group = found(addressing);
    const ids = [];
    for (const [author, conversation] of [
      [anna, 'one'],
      [ben, 'two'],
      [anna, 'three'],
    ] as const) {
      ids.push(await account.deliver(author, { conversation }, { chat: group.jid, addressing }));
    }
    const all = await Promise.all(ids.map(received));
    expect(all.map(({ message }) => message?.conversation)).toEqual(['one', 'two', 'three']);
    expect(all[1]?.key).toMatchObject({
      remoteJid: group.jid,
      participant: ben.jid(addressing),
      addressingMode: addressing,
    });
    expect(await account.acknowledged(ids[1] ?? '')).toMatchObject({ to: group.jid, participant: ben.jid(addressing) });
  });

  it('says the other name of its author', async () => {
    const { account } = linked;
    const group = found('lid');
    const told = { chat: group.jid, tellsOther: true };
    const byLid = await account.deliver(anna, { conversation: 'hello' }, { ...told, addressing: 'lid' });
    expect((await received(byLid)).key).toMatchObject({ participant: anna.jid('lid'), participantAlt: anna.jid('pn') });
    const byPn = await account.deliver(ben, { conversation: 'hello' }, { ...told, addressing: 'pn' });
    expect((await received(byPn)).key).toMatchObject({ participant: ben.jid('pn'), participantAlt: ben.jid('lid') });
  });

  it('can be of the own phone', async () => {
    const { account } = linked;
    const id = await account.deliver(account.phone, { conversation: 'mine' }, { chat: found().jid });
    expect(await received(id)).toMatchObject({ key: { fromMe: true }, message: { conversation: 'mine' } });
  });

  it('is decrypted in a new session when the client asks again', async () => {
    const { account, client } = linked;
    const options = { chat: found().jid, form: 'garbage', onRetry: 'send-anew' } as const;
    await account.deliver(anna, { conversation: 'at last' }, options);
    await client.next('messages.upsert', ({ messages }) => messages[0]?.message?.conversation === 'at last');
  });

  it('is read by the group when the client writes it', async () => {
    const { account, client } = linked;
    const group = found();
    await client.socket.sendMessage(group.jid, { text: 'hello all' });
    const { copies } = await account.sent.waitFor();
    expect(copies.get(group.jid)?.extendedTextMessage?.text).toBe('hello all');
    expect(copies.has(anna.jid())).toBe(true);
  });

  it('can be a status or of a newsletter', async () => {
    const { account } = linked;
    const status = await account.deliver(anna, { conversation: 'my day' }, { chat: 'status@broadcast' });
    expect((await received(status)).key).toMatchObject({ remoteJid: 'status@broadcast', participant: anna.jid() });
    const newsletter = '120363000000000001@newsletter';
    const news = await account.deliver(anna, { conversation: 'news' }, { chat: newsletter, form: 'plaintext' });
    expect(await received(news)).toMatchObject({ key: { remoteJid: newsletter }, message: { conversation: 'news' } });
    expect(await account.acknowledged(news)).toMatchObject({ kind: 'ack', error: undefined });
  });
});

describe('groups', () => {
  it('are told with their members and both names of each', async () => {
    const { client } = linked;
    const byPn = found('pn');
    const byLid = found('lid');
    whatsapp.groups.create({ subject: 'Others', creator: anna, members: [ben] });
    byLid.flags.add('announcement');
    const groups = await client.socket.groupFetchAllParticipating();
    expect(Object.keys(groups).sort()).toEqual([byPn.jid, byLid.jid].sort());
    expect(groups[byPn.jid]).toMatchObject({ subject: 'Lunch', desc: 'At noon', owner: anna.jid(), announce: false });
    expect(groups[byLid.jid]).toMatchObject({ addressingMode: 'lid', announce: true, size: 3 });
    expect(groups[byPn.jid]?.participants).toContainEqual(
      expect.objectContaining({ id: anna.jid('pn'), lid: anna.jid('lid'), admin: 'superadmin' }),
    );
    expect(groups[byLid.jid]?.participants).toContainEqual(
      expect.objectContaining({ id: ben.jid('lid'), phoneNumber: ben.jid('pn'), admin: null }),
    );
  });

  it('are told one by one to members only', async () => {
    const { client } = linked;
    const group = found();
    const others = whatsapp.groups.create({ subject: 'Others', creator: anna, members: [ben] });
    expect((await client.socket.groupMetadata(group.jid)).subject).toBe('Lunch');
    await expect(client.socket.groupMetadata(others.jid)).rejects.toThrow('item-not-found');
  });

  it('change, and everybody hears who did what', async () => {
    const { account, client } = linked;
    const group = found();
    const cleo = whatsapp.addPerson({ phone: '491700000004' });
    const { StubType } = proto.WebMessageInfo;
    const steps = [
      [{ change: 'add', members: [cleo] }, StubType.GROUP_PARTICIPANT_ADD],
      [{ change: 'promote', members: [ben] }, StubType.GROUP_PARTICIPANT_PROMOTE],
      [{ change: 'demote', members: [ben] }, StubType.GROUP_PARTICIPANT_DEMOTE],
      [{ change: 'remove', members: [cleo] }, StubType.GROUP_PARTICIPANT_REMOVE],
      [{ change: 'subject', subject: 'Dinner' }, StubType.GROUP_CHANGE_SUBJECT],
      [{ change: 'description', description: 'At eight' }, StubType.GROUP_CHANGE_DESCRIPTION],
      [{ change: 'announcement', on: true }, StubType.GROUP_CHANGE_ANNOUNCE],
      [{ change: 'locked', on: false }, StubType.GROUP_CHANGE_RESTRICT],
    ] as const;
    for (const [step, stub] of steps) {
      const id = await account.changeGroup(
        group,
        anna,
        'members' in step ? { ...step, members: [...step.members] } : step,
      );
      const message = await received(id);
      expect([message.messageStubType, message.key?.participant], step.change).toEqual([stub, anna.jid()]);
      expect(await account.acknowledged(id), step.change).toMatchObject({ of: 'notification' });
    }
    const members = client.seen('group-participants.update').map(({ action }) => action);
    expect(members).toEqual(['add', 'promote', 'demote', 'remove']);
    expect(
      client
        .seen('groups.update')
        .flat()
        .flatMap(({ subject }) => subject ?? []),
    ).toEqual(['Dinner']);
    expect(await client.socket.groupMetadata(group.jid)).toMatchObject({
      subject: 'Dinner',
      desc: 'At eight',
      size: 3,
    });
  });

  it('begin with a notification that holds them', async () => {
    const { account, client } = linked;
    const group = found('lid');
    await account.changeGroup(group, anna, { change: 'create' });
    const [begun] = await client.next('groups.upsert');
    expect(begun).toMatchObject({ id: group.jid, subject: 'Lunch', author: anna.jid('lid'), authorPn: anna.jid('pn') });
  });
});

describe('two accounts', () => {
  it('each hear of their own, also from the same person', async () => {
    const other = await linkClient(whatsapp, { phone: '491700000009', lid: '900000000000009' });
    const mine = await linked.account.deliver(anna, { conversation: 'to one' });
    const theirs = await other.account.deliver(anna, { conversation: 'to the other' });
    expect((await received(mine)).message?.conversation).toBe('to one');
    await other.client.next('messages.upsert', ({ messages }) => messages[0]?.key.id === theirs);
    const texts = other.client
      .seen('messages.upsert')
      .flatMap(({ messages }) => messages[0]?.message?.conversation ?? []);
    expect(texts).toEqual(['to the other']);
    await other.client.end();
  });
});

describe('a client that was given routing information', () => {
  it('sends it at the next connection, and is understood', async () => {
    const { account, client, state } = linked;
    const content = [{ tag: 'routing_info', attrs: {}, content: Buffer.from('this way') }];
    account.connection?.send({ tag: 'ib', attrs: {}, content: [{ tag: 'edge_routing', attrs: {}, content }] });
    await client.next('creds.update', ({ routingInfo }) => routingInfo?.toString() === 'this way');
    await client.end();
    const again = new BaileysClient(whatsapp, state);
    await again.opened();
    await again.end();
  });
});
