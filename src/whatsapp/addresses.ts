import { isLid, parseJid, PHONE_SERVER, serverOf } from '../domain/jid.js';
import type { LiveActor, LiveEvent, LiveKey } from '../domain/live-event.js';

/** The two addresses of the account's owner; '' for unknown. */
export interface Me {
  phone: string;
  lid: string;
}

/** A key as the library has it: the other name of the sender beside the one that the stanza used. */
export interface WireKey {
  remoteJid?: string | null | undefined;
  remoteJidAlt?: string | null | undefined;
  participant?: string | null | undefined;
  participantAlt?: string | null | undefined;
  id?: string | null | undefined;
  fromMe?: boolean | null | undefined;
}

/** The normalised form of an address, '' for none. */
export function addressOf(jid: string | null | undefined): string {
  return parseJid(jid ?? '') ?? '';
}

export function isMe(jid: string, me: Me): boolean {
  return jid !== '' && (jid === me.phone || jid === me.lid);
}

/** The owner of the account, or whoever else has the address. */
export function actorOf(jid: string, me: Me): LiveActor {
  return isMe(jid, me) ? { jid: '', fromMe: true } : { jid, fromMe: false };
}

/** The identity of a message by the key that it came with; undefined when it has none. */
export function keyOfMessage(key: WireKey | null | undefined, me: Me): LiveKey | undefined {
  const remote = addressOf(key?.remoteJid);
  const messageId = key?.id ?? '';
  if (remote === '' || messageId === '') return undefined;
  const participant = addressOf(key?.participant);
  // The library knows the owner in a status by the number alone.
  const isOwn = remote.endsWith('@broadcast') && isMe(participant, me);
  const fromMe = key?.fromMe === true || isOwn;
  // What comes by a broadcast list is, for who receives it, a message of the chat with its sender.
  const isList = remote.endsWith('@broadcast') && remote !== 'status@broadcast';
  const chatJid = isList && !fromMe && participant !== '' ? participant : remote;
  const sender = fromMe || isMe(participant, me) ? '' : participant;
  return { chatJid, senderJid: fromMe ? '' : sender !== '' ? sender : personOf(chatJid), fromMe, messageId };
}

/**
 * The identity of a message that another one speaks of (`about`), by the key that its author wrote: there `fromMe` and the chat are
 * the author's view.
 */
export function keyOfTarget(target: WireKey | null | undefined, about: LiveKey, me: Me): LiveKey | undefined {
  const messageId = target?.id ?? '';
  if (messageId === '') return undefined;
  const { chatJid } = about;
  const participant = addressOf(target?.participant);
  if (target?.fromMe === true) {
    return { chatJid, senderJid: about.senderJid, fromMe: about.fromMe, messageId };
  }
  // In a direct chat, what is not the author's own is the other side's.
  const direct = personOf(chatJid) !== '';
  const fromMe = participant !== '' ? isMe(participant, me) : direct && !about.fromMe;
  return { chatJid, senderJid: fromMe ? '' : direct ? chatJid : participant, fromMe, messageId };
}

/** What a key tells of LIDs and the numbers that they stand for. */
export function mappingsOf(key: WireKey | null | undefined, me: Me): LiveEvent[] {
  const pairs: [string, string][] = [
    [addressOf(key?.remoteJid), addressOf(key?.remoteJidAlt)],
    [addressOf(key?.participant), addressOf(key?.participantAlt)],
  ];
  // The other name that a message of the owner tells may be the owner's, beside the chat of somebody else.
  return pairs.flatMap(([a, b]) => (isMe(a, me) === isMe(b, me) ? mappingOf(a, b) : []));
}

/** One mapping, if one address is a LID and the other a number. */
export function mappingOf(a: string, b: string): LiveEvent[] {
  const [lid, phone] = isLid(a) ? [a, b] : [b, a];
  if (!isLid(lid) || phone === '' || serverOf(phone) !== PHONE_SERVER) return [];
  return [{ type: 'lid-mapping', lid, phone }];
}

function personOf(jid: string): string {
  return jid.endsWith(`@${PHONE_SERVER}`) || isLid(jid) ? jid : '';
}
