import type { proto } from '@whiskeysockets/baileys';
import { isGroup, isPerson } from '../domain/jid.js';
import { type LiveCoverage, liveDelivery, type LiveEvent, type LiveRank, liveSource } from '../domain/live-event.js';
import { messageKind } from '../domain/message-kind.js';
import { addressOf, isMe, mappingOf, type Me } from './addresses.js';
import { emptyContent } from './empty-content.js';
import type { Origin } from './envelope.js';
import { durationOf, msOfEither, msOfSeconds, numberOf, type WireNumber } from './numbers.js';

/** Which number a LID stands for, as a chunk of history says it. */
export function eventsOfMapping({ pnJid, lidJid }: proto.IPhoneNumberToLIDMapping): LiveEvent[] {
  return mappingOf(addressOf(pnJid), addressOf(lidJid));
}

/** The same, of what a chat in a chunk says of its own addresses. */
export function mappingsOfChat({ id, pnJid, lidJid }: proto.IConversation): LiveEvent[] {
  const jid = addressOf(id);
  return [...mappingOf(jid, addressOf(pnJid)), ...mappingOf(jid, addressOf(lidJid))];
}

/** The name that a person gave themselves. */
export function eventsOfPushName({ id, pushname }: proto.IPushname, asOfMs: number): LiveEvent[] {
  const jid = addressOf(id);
  if (!isPerson(jid) || !pushname) return [];
  return [{ type: 'contact', contact: { jid, name: '', pushName: pushname, username: '', asOfMs } }];
}

/** What a chunk says of a chat itself, with the members of a group. */
export function eventsOfChat(conversation: proto.IConversation, me: Me, asOfMs: number): LiveEvent[] {
  const jid = addressOf(conversation.id);
  if (jid === '') return [];
  const name = conversation.displayName ?? conversation.name ?? '';
  const chat = {
    jid,
    asOfMs,
    name: name === '' ? undefined : name,
    archived: conversation.archived ?? undefined,
    unreadCount: conversation.unreadCount ?? undefined,
    ephemeralSeconds: conversation.ephemeralExpiration ?? undefined,
    createMs: msOfSeconds(conversation.createdAt) || undefined,
    muteEndMs: told(conversation.muteEndTime),
    pinMs: told(conversation.pinned),
    markedUnread: conversation.markedAsUnread ?? undefined,
    description: conversation.description ?? undefined,
  };
  const events: LiveEvent[] = [{ type: 'chat', chat }];
  if (isPerson(jid) && name !== '') {
    const username = conversation.username ?? '';
    events.push({ type: 'contact', contact: { jid, name, pushName: '', username, asOfMs } });
  }
  const participants = conversation.participant ?? [];
  if (isGroup(jid) && participants.length > 0) {
    const members = participants.flatMap(({ userJid, rank }) => {
      const member = addressOf(userJid);
      return member === '' ? [] : [{ jid: member, rank: RANKS[numberOf(rank)] ?? 'member', fromMe: isMe(member, me) }];
    });
    const createMs = msOfSeconds(conversation.createdAt);
    events.push({ type: 'group', group: { jid, subject: name, createMs, members, asOfMs } });
  }
  return events;
}

/** A time that may not be told; 0 says that there is none. */
function told(value: WireNumber): number | undefined {
  return value === null || value === undefined ? undefined : msOfEither(value);
}

/** Who left a group before. */
export function eventsOfPast({ groupJid, pastParticipants }: proto.IPastParticipants): LiveEvent[] {
  const members = (pastParticipants ?? []).flatMap(({ userJid, leaveReason, leaveTs }) => {
    const jid = addressOf(userJid);
    const leftVoluntarily = (leaveReason ?? 0) === LEFT;
    return jid === '' ? [] : [{ jid, leaveMs: msOfSeconds(leaveTs), leftVoluntarily }];
  });
  const jid = addressOf(groupJid);
  return isGroup(jid) && members.length > 0 ? [{ type: 'past-members', past: { jid, members } }] : [];
}

/**
 * What a chunk says of a chat beside its messages, which were sent at `sentS` (seconds): of which time they are all there are.
 * `toldMs` is when the chunk was announced to us.
 */
export function eventsOfCoverage(
  { id, conversationTimestamp, endOfHistoryTransfer, endOfHistoryTransferType }: proto.IConversation,
  sentS: Iterable<number>,
  { syncType, toldMs }: { syncType: number; toldMs: number },
): LiveEvent[] {
  const chatJid = addressOf(id);
  let oldestMs = Infinity;
  let newestMs = 0;
  for (const seconds of sentS) {
    const ms = msOfSeconds(seconds);
    // One whose sender's clock was wrong says nothing of a time that is still to come.
    if (ms === 0 || ms > toldMs) continue;
    oldestMs = Math.min(oldestMs, ms);
    newestMs = Math.max(newestMs, ms);
  }
  if (chatJid === '' || newestMs === 0) return [];
  const lastMs = msOfSeconds(conversationTimestamp);
  const coverage: LiveCoverage = {
    chatJid,
    source: syncType === ON_DEMAND ? liveSource.onDemand : liveSource.historySync,
    oldestMs,
    newestMs,
    toldMs,
    // The phone says when something last happened in the chat.
    isLatest: FROM_THE_NEWEST.has(syncType) && lastMs > 0 && lastMs <= newestMs,
    isWhole: endOfHistoryTransferType === NO_MORE,
    isEnded: endOfHistoryTransferType === MORE || endOfHistoryTransferType === NO_MORE || endOfHistoryTransfer === true,
  };
  return [{ type: 'coverage', coverage }];
}

/** A call of the past, under the id that it had when it was made. Nothing for one that is still to come. */
export function eventsOfCall(call: proto.ICallLogRecord, { me, source }: Origin): LiveEvent[] {
  const outcome = OUTCOMES[call.callResult ?? -1];
  const people = [call.callCreatorJid, ...(call.participants ?? []).map(({ userJid }) => userJid)].map(addressOf);
  const groupJid = addressOf(call.groupJid);
  const chatJid = groupJid !== '' ? groupJid : (people.find((jid) => jid !== '' && !isMe(jid, me)) ?? '');
  const creator = people[0] ?? '';
  const fromMe = isMe(creator, me) || (creator === '' && call.isIncoming === false);
  if (outcome === undefined || chatJid === '' || !call.callId) return [];
  const durationSeconds = durationOf(call.duration);
  const video = call.isVideo === true;
  const details = { callId: call.callId, video, durationSeconds, outcome: durationSeconds > 0 ? 1 : outcome, groupJid };
  const message = {
    key: { chatJid, senderJid: fromMe ? '' : creator, fromMe, messageId: call.callId },
    sentMs: msOfSeconds(call.startTime),
    senderName: '',
    state: liveDelivery.unspecified,
    starred: false,
    expireMs: 0,
    source,
    content: { ...emptyContent(messageKind.call, 90), call: details },
  };
  return [{ type: 'message', message }];
}

/** That the phone has nothing older of a chat, where it says so. */
export function startOfChat({ id, endOfHistoryTransferType }: proto.IConversation): LiveEvent[] {
  const chatJid = addressOf(id);
  return chatJid !== '' && endOfHistoryTransferType === NO_MORE ? [{ type: 'history-start', chatJid }] : [];
}

/** A message of a chat with the address of the chat: the phone leaves out what goes without saying. */
export function withChat(message: proto.IWebMessageInfo, chat: string | null | undefined): proto.IWebMessageInfo {
  const { key } = message;
  if (!key || key.remoteJid || !chat) return participantOf(message);
  return participantOf({ ...message, key: { ...key, remoteJid: chat } });
}

/** In history, who wrote something in a group may stand beside the key. */
function participantOf(message: proto.IWebMessageInfo): proto.IWebMessageInfo {
  const { key, participant } = message;
  if (!key || key.participant || !participant) return message;
  return { ...message, key: { ...key, participant } };
}

/** By the number of `GroupParticipant.Rank`. */
const RANKS: readonly LiveRank[] = ['member', 'admin', 'superadmin'];

/** `PastParticipant.LeaveReason`. */
const LEFT = 0;

/** The public `CallOutcome` by the number of `CallLogRecord.CallResult`; none for invalid calls and those to come. */
const OUTCOMES: readonly (number | undefined)[] = [1, 2, 2, 1, 2, undefined, 2, undefined, 2, 2, 0];

/** Numbers of `HistorySyncType`. The first two begin with the newest messages of their chats; others go on where these stopped. */
const FROM_THE_NEWEST: ReadonlySet<number> = new Set([0, 3]);
const ON_DEMAND = 6;

/** Numbers of `EndOfHistoryTransferType`: all was sent that was going to be, and the phone has more, or nothing, that is older. */
const MORE = 0;
const NO_MORE = 1;
