import type { Commit } from '../../store/commit.js';
import type { LiveCounts } from '../../store/record-live.js';
import type { HistoryAnnouncement } from '../link/link-inbox.js';
import type { Session } from '../session.js';

/** Counts what chunks of history bring, where they are part of something that is counted. */
export interface HistoryCounter {
  /** Begins with a chunk, by the key of its announcement. Close what it returns. */
  begin(announcement: HistoryAnnouncement, key: Buffer): Promise<CountedChunk>;
}

/** A chunk that is being recorded: its commits, each with the counts of what it brings. */
export interface CountedChunk {
  /** So many of its parts were committed before. */
  readonly partsDone: number;
  /** Commits its next part. */
  commitPart(build: (commit: Commit) => Promise<LiveCounts>): Promise<LiveCounts>;
  /** Commits its end: all of it is recorded, or it can never be had. */
  commitEnd(build: (commit: Commit) => Promise<void>, end: 'recorded' | 'gone'): Promise<void>;
  close(): void;
}

/** A chunk that nobody counts: what was asked for is counted by who asked. */
export function uncounted(session: Pick<Session, 'commit'>): CountedChunk {
  return {
    partsDone: 0,
    commitPart: (build) => session.commit(build),
    commitEnd: (build) => session.commit(build),
    close: () => undefined,
  };
}
