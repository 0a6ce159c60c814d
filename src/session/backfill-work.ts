import { statfs } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { probeBackup } from '../backup/container/probe.js';
import { isTerminal } from '../domain/backfill.js';
import { isDiskFull } from '../domain/disk-full.js';
import { type BackupFault, DomainError } from '../domain/fault.js';
import type { BackfillRecord } from '../gen/scrollback/store/v1/record_pb.js';
import type { Logger } from '../log.js';
import type { WorkerPool } from '../pool.js';
import { backfillOf, type BackfillDependencies, type LiveBackfill, stateOf } from './backfill.js';
import { HEAD_BYTES, readHead } from './backfill-files.js';
import { runBackfill } from './backfill-run.js';
import type { DropDirectory } from './drop-directory.js';
import { commitRecord, saveRecord } from './run-context.js';
import type { Session } from './session.js';

/** What the work needs. */
export interface WorkDependencies extends BackfillDependencies {
  log: Logger;
  pool: WorkerPool;
  dataDirectory: string;
  maxInflatedBytes: number;
  minFreeBytes: number;
}

/** Runs backfills to their end, whatever it is, and sees to it that nothing is left of them. */
export class BackfillWork {
  readonly #dependencies: WorkDependencies;
  readonly #drop: DropDirectory;
  readonly #onEnded: (backfill: LiveBackfill, session: Session) => Promise<void>;
  readonly #stopping = new AbortController();

  constructor(
    dependencies: WorkDependencies,
    drop: DropDirectory,
    onEnded: (backfill: LiveBackfill, session: Session) => Promise<void>,
  ) {
    this.#dependencies = dependencies;
    this.#drop = drop;
    this.#onEnded = onEnded;
  }

  /** Starts or goes on with a backfill whose file is complete. Its promise is `backfill.work`. */
  start(backfill: LiveBackfill, session: Session): void {
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
  async resumeAfterRestart(backfill: LiveBackfill, session: Session): Promise<void> {
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
  async stop(backfills: LiveBackfill[]): Promise<void> {
    this.#stopping.abort();
    for (const backfill of backfills) {
      backfill.stopTasks();
      backfill.changes.close();
    }
    await Promise.all(backfills.map(async ({ work }) => work));
    for (const backfill of backfills) backfill.wipeKey();
  }

  /** Ends a backfill that somebody does not want, and waits until its files are gone. */
  async cancel(backfill: LiveBackfill, session: Session): Promise<void> {
    backfill.cancelRequested = true;
    backfill.stopTasks();
    await backfill.work;
    // One that waited for a client has nobody else to end it.
    if (isTerminal(backfill.state)) return;
    const end = () => this.#end(backfill, session, backfill.after({ event: 'cancelled' }));
    await end().catch(async (error: unknown) => {
      if (!isDiskFull(error)) throw error;
      // Nobody wants its files any more, and they may be what fills the disk: LevelDB needs room even to be opened.
      await backfill.files.remove();
      await this.#untilRetry(session);
      await end();
    });
  }

  /** Ends a backfill whose backup cannot be imported. */
  async fail(backfill: LiveBackfill, session: Session, fault: BackupFault): Promise<void> {
    if (isTerminal(backfill.state)) return;
    const record =
      fault.reason === 'CANCELLED'
        ? backfill.after({ event: 'cancelled' })
        : backfill.after({ event: 'failed', fault });
    await this.#end(backfill, session, record);
  }

  /** Commits a record alone. */
  save(backfill: LiveBackfill, session: Session, record: BackfillRecord): Promise<void> {
    return saveRecord({ backfill, commit: (build) => session.commit(build) }, record);
  }

  /** Where the encrypted file of a backfill lies. */
  sourcePath(backfill: LiveBackfill): string {
    const { dropFile } = backfill.record;
    return dropFile === '' ? backfill.files.uploadPath : this.#drop.pathOf(dropFile);
  }

  /** Throws STORAGE_FULL when the disk would have less room than the floor after `bytes` more. */
  async checkSpace(bytes: number): Promise<void> {
    const { dataDirectory, minFreeBytes } = this.#dependencies;
    const { bavail, bsize } = await statfs(dataDirectory);
    if (bavail * bsize - bytes < minFreeBytes) throw new DomainError({ reason: 'STORAGE_FULL' });
  }

  async #run(backfill: LiveBackfill, session: Session): Promise<void> {
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
        const fault = faultOf(error);
        const passes = fault?.reason === 'SESSION_UNAVAILABLE' && !isDiskFull(error);
        if (passes && attempt < MAX_ATTEMPTS && !backfill.cancelRequested) {
          log.warn({ ...ids, err: error }, 'backfill interrupted; it goes on from its checkpoint');
          await this.#untilRetry(session);
          done = await this.#reload(backfill, session);
          continue;
        }
        if (fault === undefined) log.error({ ...ids, err: error }, 'backfill failed for an unknown reason');
        const ending = endingOf(fault, error);
        await this.#failSurely(backfill, session, backfill.cancelRequested ? { reason: 'CANCELLED' } : ending);
        log.info({ ...ids, reason: ending.reason }, 'backfill ended');
        return;
      }
    }
    const { messagesAdded, messagesUpdated, rowsRead } = backfillOf(done);
    log.info({ ...ids, messagesAdded, messagesUpdated, rowsRead }, 'backfill succeeded');
    await this.#close(backfill, session, done);
  }

  /**
   * After a failed write, what is in the database counts, not what was in memory. Returns the record when it is that of the end: the write
   * that failed was then the last one, and it is durable all the same.
   */
  async #reload(backfill: LiveBackfill, session: Session): Promise<BackfillRecord | undefined> {
    const record = await session.use((store) => store.getBackfill(backfill.id)).catch(() => undefined);
    if (record === undefined) return undefined;
    if (isTerminal(stateOf(record))) return record;
    backfill.publish(record);
    return undefined;
  }

  /**
   * Ends a backfill also when its store cannot be written at the moment: else nobody could follow it to its end, or make another one.
   * What it took of the disk is given back first, because LevelDB needs room even to be opened. Until its end is recorded it is shown as
   * it was committed last: one that was told and then lost in a crash would come back to life.
   */
  async #failSurely(backfill: LiveBackfill, session: Session, fault: BackupFault): Promise<void> {
    for (;;) {
      try {
        await this.fail(backfill, session, fault);
        return;
      } catch (error) {
        if (this.#stopping.signal.aborted || session.closed) throw error;
        this.#dependencies.log.warn({ backfillId: backfill.id, err: error }, 'the end of a backfill is recorded later');
        await backfill.files.remove();
        await this.#untilRetry(session);
      }
    }
  }

  /** Waits until the session's store may be tried again, at least a moment. */
  async #untilRetry(session: Session): Promise<void> {
    const pauseMs = Math.max(RETRY_MS, session.retryAtMs - this.#dependencies.now() + 1);
    await delay(pauseMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }

  /** Ends a backfill by a record of its end; who comes while it ends waits for that end. */
  #end(backfill: LiveBackfill, session: Session, record: BackfillRecord): Promise<void> {
    backfill.ending ??= this.#recordEnd(backfill, session, record).catch((error: unknown) => {
      backfill.ending = undefined;
      throw error;
    });
    return backfill.ending;
  }

  async #recordEnd(backfill: LiveBackfill, session: Session, record: BackfillRecord): Promise<void> {
    await commitRecord({ commit: (build) => session.commit(build) }, record);
    await this.#close(backfill, session, record);
  }

  /**
   * Lets go of a backfill whose end is durable: its files go, and then the end is shown, so that whoever sees it finds nothing left. The
   * order is that of a crash, too. Files that outlive the record of the end are removed at the next start; a backfill that is not over
   * and has lost its files could not go on.
   */
  async #close(backfill: LiveBackfill, session: Session, record: BackfillRecord): Promise<void> {
    backfill.wipeKey();
    try {
      await backfill.files.remove();
    } finally {
      backfill.publish(record);
      backfill.changes.close();
    }
    await this.#onEnded(backfill, session);
  }
}

function faultOf(error: unknown): DomainError['fault'] | undefined {
  return error instanceof DomainError ? error.fault : undefined;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** Why a backfill fails, for what was thrown. */
function endingOf(fault: DomainError['fault'] | undefined, error: unknown): BackupFault {
  if (fault !== undefined && isBackupFault(fault)) return fault;
  return isDiskFull(error) ? { reason: 'STORAGE_FULL' } : { reason: 'INTERNAL' };
}

function isBackupFault(fault: DomainError['fault']): fault is BackupFault {
  return BACKUP_FAULTS.has(fault.reason);
}

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

/** A store that failed says itself when it may be tried again; this keeps anything else from being tried without a pause. */
const RETRY_MS = 50;

/** As often is a store opened anew for one backfill before it fails. */
const MAX_ATTEMPTS = 4;
