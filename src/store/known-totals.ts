import { fromBinary } from '@bufbuild/protobuf';
import { LogEntrySchema } from '../gen/scrollback/store/v1/record_pb.js';
import { type ChatTotals, decodeTotalsList } from './chat-totals.js';
import type { Database } from './database.js';
import { keyspace, logKey, prefixEnd, revisionOfLogKey } from './keyspaces.js';

/** What a commit did to totals. */
export interface ChangedTotals {
  readonly revision: number;
  /** Totals of the chats that it touched, as they are now. */
  readonly totals: ReadonlyMap<number, ChatTotals>;
  /** True when it wrote all totals to their own records. */
  readonly savedTotals: boolean;
}

/**
 * The totals of chats that need not be read from the database: those that were used lately, and those that are only in the log so
 * far. A commit builds on what was built, a reader sees what is durable.
 */
export class KnownTotals {
  readonly #recent = new Map<number, ChatTotals>();
  readonly #unsaved = new Map<number, ChatTotals>();
  readonly #durable = new Map<number, ChatTotals>();

  /** Reads what the log holds after the revision up to which totals have records of their own. */
  static async read(database: Database, savedRevision: number): Promise<KnownTotals> {
    const known = new KnownTotals();
    const range = { gte: logKey(savedRevision + 1), lt: prefixEnd(keyspace.log) };
    for await (const entries of database.scan({ ...range, batchSize: 16 })) {
      for (const [key, value] of entries) {
        const { totals } = fromBinary(LogEntrySchema, value);
        const list = Buffer.from(totals.buffer, totals.byteOffset, totals.byteLength);
        for (const [chatNumber, entry] of decodeTotalsList(list, revisionOfLogKey(key))) {
          known.#unsaved.set(chatNumber, entry);
          known.#durable.set(chatNumber, entry);
        }
      }
    }
    return known;
  }

  /** Totals that the next commit may build on without reading; undefined when they must be read. */
  totalsOf(chatNumber: number): ChatTotals | undefined {
    return this.#unsaved.get(chatNumber) ?? this.#recent.get(chatNumber);
  }

  /** Totals that are in the log and not in records of their own, for the next commit. */
  get unsaved(): ReadonlyMap<number, ChatTotals> {
    return this.#unsaved;
  }

  /** The same, of what is durable. */
  durableOf(chatNumber: number): ChatTotals | undefined {
    return this.#durable.get(chatNumber);
  }

  /** Notes that a commit was built. */
  built(commit: ChangedTotals): void {
    for (const [chatNumber, totals] of commit.totals) this.#recent.set(chatNumber, totals);
    if (this.#recent.size > MAX_RECENT) this.#recent.clear();
    follow(this.#unsaved, commit);
  }

  /** Notes that it is durable. */
  written(commit: ChangedTotals): void {
    follow(this.#durable, commit);
  }
}

function follow(unsaved: Map<number, ChatTotals>, commit: ChangedTotals): void {
  if (commit.savedTotals) unsaved.clear();
  else {
    for (const [chatNumber, totals] of commit.totals) {
      if (totals.revision === commit.revision) unsaved.set(chatNumber, totals);
    }
  }
}

/** About 100 bytes each; beyond it they are read again. */
const MAX_RECENT = 50_000;
