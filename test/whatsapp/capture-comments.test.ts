import { chatModificationToAppPatch, proto } from '@whiskeysockets/baileys';
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MessageKind } from '../../src/gen/scrollback/v1/message_pb.js';
import { CapturedHistory, CapturedLink } from '../support/captured-link.js';
import { ANNA, ANNA_LID, BEN, BEN_LID, closeCaptured, openCaptured, OWNER } from '../support/captured-stage.js';
import { copyClientState } from '../support/whatsapp/baileys-client.js';
import type { Group } from '../support/whatsapp/groups.js';
import type { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';
import type { DeliverOptions } from '../support/whatsapp/message-stanza.js';
import type { Peer } from '../support/whatsapp/peer.js';
import { editMessage, sealComment } from '../support/whatsapp/sealed-edit.js';

const T = 1_700_000_000;
const secret = randomBytes(32);
const messageContextInfo = { messageSecret: secret };
const { REVOKE } = proto.Message.ProtocolMessage.Type;

let whatsapp: LoopbackWhatsApp;
let history: CapturedHistory;
let link: CapturedLink;
let anna: Peer;
let ben: Peer;
let group: Group;
beforeEach(async () => {
  ({ whatsapp, anna, history, link } = await openCaptured());
  ben = whatsapp.addPerson({ phone: '491700000003', lid: '900000000000003', name: 'Ben' });
  group = whatsapp.groups.create({ subject: 'News', creator: anna, members: [link.account.phone, ben] });
});
afterEach(() => closeCaptured({ whatsapp, history, link }));

/** Delivers a message to the group and waits until the client has acknowledged it. */
async function deliver(author: Peer, message: proto.IMessage, options?: DeliverOptions): Promise<void> {
  const delivered = await link.account.deliver(author, message, { t: T + 1, chat: group.jid, ...options });
  await link.account.acknowledged(delivered);
}

const original = () => deliver(anna, { conversation: 'news', messageContextInfo }, { id: 'N1', t: T });
const targetKey = () => ({ remoteJid: group.jid, participant: ANNA, fromMe: false, id: 'N1' });
type Sealing = Partial<Parameters<typeof sealComment>[0]>;
const comment = (text: string, more: Sealing = {}) =>
  sealComment({ targetKey: targetKey(), author: ANNA, commenter: BEN, secret, said: { conversation: text }, ...more });
const quoted = () => ({ key: { chatJid: group.jid, senderJid: ANNA, fromMe: false, messageId: 'N1' }, text: '' });
const NEWS = { kind: MessageKind.TEXT, text: 'news', alternateMessageIds: [] };

/** The process dies, and another one begins. */
async function restart(): Promise<void> {
  await link.end();
  await link.account.offline();
  await history.close();
  history = await CapturedHistory.open(whatsapp, { directory: history.directory });
  link = new CapturedLink(whatsapp, history, copyClientState(link.state), link.account);
  await link.client.opened();
}

describe('a comment that is sealed with the secret of what it is about', () => {
  it.each(['message', 'comment', 'comment without a key', 'message with a comment'] as const)(
    'in the form of a %s is a message that replies to it',
    async (form) => {
      await original();
      await deliver(ben, comment('well done', { form }), { id: 'C1' });
      const said = { extendedTextMessage: { text: '@Anna', contextInfo: { mentionedJid: [ANNA_LID] } } };
      await deliver(ben, comment('', { form, said }), { id: 'C2', t: T + 2 });
      expect(await history.messages()).toMatchObject([
        NEWS,
        { kind: MessageKind.TEXT, text: 'well done', quoted: quoted(), key: { senderJid: BEN, messageId: 'C1' } },
        { kind: MessageKind.TEXT, text: '@Anna', quoted: quoted(), key: { messageId: 'C2' } },
      ]);
    },
  );

  it('waits for it as a placeholder, also across a restart', async () => {
    history.drains = false;
    for (let n = 0; n < 9; n++)
      await deliver(ben, comment(`comment ${String(n)}`), { id: `C${String(n)}`, t: T + 1 + n });
    await restart();
    const pending = await history.messages();
    expect(pending).toHaveLength(9);
    for (const message of pending)
      expect(message).toMatchObject({ kind: MessageKind.PENDING, text: '', quoted: quoted() });
    await restart();
    await original();
    const wanted = Array.from({ length: 9 }, (_, n) => ({ text: `comment ${String(n)}`, quoted: quoted() }));
    expect(await history.messages()).toMatchObject([NEWS, ...wanted]);
  });

  it('is opened under a LID, of the owner, and of the author, and is edited like any message', async () => {
    await original();
    const lid = { author: ANNA_LID, commenter: BEN_LID, targetKey: { ...targetKey(), participant: ANNA_LID } };
    await deliver(ben, comment('by LID', lid), { addressing: 'lid', tellsOther: true, id: 'C1' });
    const own = comment('mine', { commenter: OWNER });
    await deliver(link.account.phone, own, { id: 'C2', t: T + 2 });
    const byAuthor = { targetKey: { remoteJid: group.jid, fromMe: true, id: 'N1' }, commenter: ANNA };
    const second = { messageSecret: randomBytes(32) };
    await deliver(
      anna,
      { ...comment('yours', byAuthor), messageContextInfo: second },
      { id: 'C3', t: T + 3, tellsOther: true },
    );
    const edit = editMessage({
      targetKey: { remoteJid: group.jid, participant: ANNA, fromMe: false, id: 'C3' },
      author: ANNA,
      secret: second.messageSecret,
      edited: { conversation: 'ours' },
      timestampMs: T * 1000 + 4000,
    });
    await deliver(anna, edit, { t: T + 4 });
    expect(await history.messages()).toMatchObject([
      NEWS,
      { text: 'by LID', key: { senderJid: BEN }, quoted: quoted() },
      { text: 'mine', key: { fromMe: true, senderJid: '' }, quoted: quoted() },
      { text: 'ours', key: { senderJid: ANNA }, quoted: quoted(), editTime: { seconds: BigInt(T + 4) } },
    ]);
  });

  it('of somebody else, with another secret, or that says nothing stays a placeholder', async () => {
    await original();
    const hostile = [
      comment('no', { commenter: ANNA }),
      comment('no', { secret: randomBytes(32) }),
      comment('', { said: {} }),
    ];
    for (const [n, message] of hostile.entries()) await deliver(ben, message, { id: `C${String(n)}`, t: T + 1 + n });
    await deliver(ben, { encCommentMessage: { targetMessageKey: targetKey() } }, { id: 'C3', t: T + 5 });
    await deliver(ben, { encCommentMessage: {} }, { id: 'C4', t: T + 6 });
    const messages = await history.messages();
    expect(messages).toHaveLength(6);
    expect(messages[0]).toMatchObject(NEWS);
    for (const message of messages.slice(1)) expect(message).toMatchObject({ kind: MessageKind.PENDING, text: '' });
  });

  it('under the id of another message changes nothing of that one', async () => {
    await original();
    await deliver(ben, { conversation: 'first' }, { id: 'C1' });
    const image = { imageMessage: { caption: 'second', mimetype: 'image/jpeg' } };
    await deliver(ben, comment('', { said: image }), { id: 'C1', t: T + 1 });
    await deliver(ben, comment('third'), { id: 'C1', t: T + 1 });
    await deliver(ben, comment('said once'), { id: 'C2', t: T + 2 });
    await deliver(ben, comment('', { said: image }), { id: 'C2', t: T + 2 });
    expect(await history.messages()).toMatchObject([
      NEWS,
      { kind: MessageKind.TEXT, text: 'first' },
      { kind: MessageKind.TEXT, text: 'said once', quoted: quoted() },
    ]);
  });

  it('that was deleted says nothing, nor does one that waits for what was deleted', async () => {
    const revoke = (id: string): proto.IMessage => ({
      protocolMessage: { type: REVOKE, key: { ...targetKey(), participant: BEN, id } },
    });
    await deliver(ben, revoke('C1'));
    await deliver(ben, comment('regretted'), { id: 'C1' });
    await deliver(ben, comment('removed'), { id: 'C2', t: T + 2 });
    await link.account.acknowledged(await link.account.shareAppStateKey());
    const forMe = async (id: string, author: string): Promise<void> => {
      const deleteForMe = { deleteMedia: true, key: { remoteJid: group.jid, id, fromMe: false }, timestamp: T };
      const patch = chatModificationToAppPatch({ deleteForMe }, group.jid);
      const index = ['deleteMessageForMe', group.jid, id, '0', author];
      await link.account.acknowledged(await link.account.changeAppState({ ...patch, index }));
    };
    await forMe('C2', BEN);
    await original();
    const revoked = { kind: MessageKind.REVOKED, text: '', key: { messageId: 'C1' } };
    expect(await history.messages()).toMatchObject([NEWS, revoked]);
    await forMe('N1', ANNA);
    await deliver(ben, comment('too late'), { id: 'C3', t: T + 3 });
    expect(await history.messages()).toMatchObject([revoked, { kind: MessageKind.PENDING, key: { messageId: 'C3' } }]);
  });
});

describe('a comment in a chunk of history', () => {
  it('is a message that replies to what it is about', async () => {
    const key = { remoteJid: group.jid, participant: BEN, fromMe: false, id: 'C1' };
    const commentMessage = { message: { conversation: 'well done' }, targetMessageKey: targetKey() };
    const message = { key, messageTimestamp: T, message: { commentMessage } };
    const conversations = [{ id: group.jid, messages: [{ msgOrderId: 1, message }] }];
    const { RECENT: syncType } = proto.HistorySync.HistorySyncType;
    const chunk = { syncType, chunkOrder: 1, progress: 100, conversations };
    await link.account.acknowledged(await link.account.pushHistory(chunk));
    expect(await history.messages()).toMatchObject([
      { kind: MessageKind.TEXT, text: 'well done', quoted: quoted(), key: { senderJid: BEN } },
    ]);
  });
});
