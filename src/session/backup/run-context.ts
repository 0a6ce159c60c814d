import { create } from '@bufbuild/protobuf';
import { type Answer, causeOf } from '../../backup/task.js';
import { DomainError } from '../../domain/fault.js';
import { type BackfillRecord, CheckpointSchema, ImportStage } from '../../gen/scrollback/store/v1/record_pb.js';
import type { WorkerPool } from '../../pool.js';
import { putBackfill } from '../../store/backfills.js';
import type { Commit } from '../../store/commit.js';
import type { HistoryStore } from '../../store/history-store.js';
import type { BackupBackfill } from './backup-backfill.js';

/** What a run works with. */
export interface RunContext {
  backfill: BackupBackfill;
  store: HistoryStore;
  pool: WorkerPool;
  /** The encrypted file: the upload, or the file in the drop directory. */
  sourcePath: string;
  maxInflatedBytes: number;
  /** Builds and writes a commit when the session's mailbox comes to it. */
  commit: <T>(build: (commit: Commit) => Promise<T>) => Promise<T>;
  /** Throws STORAGE_FULL when the disk is nearly full. */
  checkSpace: () => Promise<void>;
}

/** The error of a task that did not answer with a result: its fault, with what it met in its thread as the cause. */
export function taskError(answer: Extract<Answer<unknown>, { ok: false }>): DomainError {
  return new DomainError(answer.fault, { cause: causeOf(answer) });
}

/** Where a stage starts: after which id. Undefined when it is over already. */
export function startOf(record: BackfillRecord, stage: ImportStage): number | undefined {
  const at = record.checkpoint?.stage ?? ImportStage.UNSPECIFIED;
  if (at > stage) return undefined;
  return at === stage ? Number(record.checkpoint?.afterId ?? 0n) : 0;
}

/** Sets how far a record says that the import has come. */
export function setCheckpoint(record: BackfillRecord, stage: ImportStage, afterId: number): void {
  record.checkpoint = create(CheckpointSchema, { stage, afterId: BigInt(afterId) });
}

/** Commits a record alone. */
export function commitRecord({ commit }: Pick<RunContext, 'commit'>, record: BackfillRecord): Promise<void> {
  return commit((building) => {
    putBackfill(building, record);
    return Promise.resolve();
  });
}

/** Commits a record alone, and makes it the backfill's. */
export async function saveRecord(
  { backfill, commit }: Pick<RunContext, 'backfill' | 'commit'>,
  record: BackfillRecord,
): Promise<void> {
  await commitRecord({ commit }, record);
  backfill.publish(record);
}
