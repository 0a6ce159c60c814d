import { timestampMs } from '@bufbuild/protobuf/wkt';
import {
  type ChatLabel,
  type HiddenFacts,
  type SealedVote,
  SealedVoteSchema,
} from '../gen/scrollback/store/v1/record_pb.js';
import { compareBytes, compareEncoded } from './join-values.js';

/**
 * Joins what no client sees of a message into `target`: its secret, which the link and backups know, and what only the link does, votes that
 * could not be opened, how far it got with each member, its labels. Like all joins commutative, associative and idempotent: everything only grows.
 */
export function joinHidden(target: HiddenFacts, a: HiddenFacts, b: HiddenFacts): void {
  target.messageSecret = compareBytes(a.messageSecret, b.messageSecret) >= 0 ? a.messageSecret : b.messageSecret;
  target.sealedVotes = newestOf(greatest([...a.sealedVotes, ...b.sealedVotes], sealOf, compareSealed));
  target.receipts = greatest(
    [...a.receipts, ...b.receipts],
    ({ jid }) => jid,
    (x, y) => x.state - y.state,
  );
  target.labels = greatest([...a.labels, ...b.labels], ({ labelId }) => labelId, compareLabels);
}

/** Of a message that was deleted for everyone nothing that its edits said stays either, nor what opens them. */
export function forgetSealed(hidden: HiddenFacts): void {
  hidden.messageSecret = new Uint8Array();
  hidden.sealedVotes = [];
}

/**
 * Lets go of what was opened: what it said is among the facts of the message, where it counts as what comes open does, by person and time, or
 * (a comment) a message of its own. So it says the same however often it is opened, and nothing that comes later needs the sealed form once more.
 */
export function forgetOpened(hidden: HiddenFacts, seals: ReadonlySet<string>): void {
  if (seals.size > 0) hidden.sealedVotes = hidden.sealedVotes.filter((vote) => !seals.has(sealOf(vote)));
}

/** The later one counts; of one time, that it was given. */
function compareLabels(a: ChatLabel, b: ChatLabel): number {
  return a.asOfMs === b.asOfMs ? Number(a.given) - Number(b.given) : a.asOfMs < b.asOfMs ? -1 : 1;
}

/** For each name the greatest entry, in ascending order of names. */
function greatest<T>(entries: T[], nameOf: (entry: T) => string, compare: (a: T, b: T) => number): T[] {
  if (entries.length === 0) return entries;
  const found = new Map<string, T>();
  for (const entry of entries) {
    const name = nameOf(entry);
    const known = found.get(name);
    if (known === undefined || compare(entry, known) > 0) found.set(name, entry);
  }
  return [...found].sort(([x], [y]) => (x < y ? -1 : x > y ? 1 : 0)).map(([, entry]) => entry);
}

/**
 * Of each voter the newest votes, in the given order: only the last one counts, and who votes without end fills no disk. Reactions are counted
 * apart, so that none of them takes the place of a vote, and of all people's the newest stay: everybody may react to any message. So are comments.
 */
function newestOf(votes: SealedVote[]): SealedVote[] {
  if (votes.length <= MAX_SEALED_OF_ONE) return votes;
  const left = new Map<string, number>();
  let reactionsLeft = MAX_SEALED_REACTIONS;
  let commentsLeft = MAX_SEALED_COMMENTS;
  const kept = new Set<SealedVote>();
  for (const vote of [...votes].sort((a, b) => -compareTimes(a, b))) {
    const isComment = vote.commentId !== '';
    const voter = `${String(vote.fromMe)} ${String(vote.reaction)} ${String(isComment)} ${vote.voterJid}`;
    const count = left.get(voter) ?? (isComment ? MAX_SEALED_COMMENTS : MAX_SEALED_OF_ONE);
    left.set(voter, count - 1);
    if (count <= 0 || (vote.reaction && reactionsLeft-- <= 0) || (isComment && commentsLeft-- <= 0)) continue;
    kept.add(vote);
  }
  return votes.filter((vote) => kept.has(vote));
}

/** Older first; of one time the lesser. */
function compareTimes(a: SealedVote, b: SealedVote): number {
  const [x, y] = [msOf(a), msOf(b)];
  return x !== y ? x - y : compareSealed(a, b);
}

function msOf({ voteTime }: SealedVote): number {
  return voteTime === undefined ? 0 : timestampMs(voteTime);
}

/** Who changes their mind has a few votes that wait for the poll; of more, the oldest say nothing that lasts. */
const MAX_SEALED_OF_ONE = 4;

/** A community has thousands of members: they are some 256 KB, written anew with each. What was opened is among the message's reactions. */
const MAX_SEALED_REACTIONS = 1024;

/** Comments wait only for a message that is not there, or came without its secret; those that do are 1 MB at most (`MAX_WAITING_COMMENT_BYTES`). */
const MAX_SEALED_COMMENTS = 64;

/** Sealing the same vote twice gives other bytes: the bytes are its name. */
export function sealOf({ payload, iv }: SealedVote): string {
  return Buffer.concat([payload, iv]).toString('latin1');
}

function compareSealed(a: SealedVote, b: SealedVote): number {
  return compareEncoded(SealedVoteSchema, a, b);
}
