import { toJsonString } from '@bufbuild/protobuf';
import { chatModificationToAppPatch, proto } from '@whiskeysockets/baileys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MessageSchema, Source } from '../../src/gen/scrollback/v1/message_pb.js';
import { CapturedHistory, CapturedLink } from '../support/captured-link.js';
import { ANNA, closeCaptured, openCaptured, owner } from '../support/captured-stage.js';
import { importDrafts, openHistory, readAll, withoutRevisions } from '../support/history.js';
import type { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';
import type { Peer } from '../support/whatsapp/peer.js';

const { HistorySyncType } = proto.HistorySync;

let whatsapp: LoopbackWhatsApp;
let history: CapturedHistory;
let link: CapturedLink;
let anna: Peer;
beforeEach(async () => {
  ({ whatsapp, anna, history, link } = await openCaptured());
});
afterEach(() => closeCaptured({ whatsapp, history, link }));

/** A chunk with messages of Anna, the newest first, as phones send it. */
function chunk(count: number, { from = 0, jid = ANNA, syncType = HistorySyncType.RECENT } = {}): proto.IHistorySync {
  const messages = Array.from({ length: count }, (_, n) => ({
    msgOrderId: n,
    message: {
      key: { remoteJid: jid, fromMe: false, id: `H${String(from + n)}` },
      message: { conversation: `history ${String(from + n)}` },
      messageTimestamp: 1_600_000_000 + from + n,
    },
  }));
  return {
    syncType,
    chunkOrder: 1,
    progress: 50,
    conversations: [{ id: jid, messages: messages.reverse(), archived: true, unreadCount: 3 }],
    pushnames: [{ id: ANNA, pushname: 'Anna' }],
  };
}

async function push(content: proto.IHistorySync, by: 'inline' | 'media', requestId?: string): Promise<void> {
  await link.account.acknowledged(await link.account.pushHistory(content, by, requestId));
}

describe('history', () => {
  it.each(['inline', 'media'] as const)('that comes %s is stored', async (by) => {
    await push(chunk(2500), by);
    const messages = await history.messages();
    expect(messages).toHaveLength(2500);
    expect(messages[0]).toMatchObject({
      text: 'history 0',
      key: { chatJid: ANNA, senderJid: ANNA },
      sources: [Source.HISTORY_SYNC],
    });
    expect(await history.store.getChat(ANNA)).toMatchObject({ archived: true, unreadCount: 3, name: 'Anna' });
    expect(history.drain.history.counts).toMatchObject({ added: 2500, gone: 0, retries: 0 });
  });

  it.each([503, 'half', 'short', 'garbage'] as const)('is fetched again after %s', async (fault) => {
    whatsapp.media.failNext(fault);
    await push(chunk(10), 'media');
    await history.recorded();
    expect(history.drain.history.counts.retries).toBe(1);
    await expect.poll(async () => (await history.messages()).length, { timeout: 10_000 }).toBe(10);
    expect(history.store.inbox.waiting('history')).toBe(0);
  });

  it('whose senders chose numbers that mean nothing is stored, with the messages beside them', async () => {
    const [most, longest] = ['18446744073709551615', '9223372036854775807'];
    const hostile: [string, number, object][] = [
      ['size', 1_600_000_001, { imageMessage: { mimetype: 'image/jpeg', fileLength: most } }],
      ['call', 1_600_000_002, { callLogMesssage: { durationSecs: longest } }],
      ['milliseconds', 1_600_000_003_000, { conversation: 'in milliseconds' }],
      ['calendar', Number.MAX_SAFE_INTEGER, { conversation: 'beyond all calendars' }],
      [
        'reaction',
        1_600_000_005,
        { reactionMessage: { key: { fromMe: true, id: 'size' }, text: '👍', senderTimestampMs: longest } },
      ],
    ];
    const messages = hostile.map(([id, messageTimestamp, message]) => ({
      message: {
        key: { remoteJid: ANNA, fromMe: false, id },
        message: proto.Message.fromObject(message),
        messageTimestamp,
      },
    }));
    await push({ syncType: HistorySyncType.RECENT, conversations: [{ id: ANNA, messages }] }, 'inline');
    const found = await history.messages();
    expect(found.map(({ key, sentTime }) => [key?.messageId, sentTime?.seconds])).toEqual([
      ['calendar', undefined],
      ['size', 1_600_000_001n],
      ['call', 1_600_000_002n],
      ['milliseconds', 1_600_000_003n],
    ]);
    expect(found[1]).toMatchObject({ reactions: [{ emoji: '👍', reactTime: { seconds: 1_600_000_005n } }] });
    expect(found.every((message) => toJsonString(MessageSchema, message) !== '')).toBe(true);
    expect(history.drain.history.counts).toMatchObject({ gone: 0, retries: 0 });
  });

  it('of a message that was edited is the message, also where only the edit is sent', async () => {
    const { Type } = proto.Message.ProtocolMessage;
    const edit = (id: string, target: string): proto.IHistorySyncMsg => ({
      message: {
        key: { remoteJid: ANNA, fromMe: false, id },
        messageTimestamp: 1_600_000_001,
        starred: true,
        reactions: [{ key: { remoteJid: ANNA, fromMe: true, id: 'R' }, text: '👍', senderTimestampMs: 1 }],
        message: {
          editedMessage: {
            message: {
              protocolMessage: {
                type: Type.MESSAGE_EDIT,
                key: { remoteJid: ANNA, fromMe: false, id: target },
                editedMessage: { conversation: 'second' },
                timestampMs: 1_600_000_100_000,
              },
            },
          },
        },
      },
    });
    const first = chunk(1).conversations?.[0]?.messages ?? [];
    const messages = [edit('E', 'H0'), ...first, edit('H1', 'H1')];
    await push({ syncType: HistorySyncType.RECENT, conversations: [{ id: ANNA, messages }] }, 'inline');
    const edited = {
      text: 'second',
      starred: true,
      reactions: [{ emoji: '👍' }],
      editTime: { seconds: 1_600_000_100n },
    };
    expect(await history.messages()).toMatchObject([
      { key: { messageId: 'H0' }, sentTime: { seconds: 1_600_000_000n }, alternateMessageIds: ['E'], ...edited },
      { key: { messageId: 'H1' }, sentTime: { seconds: 1_600_000_001n }, alternateMessageIds: [], ...edited },
    ]);
  });

  it('is fetched by the next process when this one could not', async () => {
    whatsapp.media.failNext(503);
    await push(chunk(10), 'media');
    await history.recorded();
    await link.end();
    await history.close();
    history = await CapturedHistory.open(whatsapp, { directory: history.directory });
    expect(await history.messages()).toHaveLength(10);
  });

  it('that WhatsApp has dropped is known to be missing', async () => {
    whatsapp.media.failNext(410);
    await push(chunk(10), 'media');
    await history.recorded();
    expect(history.drain.history.counts.gone).toBe(1);
    expect(history.store.inbox.waiting('unread')).toBe(1);
  });

  it('does not keep live messages waiting', async () => {
    whatsapp.media.failNext(503);
    await push(chunk(10), 'media');
    await link.account.acknowledged(await link.account.deliver(anna, { conversation: 'live' }));
    await history.recorded();
    expect((await history.messages()).map(({ text }) => text)).toContain('live');
  });

  it('of a LID is stored under the number that the chunk tells', async () => {
    const content = chunk(3, { jid: anna.jid('lid') });
    await push({ ...content, phoneNumberToLidMappings: [{ pnJid: ANNA, lidJid: anna.jid('lid') }] }, 'inline');
    expect((await history.messages()).map(({ key }) => key?.chatJid)).toEqual([ANNA, ANNA, ANNA]);
  });

  it('tells how chats are set apart, and never undoes what is newer', async () => {
    const { account } = link;
    await account.acknowledged(await account.shareAppStateKey());
    whatsapp.media.failNext(503);
    const set = { muteEndTime: 4_000_000_000, pinned: 1_600_000_000, markedAsUnread: true, archived: true };
    await push({ syncType: HistorySyncType.RECENT, conversations: [{ id: ANNA, ...set, description: 'D' }] }, 'media');
    const change = chatModificationToAppPatch({ mute: null }, ANNA);
    await account.acknowledged(await account.changeAppState(change));
    await history.recorded();
    await expect.poll(() => history.drain.history.counts.chunks, { timeout: 10_000 }).toBeGreaterThan(1);
    const chat = await history.store.getChat(ANNA);
    expect(chat).toMatchObject({ pinTime: { seconds: 1_600_000_000n }, markedUnread: true, archived: true });
    expect(chat).toMatchObject({ description: 'D' });
    expect(chat).not.toHaveProperty('muteEndTime');
  });

  it('tells who left groups, and calls', async () => {
    const GROUP = '120363000000000001@g.us';
    const past = (userJid: string, leaveReason: number) => ({ userJid, leaveReason, leaveTs: 1_600_000_000 });
    const { CallResult } = proto.CallLogRecord;
    const call = { callId: 'C1', isVideo: true, duration: 61, startTime: 1_600_000_100, isIncoming: true };
    const missed = { callId: 'C2', callResult: CallResult.MISSED, startTime: 1_600_000_200, isIncoming: true };
    await push(
      {
        syncType: HistorySyncType.FULL,
        conversations: [{ id: GROUP, name: 'G', participant: [{ userJid: ANNA, rank: 1 }] }],
        phoneNumberToLidMappings: [{ pnJid: ANNA, lidJid: anna.jid('lid') }],
        pastParticipants: [
          { groupJid: GROUP, pastParticipants: [past('491700000009@s.whatsapp.net', 1), past(anna.jid('lid'), 0)] },
        ],
        callLogRecords: [
          { ...call, callResult: CallResult.CONNECTED, callCreatorJid: anna.jid('lid') },
          { ...missed, callCreatorJid: ANNA, groupJid: GROUP },
          { ...call, callId: 'C3', isIncoming: false, callCreatorJid: `${owner.phone}@s.whatsapp.net` },
          { callId: 'C4', callResult: CallResult.UPCOMING, callCreatorJid: ANNA },
        ],
      },
      'media',
    );
    expect(await history.messages()).toMatchObject([
      {
        key: { chatJid: ANNA, senderJid: ANNA, messageId: 'C1' },
        sentTime: { seconds: 1_600_000_100n },
        call: { callId: 'C1', video: true, durationSeconds: 61, outcome: 1 },
      },
      { key: { chatJid: GROUP, senderJid: ANNA, messageId: 'C2' }, call: { outcome: 2, groupJid: GROUP } },
    ]);
    const [group] = (await history.store.listGroups(undefined, 10, 1e6)).items;
    expect(group).toMatchObject({
      members: [{ jid: ANNA }],
      pastMembers: [{ jid: '491700000009@s.whatsapp.net', leftVoluntarily: false }],
    });
  });

  it('on demand says that it was asked for', async () => {
    await push(chunk(1, { syncType: HistorySyncType.ON_DEMAND }), 'inline', 'R1');
    expect(await history.messages()).toMatchObject([{ sources: [Source.ON_DEMAND] }]);
  });

  it('on demand is brought to the one who asked, when it is recorded', async () => {
    const { COMPLETE_AND_NO_MORE_MESSAGE_REMAIN_ON_PRIMARY: start } = proto.Conversation.EndOfHistoryTransferType;
    const question = history.drain.history.answers.open(new Set([ANNA]), Date.now());
    question.sent('R1');
    const content = chunk(3, { syncType: HistorySyncType.ON_DEMAND });
    content.conversations![0]!.endOfHistoryTransferType = start;
    await push(content, 'media', 'R1');
    expect(await question.answer).toMatchObject({
      messages: 3,
      oldest: { messageId: 'H0', fromMe: false, sentMs: 1_600_000_000_000 },
      isStart: true,
      counts: { added: 3 },
    });
    expect(await readAll(history.store)).toHaveLength(3);
    expect(history.store.inbox.waiting('history')).toBe(0);
  });

  it('with a backup and live messages is the union, whichever comes first', async () => {
    const backup = Array.from({ length: 20 }, (_, n) => ({
      chat: ANNA,
      id: `H${String(n)}`,
      text: `history ${String(n)}`,
      sentMs: (1_600_000_000 + n) * 1000,
    }));
    await push(chunk(20, { from: 10 }), 'media');
    const live = { id: 'H5', t: 1_600_000_005 };
    await link.account.acknowledged(await link.account.deliver(anna, { conversation: 'history 5' }, live));
    await history.recorded();
    await importDrafts(history.store, backup);
    const second = await CapturedHistory.open(whatsapp);
    try {
      await importDrafts(second.store, backup);
      const other = new CapturedLink(whatsapp, second, link.state, link.account);
      await link.end();
      link = other;
      await link.client.opened();
      await push(chunk(20, { from: 10 }), 'inline');
      await link.account.acknowledged(await link.account.deliver(anna, { conversation: 'history 5' }, live));
      const messages = (await history.messages()).map((message) => ({ ...withoutRevisions(message) }));
      expect(messages).toHaveLength(30);
      expect(await second.messages()).toEqual(messages);
    } finally {
      await link.end();
      await second.remove();
    }
  });
});

it('opens an empty history without an inbox', async () => {
  const empty = await openHistory();
  expect([empty.store.inbox.waiting('live'), await readAll(empty.store)]).toEqual([0, []]);
  await empty.remove();
});
