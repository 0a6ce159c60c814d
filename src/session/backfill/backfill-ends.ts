import { setTimeout as delay } from 'node:timers/promises';
import { isTerminal } from '../../domain/backfill.js';
import { isDiskFull } from '../../domain/disk-full.js';
import type { Fault } from '../../domain/fault.js';
import type { BackfillRecord } from '../../gen/scrollback/store/v1/record_pb.js';
import type { Logger } from '../../log.js';
import { type LiveBackfill, stateOf } from './backfill.js';
import { commitRecord } from '../backup/run-context.js';
import type { Session } from '../session.js';

/** Called when an end is carried out. */
export type OnEnded = (backfill: LiveBackfill, session: Session) => Promise<void>;

/** Ends backfills of every kind, whatever the end is, and sees to it that nothing is left of them. */
export class BackfillEnds {
  readonly #dependencies: { now: () => number; log: Logger };
  readonly #onEnded: OnEnded;
  readonly #stopping: AbortSignal;

  /** `stopping` aborts when all work is to stop where it stands. */
  constructor(dependencies: { now: () => number; log: Logger }, stopping: AbortSignal, onEnded: OnEnded) {
    this.#dependencies = dependencies;
    this.#stopping = stopping;
    this.#onEnded = onEnded;
  }

  /** Ends a backfill that somebody does not want, and waits until nothing is left of it. */
  async cancel(backfill: LiveBackfill, session: Session): Promise<void> {
    backfill.cancelRequested = true;
    backfill.stopTasks();
    await backfill.work;
    // One that waited for a client has nobody else to end it.
    if (isTerminal(backfill.state)) return;
    const end = () => this.end(backfill, session, backfill.after({ event: 'cancelled' }));
    await end().catch(async (error: unknown) => {
      if (!isDiskFull(error)) throw error;
      // Nobody wants its files any more, and they may be what fills the disk: LevelDB needs room even to be opened.
      await backfill.release();
      await this.untilRetry(session);
      await end();
    });
  }

  /** Ends a backfill that cannot go on; CANCELLED is an end of its own. */
  async fail(backfill: LiveBackfill, session: Session, fault: Fault): Promise<void> {
    if (isTerminal(backfill.state)) return;
    const record =
      fault.reason === 'CANCELLED'
        ? backfill.after({ event: 'cancelled' })
        : backfill.after({ event: 'failed', fault });
    await this.end(backfill, session, record);
  }

  /**
   * Ends a backfill also when its store cannot be written at the moment: else nobody could follow it to its end, or make another one.
   * What it took of the disk is given back first, because LevelDB needs room even to be opened. Until its end is recorded it is shown as
   * it was committed last: one that was told and then lost in a crash would come back to life.
   */
  async failSurely(backfill: LiveBackfill, session: Session, fault: Fault): Promise<void> {
    for (;;) {
      try {
        await this.fail(backfill, session, fault);
        return;
      } catch (error) {
        if (this.#stopping.aborted || session.closed) throw error;
        this.#dependencies.log.warn({ backfillId: backfill.id, err: error }, 'the end of a backfill is recorded later');
        await backfill.release();
        await this.untilRetry(session);
      }
    }
  }

  /**
   * After a failed write, what is in the database counts, not what was in memory. True when that is the end: the write that failed was then
   * the last one, is durable all the same, and is carried out here.
   */
  async reload(backfill: LiveBackfill, session: Session): Promise<boolean> {
    const record = await session.use((store) => store.getBackfill(backfill.id)).catch(() => undefined);
    if (record === undefined) return false;
    if (!isTerminal(stateOf(record))) {
      backfill.publish(record);
      return false;
    }
    await this.close(backfill, session, record);
    return true;
  }

  /** Waits until the session's store may be tried again, at least a moment. */
  async untilRetry(session: Session): Promise<void> {
    const pauseMs = Math.max(RETRY_MS, session.retryAtMs - this.#dependencies.now() + 1);
    await delay(pauseMs, undefined, { signal: this.#stopping }).catch(() => undefined);
  }

  /**
   * Lets go of a backfill whose end is durable: its files go, and then the end is shown, so that whoever sees it finds nothing left. The
   * order is that of a crash, too. Files that outlive the record of the end are removed at the next start; a backfill that is not over
   * and has lost its files could not go on.
   */
  async close(backfill: LiveBackfill, session: Session, record: BackfillRecord): Promise<void> {
    try {
      await backfill.release();
    } finally {
      backfill.publish(record);
      backfill.changes.close();
    }
    await this.#onEnded(backfill, session);
  }

  /** Ends a backfill by a record of its end; who comes while it ends waits for that end. */
  end(backfill: LiveBackfill, session: Session, record: BackfillRecord): Promise<void> {
    backfill.ending ??= this.#recordEnd(backfill, session, record).catch((error: unknown) => {
      backfill.ending = undefined;
      throw error;
    });
    return backfill.ending;
  }

  async #recordEnd(backfill: LiveBackfill, session: Session, record: BackfillRecord): Promise<void> {
    await commitRecord({ commit: (build) => session.commit(build) }, record);
    await this.close(backfill, session, record);
  }
}

/** A store that failed says itself when it may be tried again; this keeps anything else from being tried without a pause. */
const RETRY_MS = 50;
