import type { proto } from '@whiskeysockets/baileys';
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MessageKind } from '../../src/gen/scrollback/v1/message_pb.js';
import { type CapturedHistory, type CapturedLink } from '../support/captured-link.js';
import { ANNA, ANNA_LID, BEN, BEN_LID, closeCaptured, openCaptured, OWNER } from '../support/captured-stage.js';
import type { Group } from '../support/whatsapp/groups.js';
import type { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';
import type { DeliverOptions } from '../support/whatsapp/message-stanza.js';
import type { Peer } from '../support/whatsapp/peer.js';
import { sealReaction } from '../support/whatsapp/sealed-edit.js';

const T = 1_700_000_000;
const secret = randomBytes(32);
const messageContextInfo = { messageSecret: secret };

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
  const delivered = await link.account.deliver(author, message, { t: T, chat: group.jid, ...options });
  await link.account.acknowledged(delivered);
}

const original = () => deliver(anna, { conversation: 'news', messageContextInfo }, { id: 'N1' });
const targetKey = () => ({ remoteJid: group.jid, participant: ANNA, fromMe: false, id: 'N1' });
const sealed = (text: string, ms: number, more: Partial<Parameters<typeof sealReaction>[0]> = {}) =>
  sealReaction({
    targetKey: targetKey(),
    author: ANNA,
    reactor: BEN,
    secret,
    reaction: { text, senderTimestampMs: T * 1000 + ms },
    ...more,
  });
const open = (text: string, ms: number): proto.IMessage => ({
  reactionMessage: { key: targetKey(), text, senderTimestampMs: T * 1000 + ms },
});
const at = (ms: number) => ({ seconds: BigInt(T), nanos: ms * 1e6 });

describe('a reaction that is sealed with the secret of the message', () => {
  it('is one of the message, also when it comes before it, and the latest counts', async () => {
    await deliver(ben, sealed('❤️', 20));
    await deliver(ben, sealed('👍', 10));
    expect(await history.messages()).toEqual([]);
    await original();
    const [message, ...others] = await history.messages();
    expect(others).toEqual([]);
    expect(message).toMatchObject({ kind: MessageKind.TEXT, text: 'news', alternateMessageIds: [] });
    expect(message?.reactions).toMatchObject([{ senderJid: BEN, emoji: '❤️', reactTime: at(20) }]);
    await deliver(ben, sealed('😂', 30));
    expect((await history.messages())[0]?.reactions).toMatchObject([
      { senderJid: BEN, emoji: '😂', reactTime: at(30) },
    ]);
  });

  it('is taken back by an empty one, whichever comes first, and meets those that are not sealed', async () => {
    await deliver(ben, sealed('', 20));
    await original();
    await deliver(ben, sealed('👍', 10));
    expect((await history.messages())[0]?.reactions).toEqual([]);
    await deliver(ben, open('👍', 30));
    await deliver(ben, sealed('🙏', 25));
    expect((await history.messages())[0]?.reactions).toMatchObject([{ emoji: '👍', reactTime: at(30) }]);
    await deliver(ben, sealed('🎉', 40));
    await deliver(ben, open('', 35));
    expect((await history.messages())[0]?.reactions).toMatchObject([{ emoji: '🎉', reactTime: at(40) }]);
    await deliver(ben, open('', 50));
    expect((await history.messages())[0]?.reactions).toEqual([]);
    expect(await history.messages()).toHaveLength(1);
  });

  it('is opened under a LID, of the owner, of the author, and without a time', async () => {
    await original();
    const lid = { author: ANNA_LID, reactor: BEN_LID, targetKey: { ...targetKey(), participant: ANNA_LID } };
    await deliver(ben, sealed('👍', 0, { ...lid, reaction: { text: '👍' } }), {
      addressing: 'lid',
      tellsOther: true,
      t: T + 5,
    });
    await deliver(link.account.phone, sealed('❤️', 1, { reactor: OWNER }));
    const own = { targetKey: { remoteJid: group.jid, fromMe: true, id: 'N1' }, author: ANNA_LID, reactor: ANNA_LID };
    await deliver(anna, sealed('😂', 2, own), { tellsOther: true });
    const [message, ...others] = await history.messages();
    expect(others).toEqual([]);
    expect(message?.reactions).toHaveLength(3);
    expect(message?.reactions).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          senderJid: BEN,
          emoji: '👍',
          reactTime: expect.objectContaining({ seconds: BigInt(T + 5) }) as unknown,
        }),
        expect.objectContaining({ senderJid: '', fromMe: true, emoji: '❤️' }),
        expect.objectContaining({ senderJid: ANNA, emoji: '😂' }),
      ]),
    );
  });

  it('of somebody else, with another secret, or that is none leaves the message', async () => {
    await original();
    await deliver(ben, sealed('👍', 1, { reactor: ANNA }));
    await deliver(ben, sealed('👍', 2, { secret: randomBytes(32) }));
    await deliver(ben, sealed('👍', 3, { targetKey: { ...targetKey(), id: 'N2' } }));
    await deliver(ben, sealed('x'.repeat(5000), 4));
    const nothing = sealed('👍', 5).encReactionMessage;
    await deliver(ben, { encReactionMessage: { ...nothing, targetMessageKey: null } });
    await deliver(ben, { encReactionMessage: { targetMessageKey: targetKey() } });
    const [message, ...others] = await history.messages();
    expect(others).toEqual([]);
    expect(message).toMatchObject({ text: 'news', reactions: [] });
  });

  it('says nothing of another message than the one whose secret opens it', async () => {
    await original();
    await deliver(
      anna,
      { conversation: 'more', messageContextInfo: { messageSecret: randomBytes(32) } },
      { id: 'N2', t: T + 1 },
    );
    const reaction = { text: '👍', senderTimestampMs: T * 1000, key: { ...targetKey(), id: 'N2' } };
    await deliver(ben, sealed('', 0, { reaction }));
    expect(await history.messages()).toMatchObject([
      { text: 'news', reactions: [{ senderJid: BEN, emoji: '👍' }] },
      { text: 'more', reactions: [] },
    ]);
  });
});
