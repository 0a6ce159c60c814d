import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { LiveActor, LiveContent, OpenedVote, OptionHash, VoteOpener } from '../domain/live-event.js';
import { messageKind } from '../domain/message-kind.js';
import type { SealedVote } from '../gen/scrollback/store/v1/record_pb.js';
import { MessageKind, type MessageKey, type Poll, type PollOption } from '../gen/scrollback/v1/message_pb.js';
import { type Commit, keyOf } from './commit.js';
import { msOf } from './facts.js';
import { FactsPile } from './facts-pile.js';
import { findStored } from './find-stored.js';
import { identityKeyOf } from './identity.js';
import { commentFacts, factsOfEvent, responseFacts, voteFacts } from './live-facts.js';
import type { MessageFacts } from './merge-message.js';
import { mergePartial } from './merge-partial.js';
import { phoneOrMark } from './phone-of.js';
import { resolveFacts } from './resolve-facts.js';
import { saysContent } from './told-again.js';

/** Records what came sealed, and what it says if what it is about is there. */
export async function recordSealed(
  commit: Commit,
  chatNumber: number,
  facts: MessageFacts,
  openVote: VoteOpener,
): Promise<'updated' | 'unchanged' | 'refused' | 'awaiting'> {
  const about = { chatNumber, key: keyOf(facts) };
  const { sealedVotes } = facts.hidden;
  const isComment = sealedVotes.some(({ commentId }) => commentId !== '');
  // A message has any number of comments, and each is a message: what is opened at once is not kept beside the one that they are about.
  if (isComment && (await openWaiting(commit, about, openVote, sealedVotes)) > 0) return 'updated';
  if (isComment && sealedVotes.some(({ payload }) => payload.length > MAX_WAITING_COMMENT_BYTES)) return 'unchanged';
  const outcome = await mergePartial(commit, chatNumber, facts);
  if (!isComment) await openWaiting(commit, about, openVote, sealedVotes);
  return outcome;
}

/** That of a text of some thousand letters, or of a picture with a small preview; a longer one that comes too early stays sealed. Chosen. */
const MAX_WAITING_COMMENT_BYTES = 16 * 1024;

/** Opens what is sealed of a message (all that waits, unless some is named), if its secret is known. Returns how much was opened. */
export async function openWaiting(
  commit: Commit,
  poll: { chatNumber: number; key: MessageKey },
  openVote: VoteOpener,
  sealed?: SealedVote[],
): Promise<number> {
  const { chatNumber } = poll;
  let stored = await loadFacts(commit, chatNumber, poll.key);
  const waiting = sealed ?? stored?.hidden.sealedVotes ?? [];
  const opened = await openSealed(commit, stored, waiting.filter(standsForItself), openVote);
  const pile = new FactsPile();
  for (const told of opened) pile.add(told);
  const joined = pile.joined();
  if (joined !== undefined) await mergePartial(commit, chatNumber, joined);
  let count = opened.length;
  for (const one of waiting) {
    if (standsForItself(one)) continue;
    const [told] = await openSealed(commit, stored, [one], openVote);
    if (told === undefined) continue;
    count++;
    if (one.commentId !== '' && (await saysMore(commit, chatNumber, keyOf(told)))) continue;
    await mergePartial(commit, chatNumber, told);
    if (one.editId === '') continue;
    stored = await loadFacts(commit, chatNumber, poll.key);
    if (stored?.message.poll === undefined) continue;
    // Votes for an option that the edit added may have come before it.
    const votes = stored.hidden.sealedVotes.filter(standsForItself);
    if (votes.length > 0) await openWaiting(commit, poll, openVote, votes);
  }
  return count;
}

/**
 * True for what is neither an edit nor a comment: many of them are opened with what is stored once, and merged at once. After an edit other votes
 * can be opened than before it, and a comment is another message.
 */
export function standsForItself({ editId, commentId }: SealedVote): boolean {
  return editId === '' && commentId === '';
}

/** What is sealed of a message says of it, opened with what is stored of it; nothing when its secret is not known. */
export async function openSealed(
  commit: Commit,
  stored: MessageFacts | undefined,
  sealed: SealedVote[],
  openVote: VoteOpener,
): Promise<MessageFacts[]> {
  const opened: MessageFacts[] = [];
  if (stored === undefined || stored.hidden.messageSecret.length === 0) return opened;
  const key = keyOf(stored);
  for (const [n, vote] of sealed.entries()) {
    if (n % OPENED_BETWEEN_TURNS === OPENED_BETWEEN_TURNS - 1) await setImmediate();
    const content = await openVote(namedToo(vote, key), {
      messageId: key.messageId,
      secret: stored.hidden.messageSecret,
    });
    const told = content === undefined ? undefined : factsOfOpened(stored, vote, content);
    if (told === undefined) continue;
    opened.push((await resolveFacts(told, (jid) => phoneOrMark(commit.overlay, jid))) ?? told);
  }
  return opened;
}

/** True for a comment that was opened already, and for another message under the id of one: who sent it would rewrite it by commenting. */
async function saysMore(commit: Commit, chatNumber: number, key: MessageKey): Promise<boolean> {
  const { message } = (await loadFacts(commit, chatNumber, key)) ?? {};
  return message !== undefined && saysContent(message);
}

function factsOfOpened({ message }: MessageFacts, vote: SealedVote, opened: OpenedVote): MessageFacts | undefined {
  const { key, kind, poll } = message;
  if (key === undefined) return undefined;
  const actor: LiveActor = { jid: vote.voterJid, fromMe: vote.fromMe };
  if ('content' in opened) {
    const { editMs } = opened;
    const content = poll === undefined ? opened.content : withOptionsOf(opened.content, poll);
    // An event or a poll becomes no text by an edit, nor a text one of them.
    const isOther = ([ofEdit, ofMessage]: [number, MessageKind]) => (content.kind === ofEdit) !== (kind === ofMessage);
    if ([EVENTS, POLLS].some(isOther)) return undefined;
    return factsOfEvent({ type: 'edit', key, editId: vote.editId, editMs: editMs || msOf(vote.voteTime), content });
  }
  if ('comment' in opened) {
    const { voterJid: senderJid, fromMe, commentId: messageId } = vote;
    return commentFacts({ chatJid: key.chatJid, senderJid, fromMe, messageId }, opened.comment, key);
  }
  if ('emoji' in opened) {
    const { emoji, reactMs } = opened;
    return factsOfEvent({ type: 'reaction', key, actor, emoji, reactMs: reactMs || msOf(vote.voteTime) });
  }
  if (!Array.isArray(opened)) {
    // Whoever knows the secret of a poll can seal an answer with it.
    if (kind !== MessageKind.EVENT) return undefined;
    return responseFacts(key, actor, { ...opened, responseMs: opened.responseMs || msOf(vote.voteTime) });
  }
  if (poll === undefined) return undefined;
  const indexes = indexesOf(poll.options, opened);
  // An option that the poll does not have: not a vote that was taken back.
  return indexes.length < opened.length ? undefined : voteFacts(key, actor, indexes, vote.voteTime);
}

const EVENTS: [number, MessageKind] = [messageKind.event, MessageKind.EVENT];
const POLLS: [number, MessageKind] = [messageKind.poll, MessageKind.POLL];

/**
 * What an edit of a poll says, with the options that votes are cast for: those that it adds behind them are new ones, and what they are called anew is not
 * taken, because votes name them by what they were called first.
 */
function withOptionsOf(content: LiveContent, { options: known }: Poll): LiveContent {
  const names = known.map(({ name }) => name);
  const told = content.poll?.options ?? [];
  const options = names.every((name, index) => told[index] === name) ? told : names;
  return { ...content, ...(content.poll === undefined ? {} : { poll: { ...content.poll, options } }) };
}

/** A phone may seal under the number where the stanza says the LID only. */
function namedToo(vote: SealedVote, { senderJid }: MessageKey): SealedVote {
  const withName = (names: string[], jid: string) => (jid === '' || names.includes(jid) ? names : [...names, jid]);
  return {
    ...vote,
    voterNames: withName(vote.voterNames, vote.voterJid),
    authorNames: withName(vote.authorNames, senderJid),
  };
}

/** What is stored of a message; undefined when it is not there. */
export async function loadFacts(
  commit: Commit,
  chatNumber: number,
  key: MessageKey,
): Promise<MessageFacts | undefined> {
  const found = await findStored(commit, { identityKey: identityKeyOf(chatNumber, key), aliases: [] });
  const row = found.rows[0];
  return row === undefined ? undefined : commit.loadFacts(row);
}

/** Which options the hashes of a vote mean, ascending. */
export function indexesOf(options: PollOption[], choices: OptionHash[]): number[] {
  const hashes = new Set(choices.map((choice) => Buffer.from(choice).toString('hex')));
  if (hashes.size === 0) return [];
  return options.flatMap(({ name }, index) =>
    hashes.has(createHash('sha256').update(name).digest('hex')) ? [index] : [],
  );
}

/** A millisecond or two of deciphering: a poll may have thousands of votes that wait for its secret. */
const OPENED_BETWEEN_TURNS = 32;
