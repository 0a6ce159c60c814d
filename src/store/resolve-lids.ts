import { fromBinary } from '@bufbuild/protobuf';
import { readIdentityKey } from '../domain/identity.js';
import type { VoteOpener } from '../domain/live-event.js';
import { identityForm, readCreateRevision, readRevision, REVISION_TAIL_BYTES } from '../domain/page-format.js';
import { POSITION_CHAT_OFFSET } from '../domain/position.js';
import { type MessageKey, MessageSchema } from '../gen/scrollback/v1/message_pb.js';
import { type Commit, keyOf, primaryKeyOf } from './commit.js';
import type { Database } from './database.js';
import { loadChat } from './directory.js';
import { encodeFacts, fingerprint, withRevisions } from './facts.js';
import { awaitingValue, readAwaiting } from './awaiting.js';
import {
  fingerprintOf,
  identityKeyOf,
  makeIdentityKey,
  positionOf,
  type ResolvedIdentity,
  resolveIdentity,
} from './identity.js';
import { chatNumberKey, identityOfHidden, keyspace, prefixEnd, prefixKey } from './keyspaces.js';
import type { MessageFacts } from './merge-message.js';
import { markDeleted, mergeFacts } from './merge-page.js';
import { mergePartial } from './merge-partial.js';
import { phoneOf } from './phone-of.js';
import { hasReceipts, raiseState } from './raise-state.js';
import { resolveFacts } from './resolve-facts.js';
import { openWaiting } from './settle-facts.js';

/**
 * Rewrites the next stretch of stored messages whose LIDs have been resolved meanwhile: by their rows, then by what is hidden of them,
 * then identities without a row, and opens votes that meet their poll by it. Sets how far it came in the state, and removes `resolution` from it at the end.
 */
export async function resolveStep(commit: Commit, database: Database, openVote: VoteOpener): Promise<void> {
  const { resolution } = commit.state;
  if (resolution === undefined) return;
  const after = Buffer.from(resolution.afterKey);
  const stage = Math.max(
    0,
    STAGES.findIndex((prefix) => prefix === after[0]),
  );
  const space = STAGES[stage] ?? keyspace.message;
  const gt = after.length === 0 ? prefixKey(space) : after;
  let last: Buffer | undefined;
  await commit.before;
  // The reader of a backup may go on writing to a chat that was united meanwhile.
  const gone = await unitedChats(database);
  const retold = new Set(resolution.retoldChats);
  for await (const entries of database.scan({ gt, lt: prefixEnd(space), limit: STEP_ROWS })) {
    for (const [key, value] of entries) {
      last = key;
      if (space === keyspace.identity) await rekeyIdentity(commit, key, value, openVote);
      else if (space === keyspace.message) {
        const chatNumber = chatNumberOf(key);
        if (value.includes(LID_MARK) || gone.has(chatNumber)) await rewriteRow(commit, key, openVote);
        if (retold.has(chatNumber)) await tellAgain(commit, key);
      } else if (value.includes(LID_MARK) || hasReceipts(key, value))
        await rewriteIdentity(commit, identityOfHidden(key), openVote);
    }
  }
  const next = STAGES[stage + 1];
  // The smallest key of a keyspace comes before all in it, and tells the stages apart.
  if (last !== undefined) resolution.afterKey = last;
  else if (next === undefined) delete commit.state.resolution;
  else resolution.afterKey = prefixKey(next);
}

async function rewriteRow(commit: Commit, primaryKey: Buffer, openVote: VoteOpener): Promise<void> {
  const chatNumber = chatNumberOf(primaryKey);
  const row = await commit.overlay.get(primaryKey);
  if (row === undefined) return;
  const key = messageKeyOf(row);
  const identityKey = identityKeyOf(chatNumber, key);
  const stored = await resolveIdentity(commit.overlay, identityKey);
  const facts = stored === undefined ? undefined : await commit.loadFacts(stored);
  if (stored === undefined || facts === undefined) return;
  const resolved = (await resolveFacts(facts, (jid) => phoneOf(commit.overlay, jid))) ?? facts;
  const newKey = keyOf(resolved);
  const chat = await loadChat(commit, newKey.chatJid);
  const newChatNumber = chat?.chatNumber ?? chatNumber;
  if (resolved === facts && newChatNumber === chatNumber && !(await isRaised(commit, facts))) return;
  await commit.loadTotals([chatNumber, newChatNumber]);
  commit.removeRow(stored);
  commit.overlay.delete(stored.identityKey);
  for (const id of facts.message.alternateMessageIds) commit.overlay.delete(identityKeyOf(chatNumber, key, id));
  const moved = identityKeyOf(newChatNumber, newKey);
  const outcome = await mergeFacts(commit, {
    identityKey: moved,
    aliases: resolved.message.alternateMessageIds.map((id) => identityKeyOf(newChatNumber, newKey, id)),
    facts: resolved,
    mark: resolved === facts ? fingerprintOf(stored.value) : fingerprint(encodeFacts(resolved)),
    createRevision: readCreateRevision(row, row.length),
  });
  if (key.chatJid !== newKey.chatJid || key.senderJid !== newKey.senderJid) commit.logRemoved(key);
  // What it was joined with may hold LIDs, and its row may lie where this scan does not come any more.
  if (outcome === 'updated') await rewriteIdentity(commit, moved, openVote);
  // The poll and its votes may have met only now.
  await openWaiting(commit, { chatNumber: newChatNumber, key: newKey }, openVote);
}

/** True when a message got further than it is said to, by the members of its group as they are known now; then it says so. */
async function isRaised({ overlay }: Commit, facts: MessageFacts): Promise<boolean> {
  const { deliveryState } = facts.message;
  await raiseState(overlay, facts);
  return facts.message.deliveryState !== deliveryState;
}

/**
 * Logs a row of a chat that another one was united with: who follows the other one by its LID was not told of it. It changes nothing for
 * who has it already.
 */
async function tellAgain(commit: Commit, primaryKey: Buffer): Promise<void> {
  const row = await commit.overlay.get(primaryKey);
  if (row === undefined || readRevision(row, row.length) === commit.revision) return;
  commit.overlay.put(primaryKey, withRevisions(row, readCreateRevision(row, row.length), commit.revision));
  commit.logRow(primaryKey);
}

/** Rewrites the message that an identity leads to. */
async function rewriteIdentity(commit: Commit, identityKey: Buffer, openVote: VoteOpener): Promise<void> {
  const stored = await resolveIdentity(commit.overlay, identityKey);
  if (stored?.value[0] === identityForm.message) {
    await rewriteRow(commit, primaryKeyOf(positionOf(stored)), openVote);
  }
}

async function rekeyIdentity(
  commit: Commit,
  identityKey: Buffer,
  scanned: Buffer,
  openVote: VoteOpener,
): Promise<void> {
  // Most lead to rows, which were rewritten before.
  if (scanned[0] === identityForm.message) return;
  // What waited under a LID may have been joined with this one since the scan read it, in this very commit.
  const value = await commit.overlay.get(identityKey);
  if (value === undefined) return;
  if (value[0] === identityForm.deleted) await rekeyDeleted(commit, identityKey);
  if (value[0] === identityForm.awaiting) await rekeyAwaiting(commit, { identityKey, value }, openVote);
  if (value[0] === identityForm.alias) await rekeyAlias(commit, identityKey, value.subarray(1));
}

/** What waits for a message waits for it under the resolved address. */
async function rekeyAwaiting(commit: Commit, stored: ResolvedIdentity, openVote: VoteOpener): Promise<void> {
  const { facts } = await readAwaiting(commit.overlay, stored);
  const chatNumber = await currentChatNumber(commit, stored.identityKey.readUInt32BE(1));
  const moved = identityKeyOf(chatNumber, keyOf(facts));
  if (moved.equals(stored.identityKey) && awaitingValue(facts).equals(stored.value)) return;
  const parts = readIdentityKey(stored.identityKey);
  commit.overlay.delete(stored.identityKey);
  // Its other ids lead to it from the old address; `mergePartial` makes those of the new one.
  for (const messageId of facts.message.alternateMessageIds) {
    commit.overlay.delete(makeIdentityKey({ ...parts, messageId }));
  }
  await commit.loadTotals([chatNumber]);
  await mergePartial(commit, chatNumber, facts);
  await openWaiting(commit, { chatNumber, key: keyOf(facts) }, openVote, facts.hidden.sealedVotes);
}

/** What the user deleted stays deleted under the resolved address. */
async function rekeyDeleted(commit: Commit, identityKey: Buffer): Promise<void> {
  const moved = await movedKey(commit, identityKey);
  if (moved.equals(identityKey)) return;
  commit.overlay.delete(identityKey);
  await commit.loadTotals([moved.readUInt32BE(1)]);
  await markDeleted(commit, moved);
}

/** The other ids of what was deleted are deleted with it; those of what is stored or waits were moved with it. */
async function rekeyAlias(commit: Commit, identityKey: Buffer, target: Buffer): Promise<void> {
  const found =
    (await resolveIdentity(commit.overlay, target)) ??
    (await resolveIdentity(commit.overlay, await movedKey(commit, target)));
  if (found?.value[0] === identityForm.deleted) await rekeyDeleted(commit, identityKey);
}

/** The key that an identity has by the addresses that are known now. */
async function movedKey(commit: Commit, identityKey: Buffer): Promise<Buffer> {
  const parts = readIdentityKey(identityKey);
  const senderJid = await phoneOf(commit.overlay, parts.senderJid);
  const chatNumber = await currentChatNumber(commit, parts.chatNumber);
  return makeIdentityKey({ ...parts, chatNumber, senderJid });
}

/** The numbers of the chats that were united with others. */
async function unitedChats(database: Database): Promise<ReadonlySet<number>> {
  const numbers = new Set<number>();
  for await (const keys of database.scanKeys({ gte: prefixKey(keyspace.united), lt: prefixEnd(keyspace.united) })) {
    for (const key of keys) numbers.add(key.readUInt32BE(1));
  }
  return numbers;
}

function chatNumberOf(primaryKey: Buffer): number {
  return primaryKey.readUInt32BE(1 + POSITION_CHAT_OFFSET);
}

/** The number of the chat that a chat was united with; its own number while it was not. */
async function currentChatNumber(commit: Commit, chatNumber: number): Promise<number> {
  const united = await commit.overlay.get(chatNumberKey(keyspace.united, chatNumber));
  return united === undefined ? chatNumber : united.readUInt32BE(0);
}

function messageKeyOf(row: Buffer): MessageKey {
  const { key } = fromBinary(MessageSchema, row.subarray(0, row.length - REVISION_TAIL_BYTES));
  if (key === undefined) throw new Error('a stored message has no key');
  return key;
}

/** The keyspaces that are gone through, one after the other. */
const STAGES = [keyspace.message, keyspace.hidden, keyspace.identity] as const;

/** What every unresolved address in what is encoded contains. */
const LID_MARK = Buffer.from('@lid');

/** Rows of one step: it is one commit, between which other writes of the session get their turn. */
const STEP_ROWS = 2000;
