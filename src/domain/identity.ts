import { keyPrefix } from './page-format.js';

/**
 * Writes the key of a message's identity and returns where it ends:
 *
 * ```
 *   ┌────┬───────────┬────────────┬────┬─────────┬──────────────────────────────┐
 *   │ i  │ chat      │ message id │ 00 │ from_me │ sender JID, unless from_me or│
 *   │ 1 B│ number 4 B│ UTF-8      │    │ 0 or 1  │ the chat has one other person│
 *   └────┴───────────┴────────────┴────┴─────────┴──────────────────────────────┘
 * ```
 *
 * The chat number comes first because random keys are what costs: a chat's identities stay together. The sender is part
 * of it because two members of a group may use the same id (WhatsApp's own unique index has it too). `senderJid` is
 * '' where it is not part of the identity or not stated. Needs `identityKeyBytes` of room; the id holds no NUL.
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
  let at = offset + IDENTITY_ID_OFFSET;
  at += target.write(messageId, at, 'utf8');
  target[at++] = 0;
  target[at++] = fromMe ? 1 : 0;
  if (senderJid !== '') at += target.write(senderJid, at, 'latin1');
  return at;
}

/** Where the message id starts in an identity key. The tie hash is `hash64` of everything from here on. */
export const IDENTITY_ID_OFFSET = 5;

/** The longest message id that is accepted, in bytes. Real ones have 16 to 40; chosen with room to spare. */
export const MESSAGE_ID_MAX_BYTES = 128;
