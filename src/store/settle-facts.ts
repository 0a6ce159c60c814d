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
import { commentFacts, factsAbout, factsOfEvent, responseFacts, voteFacts } from './live-facts.js';
import { sealOf } from './merge-hidden.js';
import type { MessageFacts } from './merge-message.js';
import { mergePartial } from './merge-partial.js';
import { phoneOrMark } from './phone-of.js';
import { resolveFacts } from './resolve-facts.js';
import { saysContent } from './told-again.js';

/** What became of what came sealed. */
type SealedOutcome = Awaited<ReturnType<typeof mergePartial>>;

/** Records what it says of a message that it is about, if that is there: then it is not kept sealed. Else it waits for what opens it. */
export async function recordSealed(
  commit: Commit,
  chatNumber: number,
  facts: MessageFacts,
  openVote: VoteOpener,
): Promise<SealedOutcome> {
  const { sealedVotes } = facts.hidden;
  const opened = await openWaiting(commit, { chatNumber, key: keyOf(facts) }, openVote, sealedVotes);
  if (opened !== undefined) return opened;
  const isLong = ({ commentId, payload }: SealedVote) => commentId !== '' && payload.length > MAX_WAITING_COMMENT_BYTES;
  return sealedVotes.some(isLong) ? 'unchanged' : mergePartial(commit, chatNumber, facts);
}

/** That of a text of some thousand letters, or of a picture with a small preview; a longer one that comes too early stays sealed. Chosen. */
const MAX_WAITING_COMMENT_BYTES = 16 * 1024;

/**
 * Opens what is sealed of a message (all that waits, unless some is named), if its secret is known. What it says takes its place. Returns
 * what became of the last that was opened; undefined when nothing was.
 */
export async function openWaiting(
  commit: Commit,
  poll: { chatNumber: number; key: MessageKey },
  openVote: VoteOpener,
  sealed?: SealedVote[],
): Promise<SealedOutcome | undefined> {
  const { chatNumber } = poll;
  let stored = await loadFacts(commit, chatNumber, poll.key);
  const waiting = sealed ?? stored?.hidden.sealedVotes ?? [];
  const { told, seals } = await openSealed(commit, stored, waiting.filter(standsForItself), openVote);
  const pile = new FactsPile();
  for (const one of told) pile.add(one);
  const joined = pile.joined();
  let outcome = joined === undefined ? undefined : await mergePartial(commit, chatNumber, joined, seals);
  const comments = await openSealed(
    commit,
    stored,
    waiting.filter(({ commentId }) => commentId !== ''),
    openVote,
  );
  for (const one of comments.told) {
    const isThere = await saysMore(commit, chatNumber, keyOf(one));
    outcome = isThere ? 'unchanged' : await mergePartial(commit, chatNumber, one);
  }
  // Of the message that they are about they say nothing; but beside it they waited.
  if (stored?.hidden.sealedVotes.some((one) => comments.seals.has(sealOf(one))) === true) {
    await mergePartial(commit, chatNumber, factsAbout(keyOf(stored), {}), comments.seals);
  }
  for (const edit of waiting.filter(({ editId }) => editId !== '')) {
    const opened = await openSealed(commit, stored, [edit], openVote);
    if (opened.told[0] === undefined) continue;
    outcome = await mergePartial(commit, chatNumber, opened.told[0], opened.seals);
    stored = await loadFacts(commit, chatNumber, poll.key);
    // Votes for an option that the edit added may have come before it.
    const votes = stored?.message.poll === undefined ? [] : stored.hidden.sealedVotes.filter(standsForItself);
    if (votes.length > 0) await openWaiting(commit, poll, openVote, votes);
  }
  return outcome;
}

/**
 * True for what is neither an edit nor a comment: many of them are opened with what is stored once, and merged at once. After an edit other votes
 * can be opened than before it, and a comment is another message.
 */
export function standsForItself({ editId, commentId }: SealedVote): boolean {
  return editId === '' && commentId === '';
}

/** What was opened. */
export interface Opened {
  /** What it says of the message. */
  told: MessageFacts[];
  /** The names of the seals that are open: see `forgetOpened`. */
  seals: Set<string>;
}

/** Opens what is sealed of a message with what is stored of it; nothing when its secret is not known. */
export async function openSealed(
  commit: Commit,
  stored: MessageFacts | undefined,
  sealed: SealedVote[],
  openVote: VoteOpener,
): Promise<Opened> {
  const opened: Opened = { told: [], seals: new Set() };
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
    opened.told.push((await resolveFacts(told, (jid) => phoneOrMark(commit.overlay, jid))) ?? told);
    opened.seals.add(sealOf(vote));
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
