import type { proto } from '@whiskeysockets/baileys';
import { decryptPollVote, getKeyAuthor, proto as wire } from '@whiskeysockets/baileys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LinkedClient } from '../support/whatsapp/baileys-client.js';
import { linkClient } from '../support/whatsapp/baileys-client.js';
import { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';
import type { Peer } from '../support/whatsapp/peer.js';
import { castPollVote } from '../support/whatsapp/poll-vote.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };
const annaPn = '491700000002@s.whatsapp.net';
const annaLid = '900000000000002@lid';
const { Type } = wire.Message.ProtocolMessage;

let whatsapp: LoopbackWhatsApp;
let linked: LinkedClient;
let anna: Peer;
beforeEach(async () => {
  whatsapp = await LoopbackWhatsApp.listen({ claimsPreKeys: true });
  anna = whatsapp.addPerson({ phone: '491700000002', lid: '900000000000002', name: 'Anna' });
  linked = await linkClient(whatsapp, owner);
  // With the first chunk of history the client stops holding events back.
  await linked.client.next('messaging-history.set');
});
afterEach(async () => {
  await linked.client.end();
  await whatsapp.close();
  expect(whatsapp.errors).toEqual([]);
});

/** The message that came under an id. */
async function received(id: string): Promise<proto.IWebMessageInfo> {
  const { messages } = await linked.client.next('messages.upsert', (upsert) => upsert.messages[0]?.key.id === id);
  return messages[0]!;
}

describe('a message to a linked client', () => {
  it('of a person is decrypted and acknowledged as inactive', async () => {
    const { account, client } = linked;
    const id = await account.deliver(anna, { conversation: 'hello' }, { t: 1_700_000_000 });
    const upsert = await client.next('messages.upsert', ({ messages }) => messages[0]?.key.id === id);
    expect(upsert.type).toBe('notify');
    expect(upsert.messages[0]).toMatchObject({
      key: { remoteJid: annaPn, fromMe: false },
      message: { conversation: 'hello' },
      messageTimestamp: 1_700_000_000,
      pushName: 'Anna',
    });
    expect(await account.acknowledged(id)).toMatchObject({
      kind: 'receipt',
      type: 'inactive',
      to: annaPn,
      lost: false,
    });
    expect(account.waiting).toEqual([]);
  });

  it('comes in the order in which it was delivered', async () => {
    const texts = Array.from({ length: 30 }, (_, index) => `text ${index}`);
    await Promise.all(texts.map((conversation) => linked.account.deliver(anna, { conversation })));
    const all = await linked.client.messages(30 + 1);
    expect(all.flatMap(({ message }) => message?.conversation ?? [])).toEqual(texts);
  });

  it('says both names of a person who writes under a LID', async () => {
    const id = await linked.account.deliver(anna, { conversation: 'hello' }, { addressing: 'lid' });
    expect((await received(id)).key).toMatchObject({
      remoteJid: annaLid,
      remoteJidAlt: annaPn,
      addressingMode: 'lid',
    });
  });

  it('says the LID of a person who writes under a number, when it is told', async () => {
    const id = await linked.account.deliver(anna, { conversation: 'hello' }, { tellsOther: true });
    expect((await received(id)).key).toMatchObject({ remoteJid: annaPn, remoteJidAlt: annaLid, addressingMode: 'pn' });
  });

  it.each([
    ['a number', { phone: '491700000003' }, '491700000003@s.whatsapp.net'],
    ['a LID', { lid: '900000000000003' }, '900000000000003@lid'],
  ])('comes from a person who has only %s', async (_, names, jid) => {
    const id = await linked.account.deliver(whatsapp.addPerson(names), { conversation: 'hello' });
    const { key, message } = await received(id);
    expect([key?.remoteJid, message?.conversation]).toEqual([jid, 'hello']);
  });

  it('comes from a person whose LID is told later', async () => {
    const { account, client } = linked;
    const ben = whatsapp.addPerson({ phone: '491700000003', lid: '900000000000003' });
    ben.lidPublished = false;
    await received(await account.deliver(ben, { conversation: 'before' }));
    const before = await client.socket.signalRepository.lidMapping.getLIDForPN(ben.jid('pn'));
    ben.lidPublished = true;
    expect(before).toBeNull();
    // The client keeps the session under the number, does not find it under the LID, and asks for a new one.
    await account.deliver(ben, { conversation: 'after' }, { addressing: 'lid', onRetry: 'send-anew' });
    await client.next('messages.upsert', ({ messages }) => messages[0]?.message?.conversation === 'after');
    expect(await client.socket.signalRepository.lidMapping.getLIDForPN(ben.jid('pn'))).toBe(ben.jid('lid'));
  });

  it.each(['pn', 'lid'] as const)('from the own phone is the client’s own, by %s', async (addressing) => {
    const { account } = linked;
    const id = await account.deliver(account.phone, { conversation: 'mine' }, { chat: anna, addressing });
    expect(await received(id)).toMatchObject({
      key: { remoteJid: anna.jid(addressing), fromMe: true },
      message: { conversation: 'mine' },
    });
    expect(await account.acknowledged(id)).toMatchObject({ type: 'sender', recipient: anna.jid(addressing) });
  });

  it('from the own phone says both names of whom it went to', async () => {
    const { account } = linked;
    const byLid = await account.deliver(account.phone, { conversation: 'mine' }, { chat: anna, addressing: 'lid' });
    expect((await received(byLid)).key).toMatchObject({ remoteJid: annaLid, remoteJidAlt: annaPn });
    const stranger = whatsapp.addPerson({ lid: '900000000000003' });
    const id = await account.deliver(account.phone, { conversation: 'mine' }, { chat: stranger });
    expect((await received(id)).key).toMatchObject({ remoteJid: stranger.jid(), fromMe: true });
  });

  it('needs no encryption when many are needed', async () => {
    const { account, client } = linked;
    const ids = [];
    for (let index = 0; index < 500; index++) {
      ids.push(await account.deliver(anna, { conversation: `text ${index}` }, { form: 'plaintext' }));
    }
    await Promise.all(ids.map((id) => account.acknowledged(id)));
    const all = await client.messages(500 + 1);
    expect(all.filter(({ message }) => message?.conversation?.startsWith('text'))).toHaveLength(500);
  });

  it('changes, takes back and reacts to others', async () => {
    const { account, client } = linked;
    const id = await account.deliver(anna, { conversation: 'helo' });
    const key = { remoteJid: annaPn, fromMe: false, id };
    await account.deliver(anna, {
      protocolMessage: { type: Type.MESSAGE_EDIT, key, editedMessage: { conversation: 'hello' }, timestampMs: 1 },
    });
    await account.deliver(anna, { reactionMessage: { key, text: '👍', senderTimestampMs: 2 } });
    await account.deliver(anna, { protocolMessage: { type: Type.REVOKE, key } });
    const [reaction] = await client.next('messages.reaction');
    expect(reaction).toMatchObject({ key: { id }, reaction: { text: '👍' } });
    await client.next('messages.update', ([change]) => change?.update.message === null);
    const changes = client.seen('messages.update').flat();
    expect(changes.map(({ key: { id: changed }, update }) => [changed, update.message])).toMatchObject([
      [id, { editedMessage: { message: { conversation: 'hello' } } }],
      [id, null],
    ]);
  });

  it('can be a poll, and a vote that only its secret opens', async () => {
    const { account } = linked;
    const messageSecret = new Uint8Array(32).fill(7);
    const options = [{ optionName: 'yes' }, { optionName: 'no' }];
    const pollId = await account.deliver(anna, {
      messageContextInfo: { messageSecret },
      pollCreationMessageV3: { name: 'lunch?', options, selectableOptionsCount: 1 },
    });
    const poll = await received(pollId);
    const secret = poll.message?.messageContextInfo?.messageSecret ?? new Uint8Array();
    const pollKey = { remoteJid: annaPn, fromMe: false, id: pollId };
    const vote = castPollVote({ pollKey, pollAuthor: annaPn, voter: annaPn, secret: messageSecret, options: ['no'] });
    const { key, message } = await received(await account.deliver(anna, { pollUpdateMessage: vote }));
    const opened = decryptPollVote(message?.pollUpdateMessage?.vote ?? {}, {
      pollCreatorJid: annaPn,
      pollMsgId: pollId,
      pollEncKey: secret,
      voterJid: getKeyAuthor(key, ''),
    });
    expect(opened.selectedOptions).toEqual(vote.choices);
  });

  it('that nobody can decrypt leaves a stub, until its author sends it anew', async () => {
    const { account, client } = linked;
    const id = await account.deliver(anna, { conversation: 'at last' }, { form: 'garbage', onRetry: 'send-anew' });
    const text = await client.next(
      'messages.upsert',
      ({ messages }) => messages[0]?.message?.conversation === 'at last',
    );
    expect(text.messages[0]?.key.id).toBe(id);
    const [stub] = await client.messages(1 + 1).then((all) => all.filter(({ key }) => key.id === id));
    expect(stub?.messageStubType).toBe(wire.WebMessageInfo.StubType.CIPHERTEXT);
    await account.acknowledgements.waitFor((entry) => entry.id === id && entry.kind === 'receipt');
    const said = account.acknowledgements.entries.filter((entry) => entry.id === id);
    expect(said.map(({ kind, error }) => [kind, error])).toEqual([
      ['retry', undefined],
      ['ack', '500'],
      ['receipt', undefined],
    ]);
  });

  it('without content is asked of the phone, which sends it', async () => {
    const { account, client } = linked;
    account.script.onPlaceholderRequest = (keys) =>
      keys.map((key) => ({ key, message: { conversation: 'from the phone' }, messageTimestamp: 1_700_000_000 }));
    const id = await account.deliver(anna, {}, { form: 'absent' });
    expect((await received(id)).messageStubParameters).toEqual(['Message absent from node']);
    const isText = (message: proto.IWebMessageInfo): boolean => message.message?.conversation === 'from the phone';
    const resent = await client.next('messages.upsert', ({ messages }) => messages.some(isText));
    expect(resent.messages.find(isText)?.key.id).toBe(id);
    expect(account.sent.entries).toMatchObject([{ category: 'peer' }]);
  });
});

describe('a linked client', () => {
  it('hears how far the messages of its owner came', async () => {
    const { account, client } = linked;
    await account.deliverReceipt(annaPn, ['A1', 'A2']);
    await client.next('messages.update');
    await account.deliverReceipt(annaPn, ['A1'], { type: 'read' });
    await client.next('messages.update', ([change]) => change?.update.status === wire.WebMessageInfo.Status.READ);
    const changes = client.seen('messages.update').flat();
    expect(changes.map(({ key, update }) => [key.id, update.status])).toEqual([
      ['A1', wire.WebMessageInfo.Status.DELIVERY_ACK],
      ['A2', wire.WebMessageInfo.Status.DELIVERY_ACK],
      ['A1', wire.WebMessageInfo.Status.READ],
    ]);
    await account.acknowledgements.waitFor(({ of, type }) => of === 'receipt' && type === 'read');
    expect(account.waiting).toEqual([]);
  });

  it.each([annaPn, annaLid])('can write to %s, who reads it', async (jid) => {
    const { account, client } = linked;
    await client.socket.sendMessage(jid, { text: 'hi' });
    const message = await account.sent.waitFor();
    expect(message.copies.get(jid)?.extendedTextMessage?.text).toBe('hi');
    const own = [...message.copies].find(([to]) => to !== jid)?.[1];
    expect(own?.deviceSentMessage).toMatchObject({
      destinationJid: jid,
      message: { extendedTextMessage: { text: 'hi' } },
    });
    // The answer continues the session that the client began.
    const id = await account.deliver(anna, { conversation: 'hi yourself' });
    expect((await received(id)).message?.conversation).toBe('hi yourself');
  });
});
