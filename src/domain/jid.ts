/**
 * WhatsApp addresses. A JID is `user@server`; as it comes from a device it may be `user.agent:device@server`. In
 * this project a JID is always normalised: server in lower case, no agent, no device.
 */

/** The longest JID that is accepted, in bytes. Real ones have 15 to 40; chosen with room to spare. */
export const JID_MAX_BYTES = 128;

/** The server of people who are known by their phone number. */
export const PHONE_SERVER = 's.whatsapp.net';

/** The server of people who are known by a number that hides their phone number. */
export const LID_SERVER = 'lid';

/** Servers whose users have devices, so that `.agent` and `:device` may follow the user. */
const PERSON_SERVERS = new Set([PHONE_SERVER, LID_SERVER, 'bot']);

/**
 * Other names of servers: the old one of the phone numbers', and those of the devices that Meta runs for companies
 * (`49…:99@hosted`), which belong to a person like any other device.
 */
const SERVER_ALIASES = new Map([
  ['c.us', PHONE_SERVER],
  ['hosted', PHONE_SERVER],
  ['hosted.lid', LID_SERVER],
]);

/** Printable ASCII without what separates: a JID becomes part of keys and of page tokens as it is. */
const USER = /^[!-~]+$/;
const SERVER = /^[a-z][a-z0-9._-]*$/;

/**
 * Normalises a JID. Returns undefined when it is none: no single `@`, an empty part, bytes other than printable ASCII,
 * or longer than `JID_MAX_BYTES`. Other names of the servers of people become theirs.
 */
export function parseJid(text: string): string | undefined {
  if (text.length > JID_MAX_BYTES) return undefined;
  const at = text.indexOf('@');
  if (at <= 0) return undefined;
  return makeJid(text.slice(0, at), text.slice(at + 1));
}

/** Normalises a JID that comes in its two parts; see `parseJid`. */
export function makeJid(user: string, server: string): string | undefined {
  const lower = server.toLowerCase();
  const home = SERVER_ALIASES.get(lower) ?? lower;
  const bare = PERSON_SERVERS.has(home) ? withoutDevice(user) : user;
  if (!USER.test(bare) || bare.includes('@') || !SERVER.test(home)) return undefined;
  if (bare.length + 1 + home.length > JID_MAX_BYTES) return undefined;
  return `${bare}@${home}`;
}

function withoutDevice(user: string): string {
  const colon = user.indexOf(':');
  const withAgent = colon < 0 ? user : user.slice(0, colon);
  const dot = withAgent.indexOf('.');
  return dot < 0 ? withAgent : withAgent.slice(0, dot);
}

/** Returns the part of a normalised JID after the `@`. */
export function serverOf(jid: string): string {
  return jid.slice(jid.indexOf('@') + 1);
}

/** Tells whether a normalised JID is a LID. */
export function isLid(jid: string): boolean {
  return jid.endsWith('@lid');
}

/**
 * Tells whether a normalised JID is one person: a phone number or a LID. A chat with it has one other party, so the
 * chat itself says who sent an incoming message.
 */
export function isPerson(jid: string): boolean {
  return jid.endsWith('@s.whatsapp.net') || jid.endsWith('@lid');
}

/** Tells whether a normalised JID is a group. */
export function isGroup(jid: string): boolean {
  return jid.endsWith('@g.us');
}

/** What kind of chat a normalised JID stands for. */
export type ChatKind = 'direct' | 'group' | 'newsletter' | 'broadcast' | 'status' | 'other';

/** Returns the kind of chat that a normalised JID stands for; `other` for servers that are none of ours. */
export function chatKindOf(jid: string): ChatKind {
  if (jid === 'status@broadcast') return 'status';
  switch (serverOf(jid)) {
    case PHONE_SERVER:
    case LID_SERVER:
      return 'direct';
    case 'g.us':
      return 'group';
    case 'newsletter':
      return 'newsletter';
    case 'broadcast':
      return 'broadcast';
    default:
      return 'other';
  }
}

/** What people put between the digits of a phone number, the invisible marks that address books add included. */
const PHONE_PUNCTUATION = /[\p{Z}\p{Pd}\p{Cf}\t().\/]/gu;

/** E.164 allows 15 digits; the shortest numbers with a country code have about 7. */
const PHONE_DIGITS = /^[1-9][0-9]{5,14}$/;

/**
 * Reads how people write a chat: a JID of any kind, or a phone number with its country code in any usual form
 * (`+49 170 1234567`, `0049 (170) 123-4567`, `491701234567`). Returns the normalised JID, or undefined when it is neither.
 */
export function parseChatAddress(text: string): string | undefined {
  const trimmed = text.trim();
  if (trimmed.includes('@')) {
    const jid = parseJid(trimmed);
    if (jid === undefined || !jid.endsWith(`@${PHONE_SERVER}`)) return jid;
    const digits = jid.slice(0, jid.indexOf('@')).replace(/^\+/, '');
    return `${digits}@${PHONE_SERVER}`;
  }
  const digits = trimmed.replace(PHONE_PUNCTUATION, '').replace(/^(\+|00)/, '');
  return PHONE_DIGITS.test(digits) ? `${digits}@${PHONE_SERVER}` : undefined;
}
