import { statfs } from 'node:fs/promises';
import { probeBackup } from '../../backup/container/probe.js';
import { isDiskFull } from '../../domain/disk-full.js';
import { type BackupFault, DomainError, type Fault } from '../../domain/fault.js';
import type { BackfillRecord } from '../../gen/scrollback/store/v1/record_pb.js';
import type { Logger } from '../../log.js';
import type { WorkerPool } from '../../pool.js';
import { backfillOf, type BackfillDependencies } from '../backfill/backfill.js';
import { BackfillEnds, type OnEnded } from '../backfill/backfill-ends.js';
import { HEAD_BYTES, readHead } from './backfill-files.js';
import { runBackfill } from './backfill-run.js';
import type { BackupBackfill } from './backup-backfill.js';
import type { DropDirectory } from './drop-directory.js';
import { saveRecord } from './run-context.js';
import type { Session } from '../session.js';

/** What the work needs. */
export interface WorkDependencies extends BackfillDependencies {
  log: Logger;
  pool: WorkerPool;
  dataDirectory: string;
  maxInflatedBytes: number;
  minFreeBytes: number;
}

/** Runs backfills of backups to their end. */
export class BackfillWork {
  readonly #dependencies: WorkDependencies;
  readonly #drop: DropDirectory;
  readonly #stopping = new AbortController();
  readonly #ends: BackfillEnds;

  constructor(dependencies: WorkDependencies, drop: DropDirectory, onEnded: OnEnded) {
    this.#dependencies = dependencies;
    this.#drop = drop;
    this.#ends = new BackfillEnds(dependencies, this.#stopping.signal, onEnded);
  }

  /** Starts or goes on with a backfill whose file is complete. Its promise is `backfill.work`. */
  start(backfill: BackupBackfill, session: Session): void {
    backfill.work = this.#run(backfill, session).catch((error: unknown) => {
      this.#dependencies.log.error(
        { backfillId: backfill.id, err: error },
        'the end of a backfill was not carried out; the next start does it',
      );
    });
  }

  /**
   * Takes up a backfill that was not over when the process ended: a decrypted or plain file goes on by itself, any other waits for its
   * key, which was in memory only. One without the bytes that it had was cancelled, on a disk that was too full to record it.
   */
  async resumeAfterRestart(backfill: BackupBackfill, session: Session): Promise<void> {
    if (!backfill.record.decrypted) {
      const total = Number(backfillOf(backfill.record).totalSize);
      // Only that it is not there says so: what cannot be read at the moment is not to be removed.
      const head = await readHead(this.sourcePath(backfill), HEAD_BYTES).catch((error: unknown) =>
        isMissing(error) ? undefined : Buffer.alloc(0),
      );
      if (head === undefined && backfill.record.dropFile === '' && backfillOf(backfill.record).committedSize > 0n) {
        await this.fail(backfill, session, { reason: 'CANCELLED' });
        return;
      }
      if (probeBackup(head ?? Buffer.alloc(0), total, undefined).answer !== 'ok') {
        await this.save(backfill, session, backfill.after({ event: 'key-lost' }));
        return;
      }
      if (backfill.state === 'awaiting-key') {
        const given = backfill.after({ event: 'key-given', uploadComplete: backfill.uploadComplete });
        await this.save(backfill, session, given);
      }
    }
    if (backfill.state !== 'uploading') this.start(backfill, session);
  }

  /** Stops all work and waits for it. */
  async stop(backfills: BackupBackfill[]): Promise<void> {
    this.#stopping.abort();
    for (const backfill of backfills) {
      backfill.stopTasks();
      backfill.changes.close();
    }
    await Promise.all(backfills.map(async ({ work }) => work));
    for (const backfill of backfills) backfill.wipeKey();
  }

  /** Ends a backfill that somebody does not want, and waits until its files are gone. */
  cancel(backfill: BackupBackfill, session: Session): Promise<void> {
    return this.#ends.cancel(backfill, session);
  }

  /** Ends a backfill whose backup cannot be imported. */
  fail(backfill: BackupBackfill, session: Session, fault: BackupFault): Promise<void> {
    return this.#ends.fail(backfill, session, fault);
  }

  /** Commits a record alone. */
  save(backfill: BackupBackfill, session: Session, record: BackfillRecord): Promise<void> {
    return saveRecord({ backfill, commit: (build) => session.commit(build) }, record);
  }

  /** Where the encrypted file of a backfill lies. */
  sourcePath(backfill: BackupBackfill): string {
    const { dropFile } = backfill.record;
    return dropFile === '' ? backfill.files.uploadPath : this.#drop.pathOf(dropFile);
  }

  /** Throws STORAGE_FULL when the disk would have less room than the floor after `bytes` more. */
  async checkSpace(bytes: number): Promise<void> {
    const { dataDirectory, minFreeBytes } = this.#dependencies;
    const { bavail, bsize } = await statfs(dataDirectory);
    if (bavail * bsize - bytes < minFreeBytes) throw new DomainError({ reason: 'STORAGE_FULL' });
  }

  async #run(backfill: BackupBackfill, session: Session): Promise<void> {
    const { log } = this.#dependencies;
    const ids = { sessionId: session.record.sessionId, backfillId: backfill.id };
    let done: BackfillRecord | undefined;
    for (let attempt = 1; done === undefined; attempt++) {
      try {
        done = await session.use((store) =>
          runBackfill({
            backfill,
            store,
            pool: this.#dependencies.pool,
            sourcePath: this.sourcePath(backfill),
            maxInflatedBytes: this.#dependencies.maxInflatedBytes,
            commit: (build) => session.commit(build),
            checkSpace: () => this.checkSpace(0),
          }),
        );
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        const passes = reasonOf(error) === 'SESSION_UNAVAILABLE' && !isDiskFull(error);
        if (passes && attempt < MAX_ATTEMPTS && !backfill.cancelRequested) {
          log.warn({ ...ids, err: error }, 'backfill interrupted; it goes on from its checkpoint');
          await this.#ends.untilRetry(session);
          if (await this.#ends.reload(backfill, session)) return;
          continue;
        }
        const fault = backfill.cancelRequested ? CANCELLED : endingOf(error);
        if (fault.reason === 'INTERNAL') log.error({ ...ids, err: error }, 'backfill failed for an unknown reason');
        await this.#ends.failSurely(backfill, session, fault);
        log.info({ ...ids, reason: fault.reason }, 'backfill ended');
        return;
      }
    }
    const { messagesAdded, messagesUpdated, rowsRead } = backfillOf(done);
    log.info({ ...ids, messagesAdded, messagesUpdated, rowsRead }, 'backfill succeeded');
    await this.#ends.close(backfill, session, done);
  }
}

function reasonOf(error: unknown): Fault['reason'] | undefined {
  return error instanceof DomainError ? error.fault.reason : undefined;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** Why a backfill fails, for what was thrown. */
function endingOf(error: unknown): BackupFault {
  if (error instanceof DomainError && isBackupFault(error.fault)) return error.fault;
  return isDiskFull(error) ? { reason: 'STORAGE_FULL' } : { reason: 'INTERNAL' };
}

function isBackupFault(fault: Fault): fault is BackupFault {
  return BACKUP_FAULTS.has(fault.reason);
}

const CANCELLED: BackupFault = { reason: 'CANCELLED' };

const BACKUP_FAULTS: ReadonlySet<string> = new Set<BackupFault['reason']>([
  'WRONG_KEY',
  'WRONG_KEY_OR_DAMAGED',
  'KEY_REQUIRED',
  'KEY_MALFORMED',
  'KEY_KIND_MISMATCH',
  'PASSWORD_PROTECTED',
  'PASSKEY_PROTECTED',
  'DAMAGED',
  'TRUNCATED',
  'NOT_A_BACKUP',
  'OTHER_BACKUP',
  'INCREMENTAL_BACKUP',
  'SCHEMA_NOT_SUPPORTED',
  'BACKUP_TOO_LARGE',
  'BACKUP_STALLED',
  'STORAGE_FULL',
  'CANCELLED',
  'INTERNAL',
]);

/** As often is a store opened anew for one backfill before it fails. */
const MAX_ATTEMPTS = 4;
