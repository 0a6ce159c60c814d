import type { Database } from './database.js';
import type { JointWrites } from './joint-writes.js';
import { keyspace, prefixEnd, prefixKey, textKey } from './keyspaces.js';

/** What changes together. Left out is left alone; undefined removes. */
export interface LinkWrite {
  credentials?: Uint8Array;
  keys?: [name: string, value: Uint8Array | undefined][];
}

/**
 * What a session's link to WhatsApp keeps: the credentials of the device and the keys of its conversations, in a form that only the
 * link knows. It is in the session's database and in no commit: no client sees it, and it has no revision.
 */
export class LinkStore {
  readonly #database: Database;

  readonly #writes: JointWrites;

  constructor(database: Database, writes: JointWrites) {
    this.#database = database;
    this.#writes = writes;
  }

  /** The credentials; undefined when there are none. */
  getCredentials(): Promise<Buffer | undefined> {
    return this.#database.get(prefixKey(keyspace.credentials));
  }

  /** The values of keys, in the order of their names. */
  getKeys(names: string[]): Promise<(Buffer | undefined)[]> {
    return this.#database.getMany(names.map((name) => textKey(keyspace.linkKey, name)));
  }

  /**
   * Writes everything or nothing, durably when it resolves. In the order of the calls, and after every record of the inbox that was
   * taken before. The bytes must not change until then.
   */
  write({ credentials, keys = [] }: LinkWrite): Promise<void> {
    return this.#writes.write((batch) => {
      if (credentials !== undefined) batch.put(prefixKey(keyspace.credentials), bufferOf(credentials));
      for (const [name, value] of keys) {
        if (value === undefined) batch.del(textKey(keyspace.linkKey, name));
        else batch.put(textKey(keyspace.linkKey, name), bufferOf(value));
      }
    });
  }

  /** Removes everything, the credentials first: keys without them mean nothing, and a crash leaves those to the next call. */
  async clear(): Promise<void> {
    await this.#writes.write((batch) => batch.del(prefixKey(keyspace.credentials)));
    const range = { gt: prefixKey(keyspace.linkKey), lt: prefixEnd(keyspace.linkKey) };
    for await (const keys of this.#database.scanKeys(range)) {
      const batch = this.#database.batch();
      for (const key of keys) batch.del(key);
      await this.#database.write(batch);
    }
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
