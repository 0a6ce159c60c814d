import { IDENTITY_ID_OFFSET, writeIdentityKey } from '../domain/identity.js';
import { identityForm, IDENTITY_VALUE_BYTES } from '../domain/page-format.js';
import { hash64, hashResult, POSITION_BYTES, POSITION_CHAT_OFFSET } from '../domain/position.js';
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
  const bytes = Buffer.alloc(IDENTITY_ID_OFFSET + Buffer.byteLength(messageId) + 2 + sender.length);
  writeIdentityKey(bytes, 0, chatNumber, messageId, key.fromMe, sender);
  return bytes;
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
export function deletedValue(identityKey: Buffer): Buffer {
  const value = Buffer.alloc(IDENTITY_VALUE_BYTES);
  value[0] = identityForm.deleted;
  const tie = tieHashOf(identityKey);
  value.writeUInt32BE(tie.high, 1 + 12);
  value.writeUInt32BE(tie.low, 1 + 16);
  identityKey.copy(value, 1 + POSITION_CHAT_OFFSET, 1, 5);
  return value;
}

/** The position inside an identity's value. */
export function positionOf(value: Buffer): Buffer {
  return value.subarray(1, 1 + POSITION_BYTES);
}

/** The fingerprint inside an identity's value. */
export function fingerprintOf(value: Buffer): Buffer {
  return value.subarray(1 + POSITION_BYTES);
}

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
