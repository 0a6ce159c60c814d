import { identityForm } from '../domain/page-format.js';
import { type AwaitingEntry, readAwaiting } from './awaiting.js';
import { type Commit, keyOf } from './commit.js';
import { aliasValue, identityKeyOf, type ResolvedIdentity, resolveIdentity } from './identity.js';
import { joinFacts, type MessageFacts } from './merge-message.js';

/** What is stored under the ids of an incoming message. */
export interface FoundStored {
  deleted: boolean;
  rows: ResolvedIdentity[];
  /** What came of the message before the message. */
  awaiting: AwaitingEntry[];
  /** The identity that all of it gets. */
  target: Buffer;
}

/** Finds the rows that an incoming message is the same as, and the identity that all of them get. */
export async function findStored(
  commit: Commit,
  incoming: { identityKey: Buffer; aliases: Buffer[] },
): Promise<FoundStored> {
  const rows = new Map<string, ResolvedIdentity>();
  const awaiting = new Map<string, AwaitingEntry>();
  let deleted = false;
  let target = incoming.identityKey;
  for (const key of [incoming.identityKey, ...incoming.aliases]) {
    const stored = await resolveIdentity(commit.overlay, key);
    if (stored === undefined) continue;
    if (stored.value[0] === identityForm.deleted) {
      deleted = true;
      continue;
    }
    const name = stored.identityKey.toString('latin1');
    if (stored.value[0] === identityForm.awaiting) awaiting.set(name, await readAwaiting(commit.overlay, stored));
    else rows.set(name, stored);
    if (key === incoming.identityKey) target = stored.identityKey;
  }
  return { deleted, rows: [...rows.values()], awaiting: [...awaiting.values()], target };
}

/** Joins an incoming message with everything that is stored of it, under the key of the target. */
export function joinAll(
  incoming: MessageFacts,
  { awaiting, target }: FoundStored,
  rows: { stored: ResolvedIdentity; facts: MessageFacts }[] = [],
): MessageFacts {
  const known = [...rows, ...awaiting];
  let joined = incoming;
  for (const { facts } of known) joined = joinFacts(facts, joined);
  const holder = known.find(({ stored }) => stored.identityKey.equals(target));
  // What waits names people by what is known of them now; a page of a backup, and so the identity, by what its reader knew.
  const waits = holder?.stored.value[0] === identityForm.awaiting;
  const sameId = holder !== undefined && keyOf(holder.facts).messageId === keyOf(incoming).messageId;
  const named = holder === undefined || (waits && sameId) ? incoming : holder.facts;
  nameByTarget(joined, named, [incoming, ...known.map(({ facts }) => facts)]);
  return joined;
}

/** Gives the joined message the key of the target, and all its other ids as alternates. */
function nameByTarget(joined: MessageFacts, named: MessageFacts, all: MessageFacts[]): void {
  const key = keyOf(named);
  const ids = new Set<string>();
  for (const facts of all) {
    ids.add(keyOf(facts).messageId);
    for (const id of facts.message.alternateMessageIds) ids.add(id);
  }
  ids.delete(key.messageId);
  joined.message.key = key;
  joined.message.alternateMessageIds = [...ids].sort();
}

/** Makes the other ids of a message lead to it; those that `known`, which has the same identity already, has are known to. */
export async function putAliases(
  commit: Commit,
  target: Buffer,
  facts: MessageFacts,
  known?: MessageFacts,
): Promise<void> {
  // A message may have been edited thousands of times.
  const before = new Set(known?.message.alternateMessageIds);
  const value = facts.message.alternateMessageIds.length > before.size ? aliasValue(target) : undefined;
  if (value === undefined) return;
  for (const id of facts.message.alternateMessageIds) {
    if (before.has(id)) continue;
    const alias = identityKeyOf(target.readUInt32BE(1), keyOf(facts), id);
    const stored = await commit.overlay.get(alias);
    if (stored === undefined || !stored.equals(value)) commit.putIdentity(alias, value);
  }
}
