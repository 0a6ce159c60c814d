import type { WAPatchCreate } from '@whiskeysockets/baileys';
import { chatModificationToAppPatch, proto } from '@whiskeysockets/baileys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MessageKey } from '../../src/gen/scrollback/v1/message_pb.js';
import type { CapturedHistory, CapturedLink } from '../support/captured-link.js';
import { ANNA, closeCaptured, openCaptured } from '../support/captured-stage.js';
import { importDrafts } from '../support/history.js';
import type { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';
import type { Peer } from '../support/whatsapp/peer.js';

const SENT_S = 1_700_000_000;

let whatsapp: LoopbackWhatsApp;
let history: CapturedHistory;
let link: CapturedLink;
let anna: Peer;
beforeEach(async () => {
  ({ whatsapp, anna, history, link } = await openCaptured());
  await link.account.acknowledged(await link.account.shareAppStateKey());
});
afterEach(() => closeCaptured({ whatsapp, history, link }));

async function change(patch: WAPatchCreate): Promise<void> {
  await link.account.acknowledged(await link.account.changeAppState(patch));
}

/** As WhatsApp's own apps say it: with the author of a message of a group, '0' for none. */
function deletion(chat: string, id: string, { fromMe = false, author = '0' } = {}): WAPatchCreate {
  const patch = chatModificationToAppPatch(
    { deleteForMe: { deleteMedia: true, key: { remoteJid: chat, id, fromMe }, timestamp: SENT_S } },
    chat,
  );
  return { ...patch, index: ['deleteMessageForMe', chat, id, fromMe ? '1' : '0', author] };
}

async function texts(): Promise<string[]> {
  return (await history.messages()).map(({ text }) => text);
}

/** What a watcher who was there from the beginning is told to remove. */
async function removed(): Promise<(MessageKey | undefined)[]> {
  const all: MessageKey[] = [];
  const everything = { chat: undefined, kinds: new Set<number>(), direction: undefined };
  for (let at = { revision: 1, index: 0 }; at.revision <= history.store.revision;) {
    const bounds = { maxMessages: 100, maxBytes: 1e6 };
    const batch = await history.store.nextChanges(everything, at, bounds, new AbortController().signal);
    if (batch === undefined) throw new Error('the history ended');
    all.push(...batch.removed);
    at = batch.resume;
  }
  return all;
}

describe('a message that the owner deletes for themselves', () => {
  it('is gone, for who watches too, and no other source brings it back', async () => {
    const { account } = link;
    const id = await account.deliver(anna, { conversation: 'regretted' });
    await account.acknowledged(id);
    const own = await account.deliver(account.phone, { conversation: 'own' }, { chat: anna });
    await account.acknowledged(own);
    await account.acknowledged(await account.deliver(anna, { conversation: 'kept' }));
    expect(await texts()).toHaveLength(3);
    await change(deletion(ANNA, id));
    await change(deletion(ANNA, own, { fromMe: true }));
    expect(await texts()).toEqual(['kept']);
    expect(await removed()).toMatchObject([
      { chatJid: ANNA, messageId: id },
      { chatJid: ANNA, messageId: own, fromMe: true },
    ]);
    const message = { key: { remoteJid: ANNA, fromMe: false, id }, message: { conversation: 'regretted' } };
    const conversations = [{ id: ANNA, messages: [{ message: { ...message, messageTimestamp: SENT_S } }] }];
    const syncType = proto.HistorySync.HistorySyncType.RECENT;
    await account.acknowledged(await account.pushHistory({ syncType, conversations }, 'media'));
    await importDrafts(history.store, [{ chat: ANNA, id, sentMs: SENT_S * 1000, text: 'regretted' }]);
    expect(await texts()).toEqual(['kept']);
  });

  it('stays away when its deletion comes first, by the other address of its author', async () => {
    const { account } = link;
    const group = whatsapp.groups.create({ subject: 'G', creator: anna, members: [account.phone], addressing: 'lid' });
    await account.acknowledged(await account.deliver(anna, { conversation: 'who I am' }, { addressing: 'lid' }));
    await change(deletion(group.jid, 'D1', { author: ANNA }));
    await change(deletion(ANNA, 'D2'));
    for (const id of ['D1', 'K1']) {
      await account.acknowledged(await account.deliver(anna, { conversation: `group ${id}` }, { chat: group.jid, id }));
    }
    const alone = { id: 'D2', addressing: 'lid' as const };
    await account.acknowledged(await account.deliver(anna, { conversation: 'alone' }, alone));
    expect((await texts()).sort()).toEqual(['group K1', 'who I am']);
  });

  it('is gone from a group also when nobody names its author', async () => {
    const { account } = link;
    const group = whatsapp.groups.create({ subject: 'G', creator: anna, members: [account.phone], addressing: 'lid' });
    for (const id of ['D1', 'K1']) {
      await account.acknowledged(await account.deliver(anna, { conversation: `group ${id}` }, { chat: group.jid, id }));
    }
    const own = { chat: group.jid, id: 'D1' };
    await account.acknowledged(await account.deliver(account.phone, { conversation: 'own' }, own));
    expect(await texts()).toHaveLength(3);
    await change(deletion(group.jid, 'D1'));
    expect((await texts()).sort()).toEqual(['group K1', 'own']);
  });
});

describe('a chat that the owner clears or deletes', () => {
  it.each([
    ['cleared', { clear: true }, '1', ['later']],
    ['cleared but for starred messages', { clear: true }, '0', ['starred', 'later']],
    ['deleted', { delete: true }, '1', ['later']],
  ] as const)('loses what was sent up to then when it is %s', async (_, modification, starredToo, left) => {
    const { account } = link;
    const deliver = async (conversation: string, t: number): Promise<string> => {
      const id = await account.deliver(anna, { conversation }, { t });
      await account.acknowledged(id);
      return id;
    };
    await deliver('first', SENT_S);
    const id = await deliver('starred', SENT_S + 1);
    const star = { star: { messages: [{ id, fromMe: false }], star: true } };
    await change(chatModificationToAppPatch(star, ANNA));
    const last = { key: { remoteJid: ANNA, fromMe: false, id }, messageTimestamp: SENT_S + 1 };
    const patch = chatModificationToAppPatch({ ...modification, lastMessages: [last] }, ANNA);
    await change({ ...patch, index: [patch.index[0] ?? '', ANNA, starredToo, '0'] });
    await deliver('later', SENT_S + 2);
    expect(await texts()).toEqual(left);
    await importDrafts(history.store, [{ chat: ANNA, id: 'OLD', sentMs: (SENT_S - 60) * 1000, text: 'old' }]);
    expect(await texts()).toEqual(left);
  });

  it('never loses what is to come, whatever its clock says', async () => {
    const { account } = link;
    const key = { remoteJid: ANNA, fromMe: false, id: 'A1' };
    const lastMessages = [{ key, messageTimestamp: 90_000_000_000 }];
    await change(chatModificationToAppPatch({ clear: true, lastMessages }, ANNA));
    const t = Math.floor(Date.now() / 1000) + 3600;
    await account.acknowledged(await account.deliver(anna, { conversation: 'to come' }, { t }));
    expect(await texts()).toEqual(['to come']);
  });
});
