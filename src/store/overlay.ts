import type { Database, WriteBatch } from './database.js';
import type { RecentRecords } from './recent-records.js';

/** The database as it will be after the batch that is being built: what was written in it is read back from it. */
export class Overlay {
  readonly #database: Database;
  readonly #before: Promise<void>;
  readonly #recent: RecentRecords;
  readonly #known = new Map<string, Buffer | undefined>();
  readonly #writes = new Map<string, { key: Buffer; value: Buffer | undefined }>();

  /** `before` is the writing of the commit before: what is read comes after it. `recent` is what that one left. */
  constructor(database: Database, before: Promise<void>, recent: RecentRecords) {
    this.#database = database;
    this.#before = before;
    this.#recent = recent;
  }

  /** What was read or written so far, by key in latin1. */
  get known(): ReadonlyMap<string, Buffer | undefined> {
    return this.#known;
  }

  /** Reads many keys at once, so that `get` finds them without asking the database one by one. */
  async prefetch(keys: Buffer[]): Promise<void> {
    const missing = keys.filter((key) => !this.#knows(key.toString('latin1')));
    if (missing.length === 0) return;
    await this.#before;
    const values = await this.#database.getMany(missing);
    missing.forEach((key, i) => this.#known.set(key.toString('latin1'), values[i]));
  }

  /** Reads many keys at once, without keeping what they hold. */
  async getMany(keys: Buffer[]): Promise<(Buffer | undefined)[]> {
    await this.#before;
    const values = await this.#database.getMany(keys);
    if (this.#known.size === 0) return values;
    return keys.map((key, i) => {
      const name = key.toString('latin1');
      return this.#known.has(name) ? this.#known.get(name) : values[i];
    });
  }

  async get(key: Buffer): Promise<Buffer | undefined> {
    const name = key.toString('latin1');
    if (this.#knows(name)) return this.#known.get(name);
    await this.#before;
    const value = await this.#database.get(key);
    this.#known.set(name, value);
    return value;
  }

  put(key: Buffer, value: Buffer): void {
    const name = key.toString('latin1');
    this.#known.set(name, value);
    this.#writes.set(name, { key, value });
  }

  delete(key: Buffer): void {
    const name = key.toString('latin1');
    this.#known.set(name, undefined);
    this.#writes.set(name, { key, value: undefined });
  }

  /** Tells what the batch already holds, without writing it again. */
  remember(key: Buffer, value: Buffer): void {
    this.#known.set(key.toString('latin1'), value);
  }

  /** True when the batch deletes the key. */
  deletes(key: Buffer): boolean {
    const write = this.#writes.get(key.toString('latin1'));
    return write !== undefined && write.value === undefined;
  }

  #knows(name: string): boolean {
    if (this.#known.has(name)) return true;
    if (!this.#recent.has(name)) return false;
    this.#known.set(name, this.#recent.get(name));
    return true;
  }

  /** Adds everything that was put and deleted to the batch. */
  flush(batch: WriteBatch): void {
    for (const { key, value } of this.#writes.values()) {
      if (value === undefined) batch.del(key);
      else batch.put(key, value);
    }
    this.#writes.clear();
  }
}
