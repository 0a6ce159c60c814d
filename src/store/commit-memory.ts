import { type Chunk, ChatTails } from './chat-tails.js';
import type { ChangedTotals, KnownTotals } from './known-totals.js';
import { RecentRecords } from './recent-records.js';

/** What a commit read and left. */
export interface BuiltCommit extends ChangedTotals {
  readonly overlay: { readonly known: ReadonlyMap<string, Buffer | undefined> };
  readonly chatIndex: { readonly tails: ReadonlyMap<number, Chunk | undefined> };
}

/**
 * What a commit need not read from the database, because commits before it did or wrote it. It is as the last commit that was built
 * leaves it: one whose writing fails takes the whole store with it.
 */
export class CommitMemory {
  readonly records = new RecentRecords();
  readonly tails = new ChatTails();

  constructor(readonly totals: KnownTotals) {}

  /** Notes that a commit was built: the next one builds on it. */
  built(commit: BuiltCommit): void {
    this.totals.built(commit);
    this.records.built(commit.overlay.known);
    this.tails.built(commit.chatIndex.tails);
  }
}
