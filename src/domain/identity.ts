import { isLid, JID_MAX_BYTES, LID_SERVER, PHONE_SERVER } from './jid.js';
import { keyPrefix } from './page-format.js';

/**
 * Writes the key of a message's identity and returns where it ends:
 *
 * ```
 *   ┌────┬───────────┬───────────────┬────────┬──────────────────────────────┐
 *   │ i  │ chat      │ message id    │ author │ sender, unless from_me or    │
 *   │ 1 B│ number 4 B│ length, bytes │ 1 B    │ the chat has one other person│
 *   └────┴───────────┴───────────────┴────────┴──────────────────────────────┘
 * ```
 *
 * The chat number comes first because random keys are what costs: a chat's identities stay together. The sender is part
 * of it because two members of a group may use the same id (WhatsApp's own unique index has it too). `senderJid` is
 * '' where it is not part of the identity or not stated. Needs `IDENTITY_MAX_BYTES` of room.
 *
 * Ids are mostly capital hexadecimal digits and senders numbers; both are packed, because these keys are half of what LevelDB
 * has to sort. Length: up to 128 for so many bytes of UTF-8, above it 128 + the bytes of hexadecimal digits. Author: see `author`.
 */
export function writeIdentityKey(
  target: Buffer,
  offset: number,
  chatNumber: number,
  messageId: string,
  fromMe: boolean,
  senderJid: string,
): number {
  target[offset] = keyPrefix.identity;
  target.writeUInt32BE(chatNumber, offset + 1);
  const at = writeMessageId(target, offset + IDENTITY_ID_OFFSET, messageId);
  return writeAuthor(target, at, fromMe, senderJid);
}

/** What an identity key says. */
export interface IdentityParts {
  chatNumber: number;
  messageId: string;
  fromMe: boolean;
  /** '' where it is not part of the identity. */
  senderJid: string;
}

/** Reads what `writeIdentityKey` wrote; the key ends where the buffer ends. */
export function readIdentityKey(key: Buffer): IdentityParts {
  const length = key.readUInt8(IDENTITY_ID_OFFSET);
  const idStart = IDENTITY_ID_OFFSET + 1;
  const idEnd = idStart + (length > PLAIN_ID ? length - PLAIN_ID : length);
  return {
    chatNumber: key.readUInt32BE(1),
    messageId:
      length > PLAIN_ID ? key.toString('hex', idStart, idEnd).toUpperCase() : key.toString('utf8', idStart, idEnd),
    fromMe: key[idEnd] === author.owner,
    senderJid: readSender(key, idEnd),
  };
}

/** Bounds of all identities of a chat that bear a message id. */
export function identityRange(chatNumber: number, messageId: string): { gte: Buffer; lt: Buffer } {
  const gte = Buffer.alloc(IDENTITY_MAX_BYTES);
  gte[0] = keyPrefix.identity;
  gte.writeUInt32BE(chatNumber, 1);
  const end = writeMessageId(gte, IDENTITY_ID_OFFSET, messageId);
  const lt = Buffer.from(gte.subarray(0, end + 1));
  lt[end] = 0xff;
  return { gte: gte.subarray(0, end), lt };
}

function writeMessageId(target: Buffer, offset: number, messageId: string): number {
  const packed = writeHex(target, offset + 1, messageId);
  if (packed > 0) {
    target[offset] = PLAIN_ID + packed;
    return offset + 1 + packed;
  }
  const length = target.write(messageId, offset + 1, 'utf8');
  target[offset] = length;
  return offset + 1 + length;
}

/** Packs capital hexadecimal digits and returns how many bytes they take; 0 when the text is anything else. */
function writeHex(target: Buffer, offset: number, text: string): number {
  const { length } = text;
  if (length === 0 || length % 2 !== 0) return 0;
  for (let n = 0; n < length; n += 2) {
    const high = digitOf(text.charCodeAt(n));
    const low = digitOf(text.charCodeAt(n + 1));
    if (high < 0 || low < 0) return 0;
    target[offset + n / 2] = high * 16 + low;
  }
  return length / 2;
}

function digitOf(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  return code >= 65 && code <= 70 ? code - 55 : -1;
}

function writeAuthor(target: Buffer, offset: number, fromMe: boolean, senderJid: string): number {
  if (senderJid === '') {
    target[offset] = fromMe ? author.owner : author.unnamed;
    return offset + 1;
  }
  const number = numberOf(senderJid);
  if (number > 0) {
    target[offset] = isLid(senderJid) ? author.lid : author.phone;
    target[offset + 1] = Math.floor(number / 2 ** 48);
    target.writeUIntBE(number % 2 ** 48, offset + 2, 6);
    return offset + 1 + NUMBER_BYTES;
  }
  target[offset] = author.other;
  return offset + 1 + target.write(senderJid, offset + 1, 'latin1');
}

/** The number before the `@` of a phone JID or a LID; 0 when it is not a plain one. */
function numberOf(jid: string): number {
  const at = jid.indexOf('@');
  if (at < 1 || at > MAX_DIGITS || jid.charCodeAt(0) === 48) return 0;
  const isNumber = jid.endsWith(`@${PHONE_SERVER}`) || jid.endsWith(`@${LID_SERVER}`);
  if (!isNumber) return 0;
  let number = 0;
  for (let n = 0; n < at; n++) {
    const digit = jid.charCodeAt(n) - 48;
    if (digit < 0 || digit > 9) return 0;
    number = number * 10 + digit;
  }
  return number;
}

function readSender(key: Buffer, at: number): string {
  const kind = key.readUInt8(at);
  if (kind === author.other) return key.toString('latin1', at + 1);
  if (kind !== author.phone && kind !== author.lid) return '';
  const number = key.readUInt8(at + 1) * 2 ** 48 + key.readUIntBE(at + 2, 6);
  return `${number}@${kind === author.lid ? LID_SERVER : PHONE_SERVER}`;
}

/** Who wrote it: nobody is named, the owner, a phone JID or a LID (then its number, 7 B), another JID (then its bytes). */
const author = { unnamed: 0, owner: 1, phone: 2, lid: 3, other: 4 } as const;

/** Where the message id starts in an identity key. The tie hash is `hash64` of everything from here on. */
export const IDENTITY_ID_OFFSET = 5;

/** The longest message id that is accepted, in bytes. Real ones have 16 to 40; chosen with room to spare. */
export const MESSAGE_ID_MAX_BYTES = 128;

/** The most that an identity key takes. */
export const IDENTITY_MAX_BYTES = IDENTITY_ID_OFFSET + 1 + MESSAGE_ID_MAX_BYTES + 1 + JID_MAX_BYTES;

/** Lengths above this are those of packed ids. */
const PLAIN_ID = MESSAGE_ID_MAX_BYTES;

/** Fifteen digits are below 2^53, and E.164 has no more. */
const MAX_DIGITS = 15;
const NUMBER_BYTES = 7;
