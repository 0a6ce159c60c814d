import { proto } from '@whiskeysockets/baileys/WAProto/index.js';
import type { LiveEvent, LiveKey, SealedLiveVote } from '../domain/live-event.js';
import { addressOf, keyOfTarget, type Me, type WireKey } from './addresses.js';
import type { WireMessage } from './envelope.js';
import { msOf, msOfSeconds } from './numbers.js';

/**
 * Converts what only the secret of another message opens: a vote, an answer to an event, an edit, a reaction, what a comment says. Undefined for
 * what is none of them; nothing comes of one that is about no message or too large.
 */
export function convertSealed(
  message: proto.IMessage,
  key: LiveKey,
  info: WireMessage,
  me: Me,
): LiveEvent[] | undefined {
  const { pollUpdateMessage: vote, encEventResponseMessage: response, encReactionMessage: reaction } = message;
  const { secretEncryptedMessage: edit, encCommentMessage: comment } = message;
  const sentMs = msOfSeconds(info.messageTimestamp);
  if (vote) {
    const voteMs = msOf(vote.senderTimestampMs) || sentMs;
    return sealedOf({ ...vote.vote, about: vote.pollCreationMessageKey, voteMs }, key, info, me);
  }
  if (response) {
    const about = response.eventCreationMessageKey;
    return sealedOf({ ...response, about, voteMs: sentMs, use: 'response' }, key, info, me);
  }
  if (reaction) {
    return sealedOf({ ...reaction, about: reaction.targetMessageKey, voteMs: sentMs, use: 'reaction' }, key, info, me);
  }
  if (comment) {
    return sealedOf({ ...comment, about: comment.targetMessageKey, voteMs: sentMs, use: 'comment' }, key, info, me);
  }
  if (!edit || !EDITS.has(edit.secretEncType ?? 0)) return undefined;
  return sealedOf({ ...edit, about: edit.targetMessageKey, voteMs: sentMs, use: 'edit' }, key, info, me);
}

/** A vote, an answer, an edit, a reaction or a comment as it comes, and what it is about, by the key that its author wrote. */
interface Sealed {
  encPayload?: Uint8Array | null;
  encIv?: Uint8Array | null;
  about: WireKey | null | undefined;
  voteMs: number;
  use?: 'response' | 'edit' | 'reaction' | 'comment';
}

function sealedOf(sealed: Sealed, key: LiveKey, info: WireMessage, me: Me): LiveEvent[] {
  const { encPayload: payload, encIv: iv, about, voteMs, use } = sealed;
  const named = keyOfTarget(about, key, me);
  const maxBytes = use === 'edit' || use === 'comment' ? MAX_TEXT_BYTES : MAX_SEALED_BYTES;
  if (named === undefined || !payload || !iv || payload.length + iv.length > maxBytes) return [];
  // Only its author edits a message, whatever the key inside says.
  const target = use === 'edit' ? { ...key, messageId: named.messageId } : named;
  const namesOf = (fromMe: boolean, ...jids: (string | null | undefined)[]): string[] => [
    ...new Set([...jids.map(addressOf), ...(fromMe ? [me.phone, me.lid] : [])].filter((jid) => jid !== '')),
  ];
  const { participant, participantAlt, remoteJid, remoteJidAlt } = info.key ?? {};
  const chat = key.senderJid === key.chatJid ? [remoteJid, remoteJidAlt] : [];
  const voterNames = namesOf(key.fromMe, participant, participantAlt, ...(key.fromMe ? [] : chat));
  const other =
    target.fromMe || target.senderJid === '' ? [] : [target.senderJid, ...(key.fromMe ? [remoteJidAlt] : chat)];
  // Who seals something about a message of their own may leave out who wrote it, and has two names.
  const isOwn = target.fromMe === key.fromMe && target.senderJid === key.senderJid;
  const author = isOwn ? voterNames : other;
  const authorNames = namesOf(target.fromMe, about?.participant, ...author);
  const actor = { jid: key.senderJid, fromMe: key.fromMe };
  const vote = { payload, iv, voterNames, authorNames, ...markOf(use, key) };
  return [{ type: 'sealed-vote', key: target, actor, vote, voteMs }];
}

/** How it is told what a sealed one is; a vote has no mark. */
function markOf(use: Sealed['use'], key: LiveKey): Partial<SealedLiveVote> {
  switch (use) {
    case 'response':
      return { eventResponse: true };
    case 'edit':
      return { editId: key.messageId };
    case 'reaction':
      return { reaction: true };
    case 'comment':
      return { commentId: key.messageId };
    case undefined:
      return {};
  }
}

/** A vote for each of the twelve options that a poll may have takes some 500; it is kept until its poll comes. */
const MAX_SEALED_BYTES = 4096;

/** The longest text that a phone sends may take some 256 KB; a small picture of a place comes with an event's. */
const MAX_TEXT_BYTES = 512 * 1024;

const { SecretEncType } = proto.Message.SecretEncryptedMessage;

/** Edits of polls have a number that the library's protocol does not name; it is that of public clients, not measured. */
const POLL_EDIT = 4;

/**
 * What is edited with the secret of what it is about. An option that somebody adds to a poll (5) is none: whether its author lets others do so is said where
 * the library's protocol does not look.
 */
const EDITS: ReadonlySet<number> = new Set([SecretEncType.EVENT_EDIT, SecretEncType.MESSAGE_EDIT, POLL_EDIT]);
