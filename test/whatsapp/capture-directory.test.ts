import { chatModificationToAppPatch } from '@whiskeysockets/baileys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MessageKind } from '../../src/gen/scrollback/v1/message_pb.js';
import type { CapturedHistory, CapturedLink } from '../support/captured-link.js';
import { ANNA, closeCaptured, openCaptured } from '../support/captured-stage.js';
import type { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';
import type { Peer } from '../support/whatsapp/peer.js';

let whatsapp: LoopbackWhatsApp;
let history: CapturedHistory;
let link: CapturedLink;
let anna: Peer;
beforeEach(async () => {
  ({ whatsapp, anna, history, link } = await openCaptured());
  await link.account.acknowledged(await link.account.shareAppStateKey());
});
afterEach(() => closeCaptured({ whatsapp, history, link }));

describe('a captured client hears', () => {
  it('what the owner does to chats and contacts', async () => {
    await link.account.acknowledged(await link.account.deliver(anna, { conversation: 'hello' }));
    const contact = chatModificationToAppPatch(
      { contact: { fullName: 'Anna Schmidt', lidJid: anna.jid('lid') } },
      ANNA,
    );
    await link.account.acknowledged(await link.account.changeAppState(contact));
    const archive = chatModificationToAppPatch(
      {
        archive: true,
        lastMessages: [{ key: { remoteJid: ANNA, fromMe: false, id: 'A1' }, messageTimestamp: 1_700_000_000 }],
      },
      ANNA,
    );
    await link.account.acknowledged(await link.account.changeAppState(archive));
    await history.recorded();
    expect(await history.store.getChat(ANNA)).toMatchObject({ archived: true, name: 'Anna Schmidt' });
  });

  it('how the owner sets chats apart, and takes it back', async () => {
    const { account } = link;
    const id = await account.deliver(anna, { conversation: 'hello' });
    await account.acknowledged(id);
    const lastMessages = [{ key: { remoteJid: ANNA, fromMe: false, id }, messageTimestamp: 1_700_000_000 }];
    const change = async (modification: Parameters<typeof chatModificationToAppPatch>[0]): Promise<void> => {
      await account.acknowledged(await account.changeAppState(chatModificationToAppPatch(modification, ANNA)));
    };
    const known = async () => {
      await history.recorded();
      return history.store.getChat(ANNA);
    };
    await change({ mute: 4_000_000_000_000 });
    await change({ pin: true });
    await change({ markRead: false, lastMessages });
    expect(await known()).toMatchObject({
      muteEndTime: { seconds: 4_000_000_000n },
      markedUnread: true,
      unreadCount: 0,
    });
    expect(Number((await known())?.pinTime?.seconds)).toBeGreaterThan(1_700_000_000);
    await change({ mute: -1 });
    expect(await known()).toMatchObject({ muteEndTime: { seconds: 253_402_300_799n } });
    await change({ mute: null });
    await change({ pin: false });
    await change({ markRead: true, lastMessages });
    expect(await known()).toMatchObject({ markedUnread: false, archived: false });
    expect(await known()).not.toHaveProperty('muteEndTime');
    expect(await known()).not.toHaveProperty('pinTime');
  });

  it('which labels a chat has, also when it is known by its number only later', async () => {
    const { account } = link;
    const change = async (modification: Parameters<typeof chatModificationToAppPatch>[0], jid: string) => {
      await account.acknowledged(await account.changeAppState(chatModificationToAppPatch(modification, jid)));
    };
    const labels = async (jid = ANNA) => {
      await history.recorded();
      return (await history.store.getChat(jid))?.labels;
    };
    const ben = whatsapp.addPerson({ phone: '491700000003', lid: '900000000000003', name: 'Ben' });
    await change({ addLabel: { id: '1', name: 'Friends', color: 1, deleted: false } }, '');
    await change({ addChatLabel: { labelId: '1' } }, ANNA);
    await change({ addChatLabel: { labelId: '2' } }, ANNA);
    expect(await labels()).toEqual(['Friends']);
    await change({ addLabel: { id: '2', name: 'Customers', color: 2, deleted: false } }, '');
    expect(await labels()).toEqual(['Customers', 'Friends']);
    await change({ addLabel: { id: '1', name: 'Family', color: 1, deleted: false } }, '');
    await change({ removeChatLabel: { labelId: '2' } }, ANNA);
    expect(await labels()).toEqual(['Family']);

    await change({ addChatLabel: { labelId: '1' } }, ben.jid('lid'));
    await account.acknowledged(await account.deliver(ben, { conversation: 'by number' }));
    await account.acknowledged(await account.deliver(ben, { conversation: 'by LID' }, { addressing: 'lid' }));
    expect(await labels(ben.jid('pn'))).toEqual(['Family']);
    await change({ addLabel: { id: '1', name: 'Family', color: 1, deleted: true } }, '');
    expect(await labels(ben.jid('pn'))).toEqual([]);
    expect(await labels()).toEqual([]);
  });

  it('which labels a message has, also when it was labelled before it came', async () => {
    const { account } = link;
    const change = async (modification: Parameters<typeof chatModificationToAppPatch>[0]) => {
      await account.acknowledged(await account.changeAppState(chatModificationToAppPatch(modification, ANNA)));
    };
    const labelsOf = async (id: string) =>
      (await history.messages()).find(({ key }) => key?.messageId === id)?.labelIds;
    const label = (messageId: string, labelId: string) => change({ addMessageLabel: { messageId, labelId } });
    const id = await account.deliver(anna, { conversation: 'hello' });
    await account.acknowledged(id);
    await change({ addLabel: { id: '1', name: 'Orders', color: 1, deleted: false } });
    await label(id, '2');
    await label(id, '1');
    expect(await labelsOf(id)).toEqual(['1', '2']);
    await change({ removeMessageLabel: { messageId: id, labelId: '2' } });
    expect(await labelsOf(id)).toEqual(['1']);
    await label('LATER', '1');
    await account.acknowledged(await account.deliver(anna, { conversation: 'later' }, { id: 'LATER' }));
    expect(await labelsOf('LATER')).toEqual(['1']);

    const group = whatsapp.groups.create({ subject: 'G', creator: anna, members: [account.phone] });
    const own = await account.deliver(account.phone, { conversation: 'mine' }, { chat: anna });
    const inGroup = await account.deliver(anna, { conversation: 'in a group' }, { chat: group.jid });
    await account.acknowledged(inGroup);
    for (const key of [
      [ANNA, own, '1', '0'],
      [group.jid, inGroup, '0', ANNA],
    ]) {
      const patch = chatModificationToAppPatch({ addMessageLabel: { messageId: '', labelId: '1' } }, ANNA);
      await account.acknowledged(await account.changeAppState({ ...patch, index: ['label_message', '1', ...key] }));
    }
    expect([await labelsOf(own), await labelsOf(inGroup)]).toEqual([['1'], ['1']]);

    const named = async () => (await history.store.listLabels()).map(({ labelId, name }) => [labelId, name]);
    expect(await named()).toEqual([['1', 'Orders']]);
    await change({ addLabel: { id: '1', name: 'Orders', color: 1, deleted: true } });
    await history.recorded();
    expect(await named()).toEqual([]);
  });

  it('what groups and channels say of themselves', async () => {
    const { account } = link;
    const group = whatsapp.groups.create({ subject: 'G', creator: anna, members: [account.phone], addressing: 'lid' });
    const notice = { type: 'w:gp2', from: group.jid, participant: ANNA, t: '1700000000' };
    const body = { tag: 'body', attrs: {}, content: Buffer.from('what it is for') };
    await account.acknowledged(
      await account.deliverStanza('notification', notice, [
        { tag: 'description', attrs: { id: 'D1' }, content: [body] },
      ]),
    );
    const channel = '120363000000000001@newsletter';
    const settings = ['name', 'description'].map((tag) => ({ tag, attrs: {}, content: Buffer.from(`its ${tag}`) }));
    await account.acknowledged(
      await account.deliverStanza('notification', { type: 'newsletter', from: channel }, [
        { tag: 'update', attrs: {}, content: [{ tag: 'settings', attrs: {}, content: settings }] },
      ]),
    );
    await history.recorded();
    expect(await history.store.getChat(group.jid)).toMatchObject({ description: 'what it is for' });
    expect(await history.store.getChat(channel)).toMatchObject({ name: 'its name', description: 'its description' });
  });

  it('who joins, leaves and leads a group', async () => {
    const { account } = link;
    const ben = whatsapp.addPerson({ phone: '491700000003', lid: '900000000000003', name: 'Ben' });
    const group = whatsapp.groups.create({ subject: 'G', creator: anna, members: [account.phone], addressing: 'lid' });
    for (const change of [
      { change: 'create' as const },
      { change: 'add' as const, members: [ben] },
      { change: 'promote' as const, members: [ben] },
      { change: 'remove' as const, members: [account.phone] },
    ]) {
      await account.acknowledged(await account.changeGroup(group, anna, change));
    }
    const events = (await history.messages()).filter(({ kind }) => kind === MessageKind.SYSTEM);
    expect(events.map(({ systemEvent }) => systemEvent?.kind).sort()).toEqual([3, 4, 6, 8]);
    const [found] = (await history.store.listGroups(undefined, 10, 1e6)).items;
    expect(found).toMatchObject({
      jid: group.jid,
      subject: 'G',
      members: [
        { jid: ANNA, rank: 3 },
        { jid: ben.jid('pn'), rank: 2 },
      ],
      pastMembers: [{ jid: account.phone.jid('pn') }],
    });
  });
});
