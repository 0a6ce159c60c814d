import { clone, toBinary } from '@bufbuild/protobuf';
import { keyPrefix, MESSAGE_KEY_BYTES } from '../domain/page-format.js';
import { POSITION_BYTES, POSITION_CHAT_OFFSET, readPosition, writePosition } from '../domain/position.js';
import { type HistoryRecord, HistoryRecordSchema, LogEntrySchema } from '../gen/scrollback/store/v1/record_pb.js';
import { type MessageKey, MessageKeySchema, MessageSchema } from '../gen/scrollback/v1/message_pb.js';
import { type ChatEnd, ChatIndexChanges, endOfChat } from './chat-index.js';
import {
  type ChatTotals,
  decodeTotals,
  encodeTotals,
  encodeTotalsList,
  MAX_UNSAVED_CHATS,
  noTotals,
  SAVE_EVERY_REVISIONS,
} from './chat-totals.js';
import type { CommitMemory } from './commit-memory.js';
import type { Database, WriteBatch } from './database.js';
import { decodeFacts, type EncodedFacts, fingerprint, placeOf, withRevisions } from './facts.js';
import { identityHash, messageValue, positionOf, type ResolvedIdentity } from './identity.js';
import type { IdentityFilter } from './identity-filter.js';
import { chatNumberKey, hiddenKey, keyspace, logKey, prefixKey } from './keyspaces.js';
import type { MessageFacts } from './merge-message.js';
import { Overlay } from './overlay.js';

/** What is counted of the whole history; see `HistoryRecord`. */
export type HistoryState = HistoryRecord;

/**
 * One commit in the making: rows, indexes, totals, counters and the log entry, which `finish` turns into one batch. It
 * knows how things are stored, not what they mean: merging is done by `merge-page.ts` and `resolve-lids.ts`.
 */
export class Commit {
  /** The state as it will be. */
  readonly state: HistoryState;
  /** The revision that this commit gets if it changes anything. */
  readonly revision: number;
  readonly overlay: Overlay;
  readonly batch: WriteBatch;
  /** Totals of the chats that were touched, as they will be. */
  readonly totals = new Map<number, ChatTotals>();
  /** True when all totals are in records of their own. */
  savedTotals = false;
  readonly #database: Database;
  /** The writing of the commit before: what is read must come after it. */
  readonly before: Promise<void>;
  readonly #memory: CommitMemory;
  readonly #filter: IdentityFilter | undefined;
  readonly chatIndex = new ChatIndexChanges();
  /** Where chats ended before this commit. */
  readonly #ends = new Map<number, ChatEnd>();
  readonly #rows: Buffer[] = [];
  readonly #removed: MessageKey[] = [];
  readonly #otherIdentities: Buffer[] = [];
  readonly #shrunk = new Set<number>();
  readonly #touchedChats = new Set<number>();
  #changed = false;
  #rewrote = false;

  constructor(
    database: Database,
    state: HistoryState,
    memory: CommitMemory,
    filter: IdentityFilter | undefined,
    before: Promise<void>,
  ) {
    this.#database = database;
    this.before = before;
    this.#memory = memory;
    this.#filter = filter;
    this.state = clone(HistoryRecordSchema, state);
    this.revision = Number(state.revision) + 1;
    this.overlay = new Overlay(database, before, memory.records);
    this.batch = database.batch();
  }

  /** True when something that readers see has changed. */
  get changed(): boolean {
    return this.#changed;
  }

  /** Notes that what is said of a chat changed, beside its messages: followers of its revision are to see it. */
  touchChat(chatNumber: number): void {
    this.#touchedChats.add(chatNumber);
    this.#changed = true;
  }

  /** Makes the commit take a revision although no message changed. */
  touch(): void {
    this.#changed = true;
  }

  /** Loads the totals of chats; must have been awaited before rows of theirs are added or removed. */
  async loadTotals(chatNumbers: Iterable<number>): Promise<void> {
    const missing: number[] = [];
    for (const chatNumber of chatNumbers) {
      if (this.totals.has(chatNumber)) continue;
      const known = this.#memory.totals.totalsOf(chatNumber);
      if (known !== undefined) this.#setTotals(chatNumber, { ...known });
      else missing.push(chatNumber);
    }
    if (missing.length === 0) return;
    await this.before;
    const values = await this.#database.getMany(missing.map((number) => chatNumberKey(keyspace.chatTotals, number)));
    missing.forEach((number, i) => this.#setTotals(number, decodeTotals(values[i])));
  }

  #setTotals(chatNumber: number, totals: ChatTotals): void {
    this.totals.set(chatNumber, totals);
    this.#ends.set(chatNumber, { messageCount: totals.messageCount, lastMs: totals.lastMs });
  }

  /** Notes that the row with this primary key was stored or changed, in the log. */
  logRow(primaryKey: Buffer): void {
    this.#rows.push(primaryKey);
    this.#changed = true;
  }

  /** Notes a message whose row is in the batch already, and that nothing was stored of. */
  insertRow(primaryKey: Buffer): void {
    const chatNumber = primaryKey.readUInt32BE(1 + POSITION_CHAT_OFFSET);
    this.chatIndex.insert(chatNumber, primaryKey);
    this.countAdded(chatNumber, primaryKey.readUIntBE(1, 6));
    this.logRow(primaryKey);
  }

  /** Counts a row that was not there before. */
  countAdded(chatNumber: number, sentMs: number): void {
    const totals = this.#totalsOf(chatNumber);
    totals.messageCount++;
    totals.revision = this.revision;
    if (sentMs > totals.lastMs) totals.lastMs = sentMs;
    if (sentMs > 0 && (totals.firstMs === 0 || sentMs < totals.firstMs)) totals.firstMs = sentMs;
    this.state.messageCount++;
  }

  /** Notes an identity that has no row: an alias or a deleted message. */
  putIdentity(identityKey: Buffer, value: Buffer): void {
    this.overlay.put(identityKey, value);
    const hash = identityHash(identityKey);
    this.#filter?.add(hash.readUInt32BE(0), hash.readUInt32BE(4), hash.readUInt32BE(8));
    this.#otherIdentities.push(hash);
    this.#changed = true;
  }

  /** Tells followers that a message is gone under this key. */
  logRemoved(key: MessageKey): void {
    this.#removed.push(clone(MessageKeySchema, key));
    this.#changed = true;
  }

  /** Loads the facts of a stored message. */
  async loadFacts(stored: ResolvedIdentity): Promise<StoredFacts | undefined> {
    const position = positionOf(stored);
    const message = await this.overlay.get(primaryKeyOf(position));
    if (message === undefined) return undefined;
    const hidden = await this.overlay.get(hiddenKey(stored.identityKey));
    return { ...decodeFacts(message, hidden, position), encoded: { message, hidden }, position };
  }

  /** Removes the row of a stored message, and what is hidden of it; its identity stays for the caller to rewrite. */
  removeRow(stored: ResolvedIdentity): void {
    const position = positionOf(stored);
    const { chatNumber } = readPosition(position, 0);
    this.overlay.delete(primaryKeyOf(position));
    this.chatIndex.set(position, false);
    this.overlay.delete(hiddenKey(stored.identityKey));
    const totals = this.#totalsOf(chatNumber);
    totals.messageCount--;
    totals.revision = this.revision;
    this.#shrunk.add(chatNumber);
    this.#rewrote = true;
    this.state.messageCount--;
    this.#changed = true;
  }

  /**
   * Stores a message under an identity: row, chat key, hidden facts, identity. `mark` is the fingerprint to keep, of the
   * facts that were merged last.
   */
  putRow(
    identityKey: Buffer,
    facts: MessageFacts,
    encoded: EncodedFacts,
    createRevision: number,
    mark: Buffer = fingerprint(encoded),
  ): void {
    const position = Buffer.alloc(POSITION_BYTES);
    const place = placeOf(identityKey, facts);
    writePosition(position, 0, place);
    const primaryKey = primaryKeyOf(position);
    this.overlay.put(primaryKey, withRevisions(encoded.message, createRevision, this.revision));
    this.chatIndex.set(position, true);
    if (encoded.hidden !== undefined) this.overlay.put(hiddenKey(identityKey), encoded.hidden);
    this.overlay.put(identityKey, messageValue(position, mark));
    this.#filter?.add(place.tieHigh, place.tieLow, place.chatNumber);
    this.countAdded(place.chatNumber, position.readUIntBE(0, 6));
    this.logRow(primaryKey);
  }

  /** Completes the batch. Nothing is written before the caller writes it. */
  async finish(): Promise<void> {
    await this.loadTotals(this.#touchedChats);
    for (const chatNumber of this.#touchedChats) this.#totalsOf(chatNumber).revision = this.revision;
    for (const chatNumber of this.#shrunk) await this.#recountEnds(chatNumber);
    this.overlay.flush(this.batch);
    const { tails } = this.#memory;
    await this.chatIndex.write(this.#database, this.batch, this.before, tails, (chat) => this.#ends.get(chat));
    if (this.#changed) {
      this.state.revision = BigInt(this.revision);
      const entry = toBinary(LogEntrySchema, {
        $typeName: 'scrollback.store.v1.LogEntry',
        rows: Buffer.concat(this.#rewrote ? distinct(this.#rows) : this.#rows),
        removed: this.#removed,
        otherIdentities: Buffer.concat(this.#otherIdentities),
        totals: this.#saveTotals(),
      });
      this.batch.put(logKey(this.revision), Buffer.from(entry));
    }
    this.batch.put(prefixKey(keyspace.state), Buffer.from(toBinary(HistoryRecordSchema, this.state)));
  }

  /** Writes all totals that are not in their own records, when it is time; else returns those that go into the log. */
  #saveTotals(): Buffer {
    const changed = [...this.totals].filter(([, totals]) => totals.revision === this.revision);
    const { unsaved } = this.#memory.totals;
    const waited = this.revision - Number(this.state.totalsRevision);
    if (waited < SAVE_EVERY_REVISIONS && unsaved.size < MAX_UNSAVED_CHATS) return encodeTotalsList(changed);
    for (const [chatNumber, totals] of new Map([...unsaved, ...changed])) {
      this.batch.put(chatNumberKey(keyspace.chatTotals, chatNumber), encodeTotals(totals));
    }
    this.state.totalsRevision = BigInt(this.revision);
    this.savedTotals = true;
    return EMPTY;
  }

  #totalsOf(chatNumber: number): ChatTotals {
    let totals = this.totals.get(chatNumber);
    if (totals === undefined) this.totals.set(chatNumber, (totals = noTotals()));
    return totals;
  }

  /** Finds the first and last time of a chat that lost rows: of the stored ones that stay, and of those added here. */
  async #recountEnds(chatNumber: number): Promise<void> {
    const totals = this.#totalsOf(chatNumber);
    totals.firstMs = 0;
    totals.lastMs = 0;
    if (totals.messageCount === 0) return;
    const times = this.#rows
      .filter((key) => key.readUInt32BE(1 + POSITION_CHAT_OFFSET) === chatNumber && !this.overlay.deletes(key))
      .map((key) => key.readUIntBE(1, 6))
      .filter((ms) => ms > 0);
    await this.before;
    const stays = (entry: Buffer): boolean => this.chatIndex.touched(chatNumber, entry) !== false;
    const first = await endOfChat(this.#database, chatNumber, false, stays);
    const last = await endOfChat(this.#database, chatNumber, true, stays);
    if (first > 0) times.push(first, last);
    if (times.length === 0) return;
    totals.firstMs = times.reduce((a, b) => Math.min(a, b));
    totals.lastMs = times.reduce((a, b) => Math.max(a, b));
  }
}

/** The facts of a stored message, with what they were decoded from. */
export interface StoredFacts extends MessageFacts {
  encoded: EncodedFacts;
  position: Buffer;
}

/** The primary key of a position. */
export function primaryKeyOf(position: Buffer): Buffer {
  const key = Buffer.allocUnsafe(MESSAGE_KEY_BYTES);
  key[0] = keyPrefix.message;
  position.copy(key, 1);
  return key;
}

/** A row that is rewritten within a commit is logged once, so that a follower gets it once. */
function distinct(keys: Buffer[]): Buffer[] {
  return [...new Map(keys.map((key) => [key.toString('latin1'), key])).values()];
}

/** A message that never had a key cannot have been stored. */
export function keyOf(facts: MessageFacts): MessageKey {
  const { key } = facts.message;
  if (key === undefined) throw new Error(`a stored ${MessageSchema.typeName} has no key`);
  return key;
}

const EMPTY = Buffer.alloc(0);
