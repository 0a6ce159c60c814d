import type { Commit } from './commit.js';
import type { Database } from './database.js';
import { JointWrites } from './joint-writes.js';
import { keyspace } from './keyspaces.js';

/**
 * What a record of the inbox waits for: to be recorded at once (`live`), to be fetched and recorded bit by bit (`history`),
 * or for a version that understands it (`unread`): nothing that was delivered is thrown away.
 */
export type InboxLane = 'live' | 'history' | 'unread';

/** One record. */
export interface InboxRecord {
  key: Buffer;
  payload: Buffer;
}

const lanes: Record<InboxLane, number> = { live: 1, history: 2, unread: 3 };
const laneNames = Object.keys(lanes) as InboxLane[];

/**
 * The write-ahead inbox of a session: whatever the link delivers is here, synced, before WhatsApp hears that it arrived. Key: `w`,
 * lane (1 B), sequence (8 B). A record leaves in the commit that stores what it says. When too many wait, `append` waits too: whoever
 * delivers slows down instead of the disk filling up.
 */
export class Inbox {
  /** In which it writes, in one order with others who do. */
  readonly writes: JointWrites;
  readonly #database: Database;
  readonly #counts: Record<InboxLane, number>;
  /** Where a lane may begin: before it lie records that were removed, over which a scan would stumble. */
  readonly #starts: Record<InboxLane, Buffer>;
  #next: number;
  /** Of the unread lane. */
  #asideBytes: number;
  /** All records of the live lane that are durable, unless there are too many of them for the memory: then none. */
  #recent: InboxRecord[] = [];
  #recentBytes = 0;
  #recentIsAll: boolean;
  /** Records of the live lane that are not durable yet. */
  #unwritten = 0;
  #waitingForRoom: { resolve: () => void; reject: (error: Error) => void }[] = [];
  #closed = false;

  private constructor(database: Database, counts: Record<InboxLane, number>, next: number, asideBytes: number) {
    this.#asideBytes = asideBytes;
    this.writes = new JointWrites(database);
    this.#database = database;
    this.#counts = counts;
    this.#next = next;
    this.#recentIsAll = counts.live === 0;
    this.#starts = { live: keyOf('live', 0), history: keyOf('history', 0), unread: keyOf('unread', 0) };
  }

  /** Finds what a process that is gone has left. */
  static async open(database: Database): Promise<Inbox> {
    const counts = { live: 0, history: 0, unread: 0 };
    let last = 0;
    for (const lane of laneNames) {
      for await (const keys of database.scanKeys({ gte: keyOf(lane, 0), lt: keyOf(lane, MAX_SEQUENCE) })) {
        counts[lane] += keys.length;
        for (const key of keys) last = Math.max(last, key.readUIntBE(SEQUENCE_OFFSET + 2, 6));
      }
    }
    let asideBytes = 0;
    const aside = { gte: keyOf('unread', 0), lt: keyOf('unread', MAX_SEQUENCE), batchSize: READ_BATCH };
    for await (const entries of database.scan(aside)) {
      for (const [, payload] of entries) asideBytes += payload.length;
    }
    return new Inbox(database, counts, last + 1, asideBytes);
  }

  /** How many records of a lane wait. */
  waiting(lane: InboxLane): number {
    return this.#counts[lane];
  }

  /** How many of these records, from the first on, may be put aside into the unread lane. */
  roomAside(records: readonly InboxRecord[]): number {
    let bytes = this.#asideBytes;
    const end = records.findIndex(({ payload }, at) => {
      bytes += payload.length;
      return this.#counts.unread + at >= MAX_ASIDE || bytes > MAX_ASIDE_BYTES;
    });
    return end < 0 ? records.length : end;
  }

  /** True while `append` waits for room. */
  get full(): boolean {
    return this.#counts.live >= MAX_WAITING;
  }

  /**
   * Keeps a record. Resolves when it is durable. `taken` is called when the record has found room: what is handed to the same
   * `JointWrites` from then on is not durable before it.
   */
  async append(payload: Uint8Array, taken?: () => void): Promise<void> {
    while (this.full) await this.#room();
    if (this.#closed) throw new Error('the inbox is closed');
    const key = keyOf('live', this.#next++);
    this.#counts.live++;
    this.#unwritten++;
    const record = { key, payload: Buffer.from(payload) };
    const durable = this.writes.write((batch) => batch.put(key, record.payload));
    taken?.();
    await durable;
    this.#unwritten--;
    this.#remember(record);
  }

  /** The oldest records of a lane: at most so many, and no more than `maxBytes` unless the first is larger. */
  async read(lane: InboxLane, maxRecords: number, maxBytes: number): Promise<InboxRecord[]> {
    if (this.#counts[lane] === 0) return [];
    const found: InboxRecord[] = [];
    let bytes = 0;
    if (lane === 'live' && this.#recentIsAll) {
      for (const record of this.#recent.slice(0, maxRecords)) {
        bytes += record.payload.length;
        if (found.length > 0 && bytes > maxBytes) return found;
        found.push(record);
      }
      return found;
    }
    const range = { gte: this.#starts[lane], lt: keyOf(lane, MAX_SEQUENCE), limit: maxRecords };
    for await (const entries of this.#database.scan({ ...range, batchSize: READ_BATCH })) {
      for (const [key, payload] of entries) {
        bytes += payload.length;
        if (found.length > 0 && bytes > maxBytes) return found;
        found.push({ key, payload });
      }
    }
    return found;
  }

  /** Removes records in a commit; `settled` must follow when it is durable. */
  remove(commit: Commit, records: InboxRecord[]): void {
    for (const { key } of records) commit.overlay.delete(key);
  }

  /** Puts a record into another lane, in the commit that takes it out of its own. */
  move(commit: Commit, { key, payload }: InboxRecord, to: InboxLane): void {
    commit.overlay.delete(key);
    commit.overlay.put(keyOf(to, this.#next++), payload);
  }

  /** Takes note that records have left their lane, for good or (some of them) for another one. */
  settled(from: InboxLane, records: InboxRecord[], to?: InboxLane, moved = records.length): void {
    this.#counts[from] -= records.length;
    if (to !== undefined) this.#counts[to] += moved;
    if (to === 'unread') for (const { payload } of records) this.#asideBytes += payload.length;
    const last = records.at(-1);
    // Records of the live lane leave in order; those of the others need not.
    if (from === 'live' && last !== undefined) this.#starts.live = last.key;
    if (from === 'live') this.#forget(records);
    if (this.full) return;
    for (const { resolve } of this.#waitingForRoom.splice(0)) resolve();
  }

  /** Refuses what waits for room, and waits for what is being written. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { reject } of this.#waitingForRoom.splice(0)) reject(new Error('the inbox is closed'));
    await this.writes.settled();
  }

  #remember(record: InboxRecord): void {
    if (!this.#recentIsAll) return;
    this.#recent.push(record);
    this.#recentBytes += record.payload.length;
    if (this.#recentBytes <= MAX_RECENT_BYTES) return;
    this.#recentIsAll = false;
    this.#recent = [];
    this.#recentBytes = 0;
  }

  #forget(records: InboxRecord[]): void {
    // What was read before the memory had too much is not in it any more.
    const count = records.filter((record, at) => this.#recent[at] === record).length;
    for (const { payload } of this.#recent.splice(0, count)) this.#recentBytes -= payload.length;
    if (this.#counts.live === this.#unwritten) this.#recentIsAll = true;
  }

  #room(): Promise<void> {
    if (this.#closed) return Promise.reject(new Error('the inbox is closed'));
    return new Promise((resolve, reject) => this.#waitingForRoom.push({ resolve, reject }));
  }
}

function keyOf(lane: InboxLane, sequence: number): Buffer {
  const key = Buffer.alloc(SEQUENCE_OFFSET + 8);
  key[0] = keyspace.inbox;
  key[1] = lanes[lane];
  key.writeUIntBE(sequence, SEQUENCE_OFFSET + 2, 6);
  return key;
}

const SEQUENCE_OFFSET = 2;
const MAX_SEQUENCE = 2 ** 48 - 1;
const READ_BATCH = 64;

/** What a busy link delivers between two commits, and no more: the rest is read from the database. */
const MAX_RECENT_BYTES = 1024 * 1024;

/** Only a server that says what no version understands, again and again, comes so far. */
const MAX_ASIDE = 10_000;

/** Chosen: what nobody may ever read takes no more of a disk. It is read once at each start. */
const MAX_ASIDE_BYTES = 32 * 1024 * 1024;

/** Some seconds of the busiest link; at 1 kB each a few MB. */
const MAX_WAITING = 4096;
