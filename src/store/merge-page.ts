import { setImmediate } from 'node:timers/promises';
import { readIdentityKey } from '../domain/identity.js';
import {
  identityForm,
  type PageRecord,
  readCreateRevision,
  readRecords,
  recordOp,
  writeRevisions,
} from '../domain/page-format.js';
import type { MessageKey } from '../gen/scrollback/v1/message_pb.js';
import { noteAwaited, readAwaiting } from './awaiting.js';
import { type Commit, keyOf, primaryKeyOf, type StoredFacts } from './commit.js';
import { isCleared } from './cleared-chats.js';
import { decodeFacts, encodeFacts, fingerprint, msOf, sameFacts } from './facts.js';
import {
  aliasValue,
  deletedValue,
  fingerprintOf,
  identityKeyOf,
  makeIdentityKey,
  positionOf,
  type ResolvedIdentity,
  resolveIdentity,
  tieHashOf,
} from './identity.js';
import { findStored, joinAll, putAliases } from './find-stored.js';
import type { IdentityFilter } from './identity-filter.js';
import { hiddenKey } from './keyspaces.js';
import type { MessageFacts } from './merge-message.js';
import { raiseState } from './raise-state.js';

/** What became of the records of a page. */
export interface MergeCounts {
  added: number;
  updated: number;
  unchanged: number;
  /** Messages that were refused because they are known to be deleted. */
  refused: number;
  /** Stored messages that were removed because the page knows that they were deleted. */
  deleted: number;
}

/** Offsets in a primary key: prefix 1, then the position. */
const TIE_HIGH = 1 + 12;
const TIE_LOW = 1 + 16;
const CHAT = 1 + 20;

/**
 * Merges a worker's page into a commit. A record whose identity is certainly new goes straight into the batch, as the bytes
 * that the worker made; this is what a first import consists of. Every other one is looked up, and merged when the
 * fingerprint says that something is different. `openWaiting` is told of what may open votes and answers that came before.
 */
export async function mergePage(
  commit: Commit,
  page: Buffer,
  filter: IdentityFilter | undefined,
  openWaiting: OpenWaiting,
): Promise<MergeCounts> {
  const counts: MergeCounts = { added: 0, updated: 0, unchanged: 0, refused: 0, deleted: 0 };
  const fresh: PageRecord[] = [];
  const known: PageRecord[] = [];
  const chats = new Set<number>();
  for (const record of readRecords(page)) {
    chats.add(record.primaryKey.readUInt32BE(CHAT));
    const isNew = isFresh(record, filter);
    (isNew && !(await mayBeCleared(commit, record)) ? fresh : known).push(record);
  }
  await commit.loadTotals(chats);
  for (const [n, record] of fresh.entries()) {
    if (n % ROWS_BETWEEN_TURNS === 0) await setImmediate();
    insert(commit, record);
  }
  counts.added += fresh.filter((record) => record.op === recordOp.message).length;
  if (known.length > 0) await mergeKnown(commit, known, fresh, counts, openWaiting);
  return counts;
}

/** Opens what waits for the secret of a message. */
export type OpenWaiting = (poll: { chatNumber: number; key: MessageKey }) => Promise<unknown>;

/** About a millisecond of inserting: a read of a few steps waits for the main thread at each of them. */
const ROWS_BETWEEN_TURNS = 500;

function isFresh(record: PageRecord, filter: IdentityFilter | undefined): boolean {
  if (filter === undefined) return false;
  const key = record.primaryKey;
  const high = key.readUInt32BE(TIE_HIGH);
  const low = key.readUInt32BE(TIE_LOW);
  const chat = key.readUInt32BE(CHAT);
  let fresh = !filter.mayContain(high, low, chat);
  filter.add(high, low, chat);
  for (const { tieHash } of record.aliases) {
    if (filter.mayContain(tieHash.readUInt32BE(0), tieHash.readUInt32BE(4), chat)) fresh = false;
    filter.add(tieHash.readUInt32BE(0), tieHash.readUInt32BE(4), chat);
  }
  return fresh;
}

/** True for a record that has to be looked at, because its chat was cleared: its star may keep it. */
async function mayBeCleared(commit: Commit, { op, primaryKey }: PageRecord): Promise<boolean> {
  if (op === recordOp.deleted || !commit.state.hasClearedChats) return false;
  return isCleared(commit, primaryKey.readUInt32BE(CHAT), { sentMs: primaryKey.readUIntBE(1, 6), starred: false });
}

/** Puts the bytes of a record that nothing is stored of. */
function insert(commit: Commit, record: PageRecord): void {
  const { batch, revision } = commit;
  for (const alias of record.aliases) {
    commit.putIdentity(
      alias.identityKey,
      record.op === recordOp.deleted ? deletedValue() : aliasValue(record.identityKey),
    );
  }
  if (record.op === recordOp.deleted) {
    commit.putIdentity(record.identityKey, deletedValue());
    return;
  }
  writeRevisions(record.message, record.message.length, revision, revision);
  batch.put(record.primaryKey, record.message);
  batch.put(record.identityKey, record.identityValue);
  if (record.hidden.length > 0) batch.put(hiddenKey(record.identityKey), record.hidden);
  commit.insertRow(record.primaryKey);
}

async function mergeKnown(
  commit: Commit,
  known: PageRecord[],
  fresh: PageRecord[],
  counts: MergeCounts,
  openWaiting: OpenWaiting,
): Promise<void> {
  const { overlay } = commit;
  const stored = await overlay.getMany(known.map((record) => record.identityKey));
  // Most of a backup that comes again ends here: what was merged last is the same, at the same place.
  const changed = known.filter((record, i) => record.aliases.length > 0 || !isStored(record, stored[i]));
  counts.unchanged += known.length - changed.length;
  await overlay.prefetch(
    changed.flatMap((record) => [record.identityKey, ...record.aliases.map((a) => a.identityKey)]),
  );
  await rememberTwins(commit, changed, fresh);
  const rows: Buffer[] = [];
  for (const record of changed) {
    const value = await overlay.get(record.identityKey);
    if (value?.[0] !== identityForm.message) continue;
    const stored = { identityKey: record.identityKey, value };
    rows.push(primaryKeyOf(positionOf(stored)), hiddenKey(record.identityKey));
  }
  await overlay.prefetch(rows);
  for (const record of changed) {
    if (record.op === recordOp.deleted) await removeDeleted(commit, record, counts);
    else await mergeRecord(commit, record, counts, openWaiting);
  }
}

function isStored(record: PageRecord, value: Buffer | undefined): boolean {
  return record.op === recordOp.message && value?.equals(record.identityValue) === true;
}

/**
 * Two rows of one page may be the same message (a person's phone chat and LID chat): the second is known, but the first is
 * in the batch and not in the database yet.
 */
async function rememberTwins(commit: Commit, known: PageRecord[], fresh: PageRecord[]): Promise<void> {
  const { overlay } = commit;
  const wanted = new Set<number>();
  for (const record of known) {
    for (const key of [record.identityKey, ...record.aliases.map((alias) => alias.identityKey)]) {
      const value = await overlay.get(key);
      const missing = value?.[0] === identityForm.alias ? value.subarray(1) : value === undefined ? key : undefined;
      if (missing !== undefined && (await overlay.get(missing)) === undefined) wanted.add(tieHashOf(missing).low);
    }
  }
  if (wanted.size === 0) return;
  for (const record of fresh) {
    if (record.op !== recordOp.message || !wanted.has(record.primaryKey.readUInt32BE(TIE_LOW))) continue;
    overlay.remember(record.identityKey, record.identityValue);
    overlay.remember(record.primaryKey, record.message);
    if (record.hidden.length > 0) overlay.remember(hiddenKey(record.identityKey), record.hidden);
  }
}

async function removeDeleted(commit: Commit, record: PageRecord, counts: MergeCounts): Promise<void> {
  for (const identityKey of [record.identityKey, ...record.aliases.map((alias) => alias.identityKey)]) {
    if (await markDeleted(commit, identityKey)) counts.deleted++;
  }
}

/** Keeps that the user deleted a message. Returns true when it was stored. The totals of its chat must be loaded. */
export async function markDeleted(commit: Commit, identityKey: Buffer): Promise<boolean> {
  const stored = await resolveIdentity(commit.overlay, identityKey);
  const isStored = stored?.value[0] === identityForm.message;
  if (isStored) await forget(commit, stored);
  if (stored?.value[0] === identityForm.awaiting) await forgetAwaiting(commit, stored);
  const now = await commit.overlay.get(identityKey);
  if (now?.[0] !== identityForm.deleted) commit.putIdentity(identityKey, deletedValue());
  return isStored;
}

/** Removes a stored message because its user deleted it, and keeps that knowledge under all its ids. */
async function forget(commit: Commit, stored: ResolvedIdentity): Promise<void> {
  const facts = await commit.loadFacts(stored);
  commit.removeRow(stored);
  commit.state.removedCount++;
  commit.putIdentity(stored.identityKey, deletedValue());
  if (facts === undefined) return;
  const chatNumber = stored.identityKey.readUInt32BE(1);
  for (const id of facts.message.alternateMessageIds) {
    const alias = identityKeyOf(chatNumber, keyOf(facts), id);
    commit.putIdentity(alias, deletedValue());
  }
  commit.logRemoved(keyOf(facts));
}

/** Keeps under all ids of what waits for a message that the message is deleted. */
async function forgetAwaiting(commit: Commit, stored: ResolvedIdentity): Promise<void> {
  noteAwaited(commit.state, -1);
  const { facts } = await readAwaiting(commit.overlay, stored);
  const parts = readIdentityKey(stored.identityKey);
  commit.putIdentity(stored.identityKey, deletedValue());
  for (const messageId of facts.message.alternateMessageIds) {
    commit.putIdentity(makeIdentityKey({ ...parts, messageId }), deletedValue());
  }
}

async function mergeRecord(commit: Commit, record: PageRecord, counts: MergeCounts, open: OpenWaiting): Promise<void> {
  const position = record.primaryKey.subarray(1);
  const facts = decodeFacts(record.message, record.hidden, position);
  const outcome = await mergeFacts(commit, {
    identityKey: record.identityKey,
    aliases: record.aliases.map((alias) => alias.identityKey),
    facts,
    mark: fingerprintOf(record.identityValue),
  });
  counts[outcome]++;
  if (outcome === 'refused' || facts.hidden.messageSecret.length === 0) return;
  await open({ chatNumber: record.identityKey.readUInt32BE(1), key: keyOf(facts) });
}

/** A message that is to be merged with what is stored of it. */
export interface IncomingMessage {
  identityKey: Buffer;
  /** Identity keys of its other ids. */
  aliases: Buffer[];
  facts: MessageFacts;
  /** The fingerprint of its content, to recognise it when it comes again; that of `facts` unless said. */
  mark?: Buffer;
  /** The revision in which it was first stored, when it is a stored message that gets a new key. */
  createRevision?: number;
  /** Is told what it was joined to. */
  onJoined?: (joined: MessageFacts) => void;
}

/**
 * Merges a message with everything that is stored under one of its ids, and leaves one row. The totals of its chat must be
 * loaded. `refused` means that the user deleted it, or its chat with it.
 */
export async function mergeFacts(
  commit: Commit,
  incoming: IncomingMessage,
): Promise<'added' | 'updated' | 'unchanged' | 'refused'> {
  const found = await findStored(commit, incoming);
  if (found.deleted) {
    for (const key of [incoming.identityKey, ...incoming.aliases]) await markDeleted(commit, key);
    return 'refused';
  }
  const rows: { stored: ResolvedIdentity; facts: StoredFacts }[] = [];
  for (const stored of found.rows) {
    const facts = await commit.loadFacts(stored);
    if (facts !== undefined) rows.push({ stored, facts });
  }
  const own = rows.find((row) => row.stored.identityKey.equals(found.target));
  // Of what nothing is known yet, the content is what is stored.
  const isNew = rows.length + found.awaiting.length === 0;
  const mark = incoming.mark ?? (isNew ? undefined : fingerprint(encodeFacts(incoming.facts)));
  const joined = joinAll(incoming.facts, found, rows);
  incoming.onJoined?.(joined);
  const { sentTime, starred } = joined.message;
  if (await isCleared(commit, found.target.readUInt32BE(1), { sentMs: msOf(sentTime), starred })) {
    for (const key of [incoming.identityKey, ...incoming.aliases]) await markDeleted(commit, key);
    return 'refused';
  }
  await raiseState(commit.overlay, joined);
  const encoded = encodeFacts(joined);
  const only = rows.length === 1 ? own : undefined;
  if (only !== undefined && sameFacts(only.facts.encoded, encoded) && joined.ordinal === only.facts.ordinal) {
    await putAliases(commit, found.target, joined, own?.facts);
    return 'unchanged';
  }
  noteAwaited(commit.state, -found.awaiting.length);
  let createRevision = incoming.createRevision ?? commit.revision;
  for (const { stored, facts } of rows) {
    createRevision = Math.min(createRevision, readCreateRevision(facts.encoded.message, facts.encoded.message.length));
    commit.removeRow(stored);
    if (!stored.identityKey.equals(found.target)) commit.logRemoved(keyOf(facts));
  }
  commit.putRow(found.target, joined, encoded, createRevision, mark);
  await putAliases(commit, found.target, joined, own?.facts);
  return rows.length === 0 ? 'added' : 'updated';
}
