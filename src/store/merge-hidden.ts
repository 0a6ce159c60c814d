import { toBinary } from '@bufbuild/protobuf';
import { type HiddenFacts, type SealedVote, SealedVoteSchema } from '../gen/scrollback/store/v1/record_pb.js';

/**
 * Joins what only the link knows of a message into `target`: its secret, votes that could not be opened, how far it got with
 * each member. Like all joins commutative, associative and idempotent: everything only grows.
 */
export function joinHidden(target: HiddenFacts, a: HiddenFacts, b: HiddenFacts): void {
  target.messageSecret = compareBytes(a.messageSecret, b.messageSecret) >= 0 ? a.messageSecret : b.messageSecret;
  target.sealedVotes = greatest([...a.sealedVotes, ...b.sealedVotes], sealOf, compareSealed);
  target.receipts = greatest(
    [...a.receipts, ...b.receipts],
    ({ jid }) => jid,
    (x, y) => x.state - y.state,
  );
}

/** For each name the greatest entry, in ascending order of names. */
function greatest<T>(entries: T[], nameOf: (entry: T) => string, compare: (a: T, b: T) => number): T[] {
  if (entries.length === 0) return entries;
  const found = new Map<string, T>();
  for (const entry of entries) {
    const known = found.get(nameOf(entry));
    if (known === undefined || compare(entry, known) > 0) found.set(nameOf(entry), entry);
  }
  return [...found].sort(([x], [y]) => (x < y ? -1 : x > y ? 1 : 0)).map(([, entry]) => entry);
}

/** Sealing the same vote twice gives other bytes: the bytes are its name. */
function sealOf({ payload, iv }: SealedVote): string {
  return Buffer.concat([payload, iv]).toString('latin1');
}

function compareSealed(a: SealedVote, b: SealedVote): number {
  return compareBytes(toBinary(SealedVoteSchema, a), toBinary(SealedVoteSchema, b));
}

/** Longer is greater. */
function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return a.length !== b.length ? a.length - b.length : Buffer.compare(a, b);
}
