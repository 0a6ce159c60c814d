import type { Commit } from './commit.js';
import type { Database } from './database.js';
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
  readonly #database: Database;
  readonly #counts: Record<InboxLane, number>;
  /** Where a lane may begin: before it lie records that were removed, over which a scan would stumble. */
  readonly #starts: Record<InboxLane, Buffer>;
  #next: number;
  #gathering: Gathering | undefined;
  #writing: Promise<void> = Promise.resolve();
  #waitingForRoom: { resolve: () => void; reject: (error: Error) => void }[] = [];
  #closed = false;

  private constructor(database: Database, counts: Record<InboxLane, number>, next: number) {
    this.#database = database;
    this.#counts = counts;
    this.#next = next;
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
    return new Inbox(database, counts, last + 1);
  }

  /** How many records of a lane wait. */
  waiting(lane: InboxLane): number {
    return this.#counts[lane];
  }

  /** True while `append` waits for room. */
  get full(): boolean {
    return this.#counts.live >= MAX_WAITING;
  }

  /** Keeps a record. Resolves when it is durable; those that come while another is being synced share one sync. */
  async append(payload: Uint8Array): Promise<void> {
    while (this.full) await this.#room();
    if (this.#closed) throw new Error('the inbox is closed');
    const key = keyOf('live', this.#next++);
    this.#counts.live++;
    this.#gathering ??= this.#gather();
    this.#gathering.records.push({ key, payload: Buffer.from(payload) });
    return this.#gathering.durable;
  }

  /** The oldest records of a lane: at most so many, and no more than `maxBytes` unless the first is larger. */
  async read(lane: InboxLane, maxRecords: number, maxBytes: number): Promise<InboxRecord[]> {
    const found: InboxRecord[] = [];
    let bytes = 0;
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
    const last = records.at(-1);
    // Records of the live lane leave in order; those of the others need not.
    if (from === 'live' && last !== undefined) this.#starts.live = last.key;
    if (this.full) return;
    for (const { resolve } of this.#waitingForRoom.splice(0)) resolve();
  }

  /** Refuses what waits for room, and waits for what is being written. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { reject } of this.#waitingForRoom.splice(0)) reject(new Error('the inbox is closed'));
    await this.#gathering?.durable.catch(() => undefined);
    await this.#writing.catch(() => undefined);
  }

  #gather(): Gathering {
    const gathering: Gathering = { records: [], durable: Promise.resolve() };
    gathering.durable = this.#writing
      .catch(() => undefined)
      .then(() => {
        this.#gathering = undefined;
        return this.#write(gathering.records);
      });
    this.#writing = gathering.durable;
    return gathering;
  }

  async #write(records: InboxRecord[]): Promise<void> {
    const batch = this.#database.batch();
    for (const { key, payload } of records) batch.put(key, payload);
    await this.#database.write(batch);
  }

  #room(): Promise<void> {
    if (this.#closed) return Promise.reject(new Error('the inbox is closed'));
    return new Promise((resolve, reject) => this.#waitingForRoom.push({ resolve, reject }));
  }
}

/** Records that are written together, when the ones before them are. */
interface Gathering {
  records: InboxRecord[];
  durable: Promise<void>;
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

/** Some seconds of the busiest link; at 1 kB each a few MB. */
const MAX_WAITING = 4096;
