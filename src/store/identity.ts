import { IDENTITY_ID_OFFSET, IDENTITY_MAX_BYTES, type IdentityParts, writeIdentityKey } from '../domain/identity.js';
import { identityForm, IDENTITY_VALUE_BYTES } from '../domain/page-format.js';
import { hash64, hashResult, POSITION_BYTES, POSITION_CHAT_OFFSET, POSITION_KIND_OFFSET } from '../domain/position.js';
import type { MessageKey } from '../gen/scrollback/v1/message_pb.js';
import { isPerson } from '../domain/jid.js';
import type { Overlay } from './overlay.js';

/** What an identity leads to, after following aliases. */
export interface ResolvedIdentity {
  /** The key of the identity itself. */
  identityKey: Buffer;
  /** Its value; its form is message or deleted. */
  value: Buffer;
}

/** Makes the identity key of a message. The chat number is that of its chat. */
export function identityKeyOf(chatNumber: number, key: MessageKey, messageId = key.messageId): Buffer {
  const sender = key.fromMe || isPerson(key.chatJid) ? '' : key.senderJid;
  return makeIdentityKey({ chatNumber, messageId, fromMe: key.fromMe, senderJid: sender });
}

/** Makes an identity key. */
export function makeIdentityKey({ chatNumber, messageId, fromMe, senderJid }: IdentityParts): Buffer {
  const bytes = Buffer.alloc(IDENTITY_MAX_BYTES);
  return bytes.subarray(0, writeIdentityKey(bytes, 0, chatNumber, messageId, fromMe, senderJid));
}

/** Follows aliases from an identity to what is stored; undefined when nothing is. */
export async function resolveIdentity(overlay: Overlay, identityKey: Buffer): Promise<ResolvedIdentity | undefined> {
  let key = identityKey;
  for (let hop = 0; hop < MAX_ALIAS_HOPS; hop++) {
    const value = await overlay.get(key);
    if (value === undefined) return undefined;
    if (value[0] !== identityForm.alias) return { identityKey: key, value };
    key = value.subarray(1);
  }
  return undefined;
}

/** The value of an alias of another identity. */
export function aliasValue(target: Buffer): Buffer {
  return Buffer.concat([Buffer.of(identityForm.alias), target]);
}

/** The value of an identity whose message the user deleted. */
export function deletedValue(): Buffer {
  return Buffer.of(identityForm.deleted);
}

/** The value of an identity whose message has this position; `mark` is its fingerprint. */
export function messageValue(position: Buffer, mark: Buffer): Buffer {
  const value = Buffer.allocUnsafe(IDENTITY_VALUE_BYTES);
  value[0] = identityForm.message;
  position.copy(value, 1, 0, TIE_OFFSET);
  value[KIND_OFFSET] = position.readUInt8(POSITION_KIND_OFFSET);
  mark.copy(value, MARK_OFFSET);
  return value;
}

/** The position of the message that an identity's value stands for. */
export function positionOf({ identityKey, value }: ResolvedIdentity): Buffer {
  const position = Buffer.allocUnsafe(POSITION_BYTES);
  value.copy(position, 0, 1, 1 + TIE_OFFSET);
  const tie = tieHashOf(identityKey);
  position.writeUInt32BE(tie.high, TIE_OFFSET);
  position.writeUInt32BE(tie.low, TIE_OFFSET + 4);
  identityKey.copy(position, POSITION_CHAT_OFFSET, 1, 5);
  position[POSITION_KIND_OFFSET] = value.readUInt8(KIND_OFFSET);
  return position;
}

/** The fingerprint inside a message's identity value. */
export function fingerprintOf(value: Buffer): Buffer {
  return value.subarray(MARK_OFFSET);
}

/** Offsets of what a value holds; see `identityForm`. */
const KIND_OFFSET = 13;
const MARK_OFFSET = 14;

/** Where the tie hash starts in a position. */
const TIE_OFFSET = 12;

/** The tie hash of an identity: of everything but the chat, so that it does not depend on the order of arrival. */
export function tieHashOf(identityKey: Buffer): { high: number; low: number } {
  hash64(identityKey, IDENTITY_ID_OFFSET, identityKey.length);
  return { high: hashResult.high, low: hashResult.low };
}

/** Tie hash and chat number, as the log keeps them for identities without a row. */
export const IDENTITY_HASH_BYTES = 12;

/** The `IDENTITY_HASH_BYTES` of an identity. */
export function identityHash(identityKey: Buffer): Buffer {
  const bytes = Buffer.alloc(IDENTITY_HASH_BYTES);
  const tie = tieHashOf(identityKey);
  bytes.writeUInt32BE(tie.high, 0);
  bytes.writeUInt32BE(tie.low, 4);
  identityKey.copy(bytes, 8, 1, 5);
  return bytes;
}

/** An edit of a revoked edit makes two; more only a damaged database has. */
const MAX_ALIAS_HOPS = 8;
