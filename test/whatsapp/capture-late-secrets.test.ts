import { chatModificationToAppPatch, proto } from '@whiskeysockets/baileys';
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MessageKind, Source } from '../../src/gen/scrollback/v1/message_pb.js';
import { CapturedHistory, CapturedLink } from '../support/captured-link.js';
import { ANNA, BEN, closeCaptured, openCaptured } from '../support/captured-stage.js';
import { copyClientState } from '../support/whatsapp/baileys-client.js';
import type { Group } from '../support/whatsapp/groups.js';
import type { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';
import type { Peer } from '../support/whatsapp/peer.js';
import { editMessage, sealReaction } from '../support/whatsapp/sealed-edit.js';

const DAY_S = 86_400;
const { RECENT } = proto.HistorySync.HistorySyncType;
const secret = randomBytes(32);

let whatsapp: LoopbackWhatsApp;
let history: CapturedHistory;
let link: CapturedLink;
let anna: Peer;
let ben: Peer;
let group: Group;
let nowS: number;
beforeEach(async () => {
  ({ whatsapp, anna, history, link } = await openCaptured());
  ben = whatsapp.addPerson({ phone: '491700000003', lid: '900000000000003', name: 'Ben' });
  group = whatsapp.groups.create({ subject: 'News', creator: anna, members: [link.account.phone, ben] });
  nowS = Math.floor(Date.now() / 1000);
});
afterEach(() => closeCaptured({ whatsapp, history, link }));

const targetKey = () => ({ remoteJid: group.jid, participant: ANNA, fromMe: false, id: 'N1' });

async function deliver(author: Peer, message: proto.IMessage): Promise<void> {
  await link.account.acknowledged(await link.account.deliver(author, message, { chat: group.jid }));
}

/** The phone sends a message of Anna's that is some days old, with its secret beside it or in it. */
async function pushHistory(days: number, form: 'beside' | 'inside'): Promise<void> {
  const message = {
    key: targetKey(),
    messageTimestamp: nowS - days * DAY_S,
    message: {
      conversation: 'news',
      ...(form === 'inside' ? { messageContextInfo: { messageSecret: secret } } : {}),
    },
    ...(form === 'beside' ? { messageSecret: secret } : {}),
  };
  const conversations = [{ id: group.jid, messages: [{ msgOrderId: 1, message }] }];
  const chunk = { syncType: RECENT, chunkOrder: 1, progress: 100, conversations };
  await link.account.acknowledged(await link.account.pushHistory(chunk));
}

/** Anna edits it, and Ben reacts to it. */
async function editAndReact(): Promise<void> {
  const sealing = { targetKey: targetKey(), author: ANNA, secret };
  await deliver(anna, editMessage({ ...sealing, edited: { conversation: 'good news' }, timestampMs: nowS * 1000 }));
  const reaction = { text: '👍', senderTimestampMs: nowS * 1000 };
  await deliver(ben, sealReaction({ ...sealing, reactor: BEN, reaction }));
}

/** The process dies, and another one begins. */
async function restart(drains: boolean): Promise<void> {
  await link.end();
  await link.account.offline();
  await history.close();
  history = await CapturedHistory.open(whatsapp, { directory: history.directory, drains });
  link = new CapturedLink(whatsapp, history, copyClientState(link.state), link.account);
  await link.client.opened();
}

const told = { kind: MessageKind.TEXT, text: 'good news', reactions: [{ senderJid: BEN, emoji: '👍' }] };

describe('what is sealed about a message that only history sync brings', () => {
  it.each(['beside', 'inside'] as const)('is opened with the secret %s it, whichever comes first', async (form) => {
    await editAndReact();
    expect(await history.messages()).toEqual([]);
    await pushHistory(29, form);
    const [message, ...others] = await history.messages();
    expect(others).toEqual([]);
    expect(message).toMatchObject({ ...told, sources: [Source.HISTORY_SYNC] });
    const sealing = { targetKey: targetKey(), author: ANNA, secret };
    await deliver(
      ben,
      sealReaction({ ...sealing, reactor: BEN, reaction: { text: '🎉', senderTimestampMs: nowS * 1000 + 1 } }),
    );
    expect(await history.messages()).toMatchObject([{ text: 'good news', reactions: [{ emoji: '🎉' }] }]);
  });

  it('is opened by a process that finds all of it in the inbox of one that died', async () => {
    await restart(false);
    await pushHistory(1, 'beside');
    await editAndReact();
    await restart(true);
    expect(await history.messages()).toMatchObject([told]);
    await restart(true);
    expect(await history.messages()).toMatchObject([told]);
  });

  it('stays sealed when the message was old', async () => {
    await pushHistory(31, 'beside');
    await editAndReact();
    expect(await history.messages()).toMatchObject([{ text: 'news', reactions: [] }]);
  });

  it('says nothing of one that was deleted for everyone, or by the owner', async () => {
    await pushHistory(1, 'inside');
    const { REVOKE } = proto.Message.ProtocolMessage.Type;
    await deliver(anna, { protocolMessage: { type: REVOKE, key: targetKey() } });
    await editAndReact();
    expect(await history.messages()).toMatchObject([{ kind: MessageKind.REVOKED, text: '', reactions: [] }]);
    await link.account.acknowledged(await link.account.shareAppStateKey());
    const patch = chatModificationToAppPatch(
      { deleteForMe: { deleteMedia: true, key: targetKey(), timestamp: nowS } },
      group.jid,
    );
    const index = ['deleteMessageForMe', group.jid, 'N1', '0', ANNA];
    await link.account.acknowledged(await link.account.changeAppState({ ...patch, index }));
    await editAndReact();
    await pushHistory(1, 'inside');
    expect(await history.messages()).toEqual([]);
  });
});
