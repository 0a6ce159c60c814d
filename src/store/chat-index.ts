import { POSITION_BYTES, POSITION_CHAT_OFFSET, POSITION_KIND_OFFSET } from '../domain/position.js';
import type { Chunk, ChatTails } from './chat-tails.js';
import type { Database, Seeker, Snapshot, WriteBatch } from './database.js';
import { chatNumberKey, keyspace } from './keyspaces.js';

/**
 * The messages of one chat, in order: their positions without the chat number (an entry), in chunks of neighbours. A chunk's key
 * is `c`, the chat number and its last entry; its value is the entries before that one. The chunks of a chat do not overlap, so the
 * first chunk with a key at or after an entry is the one that holds it, if any does. One record for each message would be a
 * quarter of all the records that an import writes.
 */
export const ENTRY_BYTES = POSITION_BYTES - 4;

/** Entries of a chunk, at most: about 2.7 kB. */
const MAX_CHUNK = 128;

/** What a chat held before a commit, as far as it matters for where new messages go. */
export interface ChatEnd {
  messageCount: number;
  lastMs: number;
}

/** The changes of one commit to the indexes of chats. */
export class ChatIndexChanges {
  /** Primary keys of messages that are certainly new, by chat, in the order of arrival. */
  readonly #fresh = new Map<number, Buffer[]>();
  /** What else was added (true) or removed (false): by chat and entry. */
  readonly #touched = new Map<number, Map<string, boolean>>();
  /** The last chunks of the chats that `write` wrote to; undefined where it does not know them. */
  readonly tails = new Map<number, Chunk | undefined>();

  /** Adds a message that is not in the index and was not touched in this commit. */
  insert(chatNumber: number, primaryKey: Buffer): void {
    const keys = this.#fresh.get(chatNumber);
    if (keys === undefined) this.#fresh.set(chatNumber, [primaryKey]);
    else keys.push(primaryKey);
  }

  /** Adds or removes the message at a position. */
  set(position: Buffer, present: boolean): void {
    const chatNumber = position.readUInt32BE(POSITION_CHAT_OFFSET);
    let touched = this.#touched.get(chatNumber);
    if (touched === undefined) this.#touched.set(chatNumber, (touched = new Map<string, boolean>()));
    touched.set(entryAt(position, 0).toString('latin1'), present);
  }

  /** What this commit did to an entry; undefined when it did not touch it. */
  touched(chatNumber: number, entry: Buffer): boolean | undefined {
    return this.#touched.get(chatNumber)?.get(entry.toString('latin1'));
  }

  /**
   * Adds everything to the batch. `endOf` and `tails` tell of a chat as it was before this commit; `before` is the writing of the commit
   * before, which must be over when chunks are to be read: none are where all messages come after those that are there, or near the end.
   */
  async write(
    database: Database,
    batch: WriteBatch,
    before: Promise<void>,
    tails: ChatTails,
    endOf: (chatNumber: number) => ChatEnd | undefined,
  ): Promise<void> {
    const elsewhere: [chatNumber: number, changes: EntryChange[]][] = [];
    for (const chatNumber of new Set([...this.#fresh.keys(), ...this.#touched.keys()])) {
      const changes = this.#changesOf(chatNumber);
      const first = changes[0];
      if (first !== undefined && changes.every(({ present }) => present) && follows(first.entry, endOf(chatNumber))) {
        const entries = changes.map(({ entry }) => entry);
        this.tails.set(chatNumber, putChunks(batch, chatNumber, entries));
      } else {
        const tail = tails.of(chatNumber);
        if (tail === undefined || !isWithin(tail, changes)) elsewhere.push([chatNumber, changes]);
        else this.tails.set(chatNumber, changeTail(tail, batch, chatNumber, changes));
      }
    }
    if (elsewhere.length === 0) return;
    await before;
    const seeker = database.seeker({ gte: Buffer.of(keyspace.chatMessage), lt: Buffer.of(keyspace.chatMessage + 1) });
    try {
      for (const [chatNumber, changes] of elsewhere) {
        this.tails.set(chatNumber, await change(seeker, batch, chatNumber, changes));
      }
    } finally {
      await seeker.close();
    }
  }

  /** What happened to the entries of a chat, in their order. */
  #changesOf(chatNumber: number): EntryChange[] {
    const changes = (this.#fresh.get(chatNumber) ?? []).map((key) => ({ entry: entryAt(key, 1), present: true }));
    const touched = this.#touched.get(chatNumber);
    if (touched === undefined) return inOrder(changes);
    const all = new Map(changes.map((one) => [one.entry.toString('latin1'), one]));
    for (const [entry, present] of touched) all.set(entry, { entry: Buffer.from(entry, 'latin1'), present });
    return inOrder([...all.values()]);
  }
}

interface EntryChange {
  entry: Buffer;
  present: boolean;
}

/** True when nothing lies before the last chunk of a chat. */
function isWithin(tail: Chunk, changes: EntryChange[]): boolean {
  const first = entriesOf(tail)[0] ?? EMPTY;
  return changes[0] !== undefined && changes[0].entry.compare(first) >= 0;
}

/** Applies changes, in their order, to the last chunk of a chat and behind it. Returns which one is the last then, if it knows. */
function changeTail(tail: Chunk, batch: WriteBatch, chatNumber: number, changes: EntryChange[]): Chunk | undefined {
  const last = tail[0].subarray(5);
  const behind = changes.findIndex(({ entry }) => entry.compare(last) > 0);
  const inside = behind < 0 ? changes : changes.slice(0, behind);
  const rewritten = inside.length === 0 ? tail : replace(batch, chatNumber, tail, inside);
  return behind < 0 ? rewritten : (replace(batch, chatNumber, undefined, changes.slice(behind)) ?? rewritten);
}

/** Applies changes, in their order, to the chunks that hold their places. Returns the chat's last chunk, if it knows it. */
async function change(
  seeker: Seeker,
  batch: WriteBatch,
  chatNumber: number,
  changes: EntryChange[],
): Promise<Chunk | undefined> {
  let tail: Chunk | undefined;
  for (let at = 0; at < changes.length;) {
    const found = await seeker.seek(keyOf(chatNumber, changes[at]?.entry ?? EMPTY));
    const chunk = found !== undefined && found[0].readUInt32BE(1) === chatNumber ? found : undefined;
    const last = chunk?.[0].subarray(5);
    let end = at;
    while (end < changes.length && (last === undefined || (changes[end]?.entry ?? EMPTY).compare(last) <= 0)) end++;
    const written = replace(batch, chatNumber, chunk, changes.slice(at, end));
    tail = chunk === undefined ? written : undefined;
    at = end;
  }
  return tail;
}

/** Rewrites one chunk, or makes one of its own of what lies before it. Returns the last one that it wrote. */
function replace(
  batch: WriteBatch,
  chatNumber: number,
  chunk: Chunk | undefined,
  changes: EntryChange[],
): Chunk | undefined {
  const news = changes.filter(({ present }) => present).map(({ entry }) => entry);
  if (chunk === undefined) return putChunks(batch, chatNumber, news);
  const entries = entriesOf(chunk);
  const first = entries[0] ?? EMPTY;
  if (changes.every(({ entry }) => entry.compare(first) < 0)) return putChunks(batch, chatNumber, news);
  const all = new Map(entries.map((entry) => [entry.toString('latin1'), entry]));
  for (const { entry, present } of changes) {
    if (present) all.set(entry.toString('latin1'), entry);
    else all.delete(entry.toString('latin1'));
  }
  const kept = [...all.values()].sort((a, b) => a.compare(b));
  batch.del(chunk[0]);
  return putChunks(batch, chatNumber, kept);
}

/** Writes sorted entries as chunks of about the same size. Returns the last one. */
function putChunks(batch: WriteBatch, chatNumber: number, entries: Buffer[]): Chunk | undefined {
  let written: Chunk | undefined;
  const chunks = Math.ceil(entries.length / MAX_CHUNK);
  for (let n = 0; n < chunks; n++) {
    const part = entries.slice(
      Math.floor((n * entries.length) / chunks),
      Math.floor(((n + 1) * entries.length) / chunks),
    );
    const last = part.pop();
    if (last === undefined) continue;
    written = [keyOf(chatNumber, last), Buffer.concat(part)];
    batch.put(...written);
  }
  return written;
}

/** True when an entry comes after everything that its chat held. */
function follows(entry: Buffer, end: ChatEnd | undefined): boolean {
  if (end === undefined) return false;
  return end.messageCount === 0 || entry.readUIntBE(0, 6) > end.lastMs;
}

/** Sorts in place; mostly it is in order already. */
function inOrder(changes: EntryChange[]): EntryChange[] {
  for (let n = 1; n < changes.length; n++) {
    // Safety: n is inside the array.
    if (changes[n - 1]!.entry.compare(changes[n]!.entry) > 0) {
      return changes.sort((a, b) => a.entry.compare(b.entry));
    }
  }
  return changes;
}

/** Which entries of a chat are wanted, and in which order. Bounds are the beginnings of entries. */
export interface EntryRange {
  gte: Buffer;
  /** Undefined: to the end. */
  lt: Buffer | undefined;
  reverse: boolean;
}

/** Yields the entries of a chat that lie in a range, a chunk at a time; about `readAhead` of them are asked of LevelDB at once. */
export async function* scanChat(
  database: Database,
  chatNumber: number,
  range: EntryRange,
  { snapshot, readAhead }: { snapshot?: Snapshot | undefined; readAhead: number },
): AsyncGenerator<Buffer[], void, undefined> {
  const { gte, lt, reverse } = range;
  const from = Buffer.concat([chatNumberKey(keyspace.chatMessage, chatNumber), gte]);
  const end = chatNumberKey(keyspace.chatMessage, chatNumber + 1);
  const options = { snapshot, batchSize: readAhead, readAheadBytes: readAhead * ENTRY_BYTES, fillCache: true };
  let to = end;
  if (lt !== undefined && reverse) {
    to = Buffer.concat([chatNumberKey(keyspace.chatMessage, chatNumber), lt]);
    // The chunk that goes beyond the bound comes first.
    for await (const chunks of database.scan({ ...options, gte: to, lt: end, limit: 1 })) {
      for (const chunk of chunks) yield entriesWithin(chunk, range);
    }
  }
  for await (const chunks of database.scan({ ...options, gte: from, lt: to, reverse })) {
    for (const chunk of chunks) {
      const entries = entriesWithin(chunk, range);
      if (entries.length > 0) yield entries;
      else if (lt !== undefined && !reverse) return;
    }
  }
}

/** The entries of a chunk that lie in a range, in its order. */
function entriesWithin(chunk: Chunk, { gte, lt, reverse }: EntryRange): Buffer[] {
  const entries = entriesOf(chunk);
  let from = 0;
  let to = entries.length;
  // Safety: both stay inside the array.
  while (from < to && entries[from]!.compare(gte) < 0) from++;
  while (lt !== undefined && to > from && entries[to - 1]!.compare(lt) >= 0) to--;
  const within = entries.slice(from, to);
  return reverse ? within.reverse() : within;
}

/** The time of a chat's first or last message that has one, of those that stay; 0 when none does. */
export async function endOfChat(
  database: Database,
  chatNumber: number,
  last: boolean,
  stays: (entry: Buffer) => boolean,
): Promise<number> {
  const range = { gte: Buffer.from([0, 0, 0, 0, 0, 1]), lt: undefined, reverse: last };
  for await (const entries of scanChat(database, chatNumber, range, { readAhead: 4 })) {
    for (const entry of entries) if (stays(entry)) return entry.readUIntBE(0, 6);
  }
  return 0;
}

function entriesOf([key, value]: Chunk): Buffer[] {
  const entries: Buffer[] = [];
  for (let at = 0; at < value.length; at += ENTRY_BYTES) entries.push(value.subarray(at, at + ENTRY_BYTES));
  entries.push(key.subarray(5));
  return entries;
}

/** The primary key of a chat's entry. */
export function primaryKeyOfEntry(chatNumber: number, entry: Buffer): Buffer {
  const key = Buffer.allocUnsafe(1 + POSITION_BYTES);
  key[0] = keyspace.message;
  entry.copy(key, 1, 0, POSITION_CHAT_OFFSET);
  key.writeUInt32BE(chatNumber, 1 + POSITION_CHAT_OFFSET);
  key[1 + POSITION_KIND_OFFSET] = entry.readUInt8(ENTRY_BYTES - 1);
  return key;
}

/** The entry of the position at `offset` of some bytes. */
function entryAt(bytes: Buffer, offset: number): Buffer {
  const entry = Buffer.allocUnsafe(ENTRY_BYTES);
  bytes.copy(entry, 0, offset, offset + POSITION_CHAT_OFFSET);
  entry[ENTRY_BYTES - 1] = bytes.readUInt8(offset + POSITION_KIND_OFFSET);
  return entry;
}

function keyOf(chatNumber: number, entry: Buffer): Buffer {
  return Buffer.concat([chatNumberKey(keyspace.chatMessage, chatNumber), entry]);
}

const EMPTY = Buffer.alloc(0);
