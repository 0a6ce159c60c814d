import { keyspace } from './keyspaces.js';

/**
 * What is stored of the people and chats that commits spoke of last, as the commits that are built leave it, also that nothing is: each
 * message of a link asks for the same few records, and each question is a turn of the event loop before it can be recorded. All
 * writes of these keyspaces go through the overlay of a commit.
 */
export class RecentRecords {
  /** By key in latin1. */
  readonly #records = new Map<string, Buffer | undefined>();

  /** True when the record of a key is known, or that there is none. */
  has(name: string): boolean {
    return this.#records.has(name);
  }

  /** The record of a key that is known. */
  get(name: string): Buffer | undefined {
    return this.#records.get(name);
  }

  /** Notes that a commit was built that read and left these. */
  built(known: ReadonlyMap<string, Buffer | undefined>): void {
    for (const [name, value] of known) {
      if (!KEPT.has(name.charCodeAt(0))) continue;
      this.#records.delete(name);
      if (value === undefined || value.length <= MAX_BYTES) this.#records.set(name, value);
    }
    for (const [name] of this.#records) {
      if (this.#records.size <= MAX_RECORDS) return;
      this.#records.delete(name);
    }
  }
}

const KEPT = new Set<number>([
  keyspace.contact,
  keyspace.chatNumber,
  keyspace.chat,
  keyspace.mapping,
  keyspace.unresolved,
]);

/** Some hundred people who write at the same time; a session that nobody uses holds none. A record has about 200 bytes. */
const MAX_RECORDS = 512;
const MAX_BYTES = 1024;
