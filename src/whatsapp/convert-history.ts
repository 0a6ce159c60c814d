import type { proto } from '@whiskeysockets/baileys';
import { isGroup, isPerson } from '../domain/jid.js';
import type { LiveEvent, LiveRank } from '../domain/live-event.js';
import { addressOf, isMe, mappingOf, type Me } from './addresses.js';
import { msOfSeconds, numberOf } from './numbers.js';

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
