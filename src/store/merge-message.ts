import { create } from '@bufbuild/protobuf';
import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { messageKind } from '../domain/message-kind.js';
import { type HiddenFacts, HiddenFactsSchema } from '../gen/scrollback/store/v1/record_pb.js';
import {
  AlbumSchema,
  CallSchema,
  ContactCardSchema,
  GroupInviteSchema,
  LinkPreviewSchema,
  LocationSchema,
  type Media,
  type Message,
  type Poll,
  type PollVote,
  PollOptionSchema,
  PollVoteSchema,
  QuotedSchema,
  type Reaction,
  ReactionSchema,
  type Revocation,
  type Source,
  SystemEventSchema,
} from '../gen/scrollback/v1/message_pb.js';
import {
  actorKey,
  assign,
  compareEncoded,
  compareText,
  compareTimes,
  latestOf,
  maxBy,
  maxBytes,
  maxList,
  maxMessage,
  maxText,
  union,
} from './join-values.js';
import { joinChannelPost } from './merge-channel.js';
import { joinEvent } from './merge-event.js';
import { forgetSealed, joinHidden } from './merge-hidden.js';

/** All that the store knows of one message. */
export interface MessageFacts {
  message: Message;
  hidden: HiddenFacts;
  /** The phone's own order, 0 for none: see `domain/position.ts`. */
  ordinal: number;
}

/**
 * Joins what two sources know of the same message. The join is commutative, associative and idempotent, so the result
 * does not depend on the order in which backups and live events arrive:
 *
 * - Content is taken as a whole from the higher rank: revoked above everything, "waiting for this message" below
 *   everything. So a revocation is never undone, and content that was revoked is gone from every source.
 * - Of equal rank, the text of the later edit wins with its mentions and preview; other facts fill each other's gaps, and where two
 *   differ one is chosen by a fixed order.
 * - Reactions, votes and answers to events are last-writer-wins for each person; a removal is kept as a hidden fact so that an older
 *   source cannot bring the reaction back.
 * - Of each label counts whether it was given or taken away last, and of a channel's message what was counted last.
 * - Receipts, stars and sources only grow.
 *
 * Both messages have the same key; revisions are not part of it. The result shares what is inside of the two: whoever changes that must have it
 * alone.
 */
export function joinFacts(a: MessageFacts, b: MessageFacts): MessageFacts {
  const rankA = contentRank(a.message);
  const rankB = contentRank(b.message);
  // What is inside is shared: it is replaced below, never changed.
  const message = { ...(rankA >= rankB ? a.message : b.message) };
  const hidden = create(HiddenFactsSchema);
  if (rankA === rankB) {
    joinContent(message, a, b, hidden);
  } else {
    hidden.withdrawnVotes = (rankA > rankB ? a : b).hidden.withdrawnVotes;
  }
  const reactions = latestOf(
    [...a.message.reactions, ...a.hidden.removedReactions, ...b.message.reactions, ...b.hidden.removedReactions],
    (reaction) => actorKey(reaction.fromMe, reaction.senderJid),
    compareReactions,
  );
  message.reactions = reactions.filter((reaction) => reaction.emoji !== '');
  hidden.removedReactions = reactions.filter((reaction) => reaction.emoji === '');
  joinHidden(hidden, a.hidden, b.hidden);
  if (Math.max(rankA, rankB) === REVOKED) forgetSealed(hidden);
  message.labelIds = hidden.labels.filter(({ given }) => given).map(({ labelId }) => labelId);
  assign(message, 'channelPost', joinChannelPost(a.message.channelPost, b.message.channelPost));
  assign(message, 'sentTime', maxBy(a.message.sentTime, b.message.sentTime, compareSentTimes));
  assign(
    message,
    'receivedTime',
    maxBy(a.message.receivedTime, b.message.receivedTime, (x, y) => compareTimes(y, x)),
  );
  assign(message, 'expireTime', maxBy(a.message.expireTime, b.message.expireTime, compareTimes));
  message.deliveryState = Math.max(a.message.deliveryState, b.message.deliveryState);
  message.starred = a.message.starred || b.message.starred;
  message.senderName = maxText(a.message.senderName, b.message.senderName);
  message.sources = union(a.message.sources, b.message.sources, (x: Source, y: Source) => x - y);
  message.alternateMessageIds = union(a.message.alternateMessageIds, b.message.alternateMessageIds, compareText);
  return { message, hidden, ordinal: Math.max(a.ordinal, b.ordinal) };
}

function joinContent(message: Message, a: MessageFacts, b: MessageFacts, hidden: HiddenFacts): void {
  const edits = compareTimes(a.message.editTime, b.message.editTime);
  const edited = edits >= 0 ? a.message : b.message;
  assign(message, 'editTime', edited.editTime);
  if (edits === 0) {
    message.text = maxText(a.message.text, b.message.text);
    message.mentionedJids = union(a.message.mentionedJids, b.message.mentionedJids, compareText);
    assign(message, 'linkPreview', maxMessage(LinkPreviewSchema, a.message.linkPreview, b.message.linkPreview));
  } else {
    message.text = edited.text;
    message.mentionedJids = edited.mentionedJids;
    assign(message, 'linkPreview', edited.linkPreview);
  }
  assign(message, 'media', joinMedia(a.message.media, b.message.media));
  assign(message, 'quoted', maxMessage(QuotedSchema, a.message.quoted, b.message.quoted));
  assign(message, 'revocation', joinRevocation(a.message.revocation, b.message.revocation));
  message.forwardScore = Math.max(a.message.forwardScore, b.message.forwardScore);
  assign(message, 'location', maxMessage(LocationSchema, a.message.location, b.message.location));
  message.contactCards = maxList(ContactCardSchema, a.message.contactCards, b.message.contactCards);
  joinPoll(message, a, b, hidden);
  assign(message, 'event', joinEvent(a.message, b.message));
  assign(message, 'call', maxMessage(CallSchema, a.message.call, b.message.call));
  assign(message, 'systemEvent', maxMessage(SystemEventSchema, a.message.systemEvent, b.message.systemEvent));
  assign(message, 'groupInvite', maxMessage(GroupInviteSchema, a.message.groupInvite, b.message.groupInvite));
  assign(message, 'album', maxMessage(AlbumSchema, a.message.album, b.message.album));
  message.albumMessageId = maxText(a.message.albumMessageId, b.message.albumMessageId);
  message.viewOnce = a.message.viewOnce || b.message.viewOnce;
  message.waType = Math.max(a.message.waType, b.message.waType);
}

/** The rank of what was deleted for everyone: above that of any kind. */
const REVOKED = 1000;

/** Equal ranks mean equal kinds, so that gaps are only filled from a message of the same kind. */
function contentRank(message: Message): number {
  if (message.revocation !== undefined || message.kind === messageKind.revoked) return REVOKED;
  if (message.kind === messageKind.pending) return 1;
  // A reaction or a receipt says nothing of the content.
  if (message.kind === 0) return 0;
  if (message.kind === messageKind.unknown) return 2;
  return 2 + message.kind;
}

function joinMedia(a: Media | undefined, b: Media | undefined): Media | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return {
    ...a,
    mimeType: maxText(a.mimeType, b.mimeType),
    fileName: maxText(a.fileName, b.fileName),
    filePath: maxText(a.filePath, b.filePath),
    sizeBytes: a.sizeBytes > b.sizeBytes ? a.sizeBytes : b.sizeBytes,
    sha256: maxBytes(a.sha256, b.sha256),
    encryptedSha256: maxBytes(a.encryptedSha256, b.encryptedSha256),
    mediaKey: maxBytes(a.mediaKey, b.mediaKey),
    directPath: maxText(a.directPath, b.directPath),
    url: maxText(a.url, b.url),
    durationSeconds: Math.max(a.durationSeconds, b.durationSeconds),
    width: Math.max(a.width, b.width),
    height: Math.max(a.height, b.height),
    transcription: maxText(a.transcription, b.transcription),
  };
}

function joinRevocation(a: Revocation | undefined, b: Revocation | undefined): Revocation | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const joined: Revocation = { ...a, adminJid: maxText(a.adminJid, b.adminJid), byAdmin: a.byAdmin || b.byAdmin };
  assign(joined, 'revokeTime', maxBy(a.revokeTime, b.revokeTime, compareTimes));
  return joined;
}

function joinPoll(message: Message, a: MessageFacts, b: MessageFacts, hidden: HiddenFacts): void {
  const pollA = a.message.poll;
  const pollB = b.message.poll;
  const votes = latestOf(
    [...(pollA?.votes ?? []), ...a.hidden.withdrawnVotes, ...(pollB?.votes ?? []), ...b.hidden.withdrawnVotes],
    (vote) => actorKey(vote.fromMe, vote.voterJid),
    compareVotes,
  );
  hidden.withdrawnVotes = votes.filter((vote) => vote.optionIndexes.length === 0);
  if (pollA === undefined && pollB === undefined) return;
  const base = pollA ?? pollB;
  if (base === undefined) return;
  const poll: Poll = {
    ...base,
    options: moreOptions(pollA?.options ?? [], pollB?.options ?? []),
    selectableCount: Math.max(pollA?.selectableCount ?? 0, pollB?.selectableCount ?? 0),
    votes: votes.filter((vote) => vote.optionIndexes.length > 0),
  };
  assign(poll, 'endTime', maxBy(pollA?.endTime, pollB?.endTime, compareTimes));
  message.poll = poll;
}

/** An edit adds options behind those that were there; of as many, those that WhatsApp counted say more. */
function moreOptions(a: Poll['options'], b: Poll['options']): Poll['options'] {
  return a.length === b.length ? maxList(PollOptionSchema, a, b) : a.length > b.length ? a : b;
}

/** The later one; at the same moment a removal wins over an emoji: what was taken back stays back. */
function compareReactions(a: Reaction, b: Reaction): number {
  const byTime = compareTimes(a.reactTime, b.reactTime);
  if (byTime !== 0) return byTime;
  const removals = Number(a.emoji === '') - Number(b.emoji === '');
  return removals !== 0 ? removals : compareEncoded(ReactionSchema, a, b);
}

function compareVotes(a: PollVote, b: PollVote): number {
  const byTime = compareTimes(a.voteTime, b.voteTime);
  if (byTime !== 0) return byTime;
  const withdrawals = Number(a.optionIndexes.length === 0) - Number(b.optionIndexes.length === 0);
  return withdrawals !== 0 ? withdrawals : compareEncoded(PollVoteSchema, a, b);
}

/**
 * Millisecond precision wins over whole seconds, because the link and history sync round the time of a message that a
 * backup knows exactly; else the earlier time wins, because a resend is stamped later.
 */
function compareSentTimes(a: Timestamp, b: Timestamp): number {
  const precision = Number(a.nanos !== 0) - Number(b.nanos !== 0);
  return precision !== 0 ? precision : compareTimes(b, a);
}
