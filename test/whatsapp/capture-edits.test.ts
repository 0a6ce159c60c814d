import type { proto } from '@whiskeysockets/baileys';
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LiveSource, liveSource } from '../../src/domain/live-event.js';
import { MessageKind } from '../../src/gen/scrollback/v1/message_pb.js';
import { convertMessage } from '../../src/whatsapp/convert-message.js';
import { type CapturedHistory, type CapturedLink } from '../support/captured-link.js';
import { ANNA, ANNA_LID, BEN, closeCaptured, openCaptured, OWNER } from '../support/captured-stage.js';
import type { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';
import type { DeliverOptions } from '../support/whatsapp/message-stanza.js';
import type { Peer } from '../support/whatsapp/peer.js';
import { editEvent, editMessage } from '../support/whatsapp/sealed-edit.js';

const T = 1_700_000_000;
const secret = randomBytes(32);
const messageContextInfo = { messageSecret: secret };

let whatsapp: LoopbackWhatsApp;
let history: CapturedHistory;
let link: CapturedLink;
let anna: Peer;
let id: string;
beforeEach(async () => {
  ({ whatsapp, anna, history, link } = await openCaptured());
  id = randomBytes(10).toString('hex').toUpperCase();
});
afterEach(() => closeCaptured({ whatsapp, history, link }));

/** Delivers a message and waits until the client has acknowledged it. */
async function deliver(author: Peer, message: proto.IMessage, options?: DeliverOptions): Promise<string> {
  const delivered = await link.account.deliver(author, message, { t: T, ...options });
  await link.account.acknowledged(delivered);
  return delivered;
}

const original = (text = 'hello') => deliver(anna, { conversation: text, messageContextInfo }, { id });
const edit = (text: string, ms: number, more: Partial<Parameters<typeof editMessage>[0]> = {}) =>
  editMessage({
    targetKey: { remoteJid: OWNER, fromMe: true, id },
    author: ANNA,
    secret,
    edited: { conversation: text },
    timestampMs: T * 1000 + ms,
    ...more,
  });
const at = (ms: number) => ({ seconds: BigInt(T), nanos: ms * 1e6 });

describe('an edit that is sealed with the secret of the message', () => {
  it('changes the message, also when it comes before it, and the latest counts', async () => {
    const second = await deliver(anna, edit('second', 20));
    await deliver(anna, edit('first', 10));
    expect(await history.messages()).toEqual([]);
    await original();
    expect(await history.messages()).toMatchObject([
      { kind: MessageKind.TEXT, text: 'second', editTime: at(20), key: { messageId: id } },
    ]);
    await deliver(anna, edit('third', 30));
    await deliver(anna, edit('before', 5));
    const [message] = await history.messages();
    expect(message).toMatchObject({ text: 'third', editTime: at(30) });
    expect(message?.alternateMessageIds).toHaveLength(4);
    expect(message?.alternateMessageIds).toContain(second);
    expect(await history.messages()).toHaveLength(1);
  });

  it('changes the caption of a file, and mentions people by what they are known as', async () => {
    const image = { fileSha256: Buffer.alloc(32, 1), mediaKey: Buffer.alloc(32, 2), mimetype: 'image/jpeg' };
    await deliver(anna, { conversation: 'I am here' }, { addressing: 'lid' });
    await deliver(anna, { imageMessage: { ...image, caption: 'sea' }, messageContextInfo }, { id, t: T + 1 });
    const edited = { imageMessage: { caption: 'lake', contextInfo: { mentionedJid: [ANNA_LID] } } };
    await deliver(anna, edit('', 40, { edited }));
    expect((await history.messages())[1]).toMatchObject({
      kind: MessageKind.IMAGE,
      text: 'lake',
      mentionedJids: [ANNA],
      media: { mimeType: 'image/jpeg' },
      editTime: at(40),
    });
  });

  it('of the owner, of a member of a group, and of the content alone is one too', async () => {
    const key = { remoteJid: ANNA, fromMe: true, id };
    const own = { chat: anna };
    await deliver(link.account.phone, { conversation: 'mine', messageContextInfo }, { ...own, id });
    await deliver(link.account.phone, edit('ours', 1, { targetKey: key, author: OWNER }), own);
    const members = [link.account.phone];
    const group = whatsapp.groups.create({ subject: 'G', creator: anna, members, addressing: 'lid' });
    const chat = { chat: group.jid, addressing: 'lid' as const };
    const [groupId, targetKey] = ['G1', { remoteJid: group.jid, participant: ANNA_LID, fromMe: false, id: 'G1' }];
    await deliver(anna, { conversation: 'here', messageContextInfo }, { ...chat, id: groupId, t: T + 1 });
    const bare = edit('there', 0, { targetKey, author: ANNA_LID, timestampMs: undefined });
    await deliver(anna, bare, { ...chat, t: T + 60 });
    expect(await history.messages()).toMatchObject([
      { text: 'ours', editTime: at(1), key: { fromMe: true } },
      { text: 'there', editTime: { seconds: BigInt(T + 60) }, key: { chatJid: group.jid, senderJid: ANNA } },
    ]);
  });

  it('of somebody else, with another secret, or that says nothing leaves the message', async () => {
    const ben = whatsapp.addPerson({ phone: '491700000003', lid: '900000000000003', name: 'Ben' });
    const group = whatsapp.groups.create({ subject: 'G', creator: anna, members: [link.account.phone, ben] });
    const chat = { chat: group.jid };
    const targetKey = { remoteJid: group.jid, participant: ANNA, fromMe: false, id };
    await deliver(anna, { conversation: 'hello', messageContextInfo }, { ...chat, id });
    await deliver(ben, edit('bens', 10, { targetKey, editor: BEN }), chat);
    await deliver(ben, edit('bens', 10, { targetKey }), chat);
    await deliver(anna, edit('other', 10, { targetKey, secret: randomBytes(32) }), chat);
    await deliver(anna, edit('', 10, { targetKey, edited: {} }), chat);
    await deliver(anna, editEvent({ eventKey: targetKey, author: ANNA, secret, event: { name: 'event' } }), chat);
    const [message, ...others] = await history.messages();
    expect(others).toEqual([]);
    expect(message).toMatchObject({ kind: MessageKind.TEXT, text: 'hello' });
    expect(message?.editTime).toBeUndefined();
  });
});

describe('the secret of a message', () => {
  const hello: proto.IMessage = { conversation: 'hello' };
  const secretOf = (length: number, source: LiveSource, message = hello, daysLater = 31) => {
    const info = { key: { remoteJid: ANNA, id: 'A1' }, messageTimestamp: T, messageSecret: Buffer.alloc(length) };
    const origin = { me: { phone: OWNER, lid: '' }, source, asOfMs: (T + daysLater * 86_400) * 1000 };
    const [event] = convertMessage({ ...info, message }, origin);
    return event?.type === 'message' ? event.message.secret?.length : -1;
  };

  it('is kept of what comes live, and of what is answered for long of anything', () => {
    const event = { eventMessage: { name: 'Picnic' } };
    expect([secretOf(32, liveSource.live), secretOf(32, liveSource.historySync)]).toEqual([32, undefined]);
    expect([secretOf(32, liveSource.live, event), secretOf(32, liveSource.historySync, event)]).toEqual([32, 32]);
  });

  it('is kept of what was new when history was told, beside the message or in it', () => {
    const { historySync, onDemand } = liveSource;
    const inside = { ...hello, messageContextInfo: { messageSecret: Buffer.alloc(33) } };
    expect([29, 31].map((days) => secretOf(32, historySync, hello, days))).toEqual([32, undefined]);
    expect([29, 31].map((days) => secretOf(32, onDemand, inside, days))).toEqual([33, undefined]);
    expect(secretOf(32, historySync, { ...hello, messageContextInfo: { messageSecret: Buffer.alloc(0) } }, 1)).toBe(32);
  });

  it('is none when it is longer than any', () => {
    expect([secretOf(64, liveSource.live), secretOf(65, liveSource.live), secretOf(0, liveSource.live)]).toEqual([
      64,
      undefined,
      undefined,
    ]);
  });
});
