import { clone, create } from '@bufbuild/protobuf';
import { isTerminal } from '../../domain/backfill.js';
import { DomainError } from '../../domain/fault.js';
import {
  type BackfillRecord,
  BackfillRecordSchema,
  ChunkProgressSchema,
  type HistorySyncProgress,
  HistorySyncProgressSchema,
} from '../../gen/scrollback/store/v1/record_pb.js';
import { putBackfill } from '../../store/backfills.js';
import type { Commit } from '../../store/commit.js';
import type { LiveCounts } from '../../store/record-live.js';
import { backfillOf, countMessages, type LiveBackfill, WIRE_STATES } from './backfill.js';
import type { CountedChunk } from './history-counter.js';
import type { HistoryAnnouncement } from '../link/link-inbox.js';
import type { Session } from '../session.js';

/**
 * A chunk of a history sync: each of its commits holds the counts of what it brings and how many parts have been committed, so that a chunk
 * that is begun anew goes on behind them, and nothing is counted twice.
 */
export class HistoryChunk implements CountedChunk {
  readonly partsDone: number;
  readonly close: () => void;
  readonly #backfill: LiveBackfill;
  readonly #session: Session;
  readonly #announcement: HistoryAnnouncement;
  readonly #key: Buffer;

  constructor(
    parts: { backfill: LiveBackfill; session: Session; announcement: HistoryAnnouncement; key: Buffer },
    close: () => void,
  ) {
    this.#backfill = parts.backfill;
    this.#session = parts.session;
    this.#announcement = parts.announcement;
    this.#key = parts.key;
    this.close = close;
    this.partsDone = openChunk(syncOf(parts.backfill.draft()), parts.key)?.parts ?? 0;
  }

  commitPart(build: (commit: Commit) => Promise<LiveCounts>): Promise<LiveCounts> {
    return this.#commit(build, (record, { messages }) => {
      countMessages(backfillOf(record), messages);
      const sync = syncOf(record);
      const open = openChunk(sync, this.#key);
      if (open === undefined)
        sync.openChunks.push(create(ChunkProgressSchema, { announcementKey: this.#key, parts: 1 }));
      else open.parts++;
    });
  }

  commitEnd(build: (commit: Commit) => Promise<void>, end: 'recorded' | 'gone'): Promise<void> {
    return this.#commit(build, (record) => {
      const { name, progressPercent, isLast } = this.#announcement;
      const shown = backfillOf(record);
      const sync = syncOf(record);
      sync.openChunks = sync.openChunks.filter((chunk) => !this.#key.equals(chunk.announcementKey));
      sync.complete ||= isLast;
      shown.progressPercent = Math.max(shown.progressPercent ?? 0, progressPercent);
      if (end === 'recorded') shown.chunks++;
      else if (shown.warnings.length < MAX_WARNINGS) shown.warnings.push(goneText(name));
    });
  }

  async #commit<T>(
    build: (commit: Commit) => Promise<T>,
    count: (record: BackfillRecord, result: T) => void,
  ): Promise<T> {
    const backfill = this.#backfill;
    const { record, result } = await this.#session.commit(async (commit) => {
      // Its end is being written: what comes now must not bring it back to life.
      if (backfill.ending !== undefined || isTerminal(backfill.state) || backfill.stopped) {
        throw new DomainError({ reason: 'SESSION_UNAVAILABLE', sessionId: this.#session.record.sessionId });
      }
      const made = await build(commit);
      const draft = clone(BackfillRecordSchema, backfill.record);
      backfillOf(draft).state = WIRE_STATES.importing;
      count(draft, made);
      putBackfill(commit, draft);
      return { record: draft, result: made };
    });
    backfill.publish(record);
    return result;
  }
}

function syncOf(record: BackfillRecord): HistorySyncProgress {
  return (record.historySync ??= create(HistorySyncProgressSchema));
}

function openChunk({ openChunks }: HistorySyncProgress, key: Buffer): { parts: number } | undefined {
  return openChunks.find(({ announcementKey }) => key.equals(announcementKey));
}

function goneText(name: string): string {
  return `a chunk of history (${name}) cannot be had in whole: WhatsApp has dropped it, or it cannot be read; what is missing may come by a backup`;
}

/** More would say no more. */
const MAX_WARNINGS = 100;
