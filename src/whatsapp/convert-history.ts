import type { proto } from '@whiskeysockets/baileys';
import { proto as wire } from '@whiskeysockets/baileys';
import { isGroup, isPerson } from '../domain/jid.js';
import { type LiveEvent, type LiveRank, liveSource } from '../domain/live-event.js';
import { addressOf, isMe, mappingOf, type Me } from './addresses.js';
import { convertMessage } from './convert-message.js';
import { msOfSeconds, numberOf } from './numbers.js';

const types = wire.HistorySync.HistorySyncType;

/**
 * Converts a chunk of history in parts: first which LIDs stand for which numbers, so that messages are stored under their
 * numbers at once, then people and chats, then messages.
 */
export function* convertHistory(chunk: proto.IHistorySync, me: Me, asOfMs: number): Generator<LiveEvent[]> {
  const onDemand = chunk.syncType === types.ON_DEMAND;
  const source = onDemand ? liveSource.onDemand : liveSource.historySync;
  const conversations = chunk.conversations ?? [];
  let part: LiveEvent[] = [
    ...(chunk.phoneNumberToLidMappings ?? []).flatMap(({ pnJid, lidJid }) =>
      mappingOf(addressOf(pnJid), addressOf(lidJid)),
    ),
    ...conversations.flatMap(({ id, pnJid, lidJid }) => {
      const jid = addressOf(id);
      return [...mappingOf(jid, addressOf(pnJid)), ...mappingOf(jid, addressOf(lidJid))];
    }),
  ];
  const isFull = (): boolean => part.length >= EVENTS_PER_PART;
  for (const { id, pushname } of chunk.pushnames ?? []) {
    const jid = addressOf(id);
    if (isPerson(jid) && pushname) {
      part.push({ type: 'contact', contact: { jid, name: '', pushName: pushname, username: '', asOfMs } });
    }
  }
  const origin = { me, source };
  for (const message of chunk.statusV3Messages ?? []) part.push(...convertMessage(message, origin));
  for (const conversation of conversations) {
    // What is asked for later tells little of the chat itself.
    if (!onDemand) part.push(...chatEvents(conversation, me, asOfMs));
    for (const { message } of conversation.messages ?? []) {
      if (message) part.push(...convertMessage(withChat(message, conversation.id), origin));
      if (!isFull()) continue;
      yield part;
      part = [];
    }
  }
  yield part;
}

function chatEvents(conversation: proto.IConversation, me: Me, asOfMs: number): LiveEvent[] {
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

/** The phone leaves out what goes without saying. */
function withChat(message: proto.IWebMessageInfo, chat: string | null | undefined): proto.IWebMessageInfo {
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

/** A commit of some milliseconds. */
const EVENTS_PER_PART = 1000;
