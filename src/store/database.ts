import { readdir } from 'node:fs/promises';
import { Level } from 'level';

/** A view of the database at one moment; must be closed. */
export type Snapshot = ReturnType<Level<Buffer, Buffer>['snapshot']>;

/** Writes that happen together or not at all. */
export type WriteBatch = ReturnType<Level<Buffer, Buffer>['batch']>;

/** A range of keys. */
export interface KeyRange {
  gt?: Buffer;
  gte?: Buffer;
  lt?: Buffer;
  lte?: Buffer;
}

/** How a scan goes. */
export interface ScanOptions extends KeyRange {
  reverse?: boolean;
  /** At most so many entries. */
  limit?: number;
  snapshot?: Snapshot | undefined;
  /** Entries asked of LevelDB at a time. */
  batchSize?: number;
  /** Fewer are asked for as soon as they have more bytes than this. */
  readAheadBytes?: number;
  /** True when what is read will be read again. */
  fillCache?: boolean;
}

/** Finds entries one by one. */
export interface Seeker {
  /** The first entry of the range at or after a key. */
  seek: (key: Buffer) => Promise<[Buffer, Buffer] | undefined>;
  close: () => Promise<void>;
}

/** What classic-level has beyond the common part. */
interface ClassicProperties {
  getProperty: (name: string) => string;
}

/** How a database is opened. */
export interface DatabaseOptions {
  /** Bytes of the block cache. */
  cacheBytes: number;
  /** Bytes that are collected in memory before LevelDB writes a table; twice that may be in use. */
  writeBufferBytes: number;
}

/**
 * One LevelDB directory with keys and values that are bytes. Reads are snapshots. After a failed write the handle is poisoned and
 * every later call throws: LevelDB 1.20 may acknowledge writes after a failed one and lose them when it is opened again
 * (on a full disk 891 of 916 acknowledged batches were gone). The owner closes it, opens it anew and reads what is there.
 */
export class Database {
  readonly #level: Level<Buffer, Buffer>;
  #failure: Error | undefined;

  private constructor(level: Level<Buffer, Buffer>) {
    this.#level = level;
  }

  /** Opens or creates the directory. Only one process and one handle can have it open. */
  static async open(path: string, options: DatabaseOptions): Promise<Database> {
    // Before `new`, which begins to open by itself.
    await refuseWithoutCurrent(path);
    const level = new Level<Buffer, Buffer>(path, {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      cacheSize: options.cacheBytes,
      writeBufferSize: options.writeBufferBytes,
      maxOpenFiles: MAX_OPEN_FILES,
      // Messages shrink to two thirds by it, and an import slows down by a sixth: measured with a million messages.
      compression: false,
    });
    await level.open();
    return new Database(level);
  }

  /** The write error that poisoned this handle. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /**
   * How many tables LevelDB has written and not yet merged. At 8 it slows each write down, at 12 it stops all writes until it has caught
   * up, which takes a second and more.
   */
  get unmergedTables(): number {
    // Safety: outside a browser, `Level` is classic-level's class, which has this method (the type is the common part).
    return Number((this.#level as unknown as ClassicProperties).getProperty('leveldb.num-files-at-level0'));
  }

  close(): Promise<void> {
    return this.#level.close();
  }

  snapshot(): Snapshot {
    return this.#level.snapshot();
  }

  async get(key: Buffer, snapshot?: Snapshot): Promise<Buffer | undefined> {
    this.#refuseAfterFailure();
    return await this.#level.get(key, withSnapshot({}, snapshot));
  }

  async getMany(keys: Buffer[], snapshot?: Snapshot): Promise<(Buffer | undefined)[]> {
    this.#refuseAfterFailure();
    if (keys.length <= GET_MANY_AT_ONCE) return this.#getSome(keys, snapshot);
    const parts: Promise<(Buffer | undefined)[]>[] = [];
    for (let at = 0; at < keys.length; at += GET_MANY_AT_ONCE) {
      parts.push(this.#getSome(keys.slice(at, at + GET_MANY_AT_ONCE), snapshot));
    }
    return (await Promise.all(parts)).flat();
  }

  async #getSome(keys: Buffer[], snapshot: Snapshot | undefined): Promise<(Buffer | undefined)[]> {
    return keys.length === 0 ? [] : await this.#level.getMany(keys, withSnapshot({}, snapshot));
  }

  /** Yields the entries of a range, some at a time. */
  async *scan(options: ScanOptions): AsyncGenerator<[Buffer, Buffer][], void, undefined> {
    this.#refuseAfterFailure();
    const { batchSize = DEFAULT_SCAN_BATCH, snapshot, readAheadBytes, fillCache = false, ...range } = options;
    const highWaterMarkBytes = Math.min(readAheadBytes ?? SCAN_READ_AHEAD_BYTES, SCAN_READ_AHEAD_BYTES);
    const iterator = this.#level.iterator(withSnapshot({ ...range, highWaterMarkBytes, fillCache }, snapshot));
    try {
      for (;;) {
        const entries = await iterator.nextv(batchSize);
        if (entries.length === 0) return;
        yield entries;
      }
    } finally {
      await iterator.close();
    }
  }

  /**
   * Yields the values of a range, some at a time: `batchSize` of them, or fewer as soon as they are more than `readAheadBytes`. Without the
   * keys a row takes two thirds of the time: LevelDB's binding makes an array and two Buffers of each entry, which costs more than the scan.
   */
  async *scanValues(options: ScanOptions & { readAheadBytes: number }): AsyncGenerator<Buffer[], void, undefined> {
    this.#refuseAfterFailure();
    const { batchSize = DEFAULT_SCAN_BATCH, snapshot, readAheadBytes, fillCache = false, ...range } = options;
    const highWaterMarkBytes = Math.min(readAheadBytes, SCAN_READ_AHEAD_BYTES);
    const iterator = this.#level.iterator(
      withSnapshot({ ...range, keys: false, keyEncoding: unread, highWaterMarkBytes, fillCache }, snapshot),
    );
    try {
      for (;;) {
        const entries = await iterator.nextv(batchSize);
        if (entries.length === 0) return;
        yield entries.map(([, value]) => value);
      }
    } finally {
      await iterator.close();
    }
  }

  /** Yields the keys of a range, some at a time. */
  async *scanKeys(options: ScanOptions): AsyncGenerator<Buffer[], void, undefined> {
    this.#refuseAfterFailure();
    const { batchSize = DEFAULT_SCAN_BATCH, snapshot, ...range } = options;
    const iterator = this.#level.keys(
      withSnapshot(
        { ...range, valueEncoding: unread, highWaterMarkBytes: SCAN_READ_AHEAD_BYTES, fillCache: true },
        snapshot,
      ),
    );
    try {
      for (;;) {
        const keys = await iterator.nextv(batchSize);
        if (keys.length === 0) return;
        yield keys;
      }
    } finally {
      await iterator.close();
    }
  }

  /** Opens a place in a range that jumps about; it sees the database as it is now, and must be closed. */
  seeker(range: KeyRange): Seeker {
    this.#refuseAfterFailure();
    const iterator = this.#level.iterator({ ...range, fillCache: true });
    return {
      seek: async (key) => {
        iterator.seek(key);
        return await iterator.next();
      },
      close: () => iterator.close(),
    };
  }

  batch(): WriteBatch {
    this.#refuseAfterFailure();
    return this.#level.batch();
  }

  /** Writes a batch and syncs it. When this resolves, the batch survives a power cut; when it rejects, the handle is poisoned. */
  async write(batch: WriteBatch): Promise<void> {
    this.#refuseAfterFailure();
    try {
      await batch.write({ sync: true });
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error('write failed');
      throw error;
    }
  }

  #refuseAfterFailure(): void {
    if (this.#failure !== undefined) {
      throw new Error('the database is poisoned by an earlier failed write', { cause: this.#failure });
    }
  }
}

/**
 * Without its file CURRENT, LevelDB takes a directory for a new one, and removes all that is in it: a copy that was made of a running
 * daemon may lack it. A creation that broke off leaves no log and no table.
 */
async function refuseWithoutCurrent(path: string): Promise<void> {
  const names: string[] = await readdir(path).catch(() => []);
  if (names.includes('CURRENT') || !names.some((name) => /\.(ldb|sst|log)$/.test(name))) return;
  throw new Error(`the database ${path} is not complete: it has data, and lacks its file CURRENT`);
}

function withSnapshot<T extends object>(options: T, snapshot: Snapshot | undefined): T {
  return snapshot === undefined ? options : { ...options, snapshot };
}

/**
 * The form of the half of an entry that a scan does not read: LevelDB's binding makes one of it all the same, and an empty text costs
 * nothing, an empty Buffer almost as much as a full one. Bounds of a range go in as they are.
 */
const unread = {
  name: 'unread',
  format: 'utf8' as const,
  encode: (bytes: Buffer): Buffer => bytes,
  decode: (nothing: Buffer): Buffer => nothing,
};

/** With 1 MiB a scan gives 617 k rows/s, with LevelDB's own 16 KiB it gives 300 k (52 rows a call). */
const SCAN_READ_AHEAD_BYTES = 1024 * 1024;

const DEFAULT_SCAN_BATCH = 512;

/** LevelDB looks up the keys of one call one after the other in one thread: more of them are shared out. */
const GET_MANY_AT_ONCE = 512;

/** LevelDB's own default is 1,000; 5,000 sessions of it would pass every limit on descriptors. 2 MB a table: 256 MB hot. */
const MAX_OPEN_FILES = 128;
