import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { LinkBackfillKind } from '../../domain/backfill.js';
import { isDiskFull } from '../../domain/disk-full.js';
import { DomainError, type Fault, invalidArgument } from '../../domain/fault.js';
import { LinkLost } from '../../domain/link-lost.js';
import type { BackfillRecord } from '../../gen/scrollback/store/v1/record_pb.js';
import type { Logger } from '../../log.js';
import { type BackfillDependencies, backfillOf, LiveBackfill, newRecord } from './backfill.js';
import { BackfillEnds } from './backfill-ends.js';
import type { LinkConnection } from '../link/link.js';
import { type LinkOfSession, LinkRun, notConnected } from './link-run.js';
import type { LiveBackfills } from './live-backfills.js';
import type { Session } from '../session.js';
import type { NewBackfill } from '../sessions.js';

/** Finds the link of a session. */
export type FindLink = (session: Session) => LinkOfSession;

/**
 * What a kind of backfill does: resolves when all of it is committed, and throws a `DomainError` with the fault that it fails with. It is
 * begun anew, with the record as it was committed last, after a restart and after each loss of the connection (`LinkLost`).
 */
export type LinkWork = (run: LinkRun) => Promise<void>;

/** What backfills of links work with. */
export interface LinkBackfillsDependencies extends BackfillDependencies {
  log: Logger;
}

/** The backfills that sessions' links carry out. What each kind does is its `LinkWork`; here is what they have in common. */
export class LinkBackfills {
  readonly #dependencies: LinkBackfillsDependencies;
  readonly #live: LiveBackfills;
  readonly #findLink: FindLink;
  readonly #works: Partial<Record<LinkBackfillKind, LinkWork>>;
  readonly #stopping = new AbortController();
  readonly #ends: BackfillEnds;

  constructor(
    dependencies: LinkBackfillsDependencies,
    live: LiveBackfills,
    findLink: FindLink,
    works: Partial<Record<LinkBackfillKind, LinkWork>>,
  ) {
    this.#dependencies = dependencies;
    this.#live = live;
    this.#findLink = findLink;
    this.#works = works;
    const onEnded = (backfill: LiveBackfill, session: Session) => live.remove(backfill, session);
    this.#ends = new BackfillEnds(dependencies, this.#stopping.signal, onEnded);
  }

  /**
   * Makes a backfill that somebody asked for, and starts it. `describe` adds to the record what its kind must know. Throws
   * LINK_NOT_CONNECTED when the session is not connected, and BACKFILL_RUNNING when it has one of the kind.
   */
  create(
    { requestId, key }: NewBackfill,
    kind: LinkBackfillKind,
    session: Session,
    describe = (_record: BackfillRecord): void => undefined,
  ): Promise<BackfillRecord> {
    return this.#live.make(session, kind, async () => {
      if (key !== undefined) invalidArgument('key', 'is only for a backup');
      const link = this.#findLink(session);
      if (link.connection === undefined) throw notConnected(session, link);
      const { sessionId } = session.record;
      const record = newRecord({ sessionId, kind, state: 'importing', requestId }, this.#dependencies.now());
      describe(record);
      return (await this.#keep(record, kind, session)).record;
    });
  }

  /** Makes one that nobody asked for, and starts it. Throws BACKFILL_RUNNING when the session has one of the kind. */
  open(kind: LinkBackfillKind, session: Session): Promise<LiveBackfill> {
    return this.#live.make(session, kind, () => {
      const { sessionId } = session.record;
      const record = newRecord({ sessionId, kind, state: 'importing', requestId: '' }, this.#dependencies.now());
      return this.#keep(record, kind, session);
    });
  }

  /** Takes up one that was not over when the process ended: it goes on when the link is connected. */
  recover(record: BackfillRecord, kind: LinkBackfillKind, session: Session): void {
    this.#start(record, kind, session);
  }

  /** Stops all work where it stands; the records stay as they were committed. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const backfills = this.#live.all().filter(({ kind }) => kind !== 'backup');
    for (const backfill of backfills) {
      backfill.stopTasks();
      backfill.changes.close();
    }
    await Promise.all(backfills.map(async ({ work }) => work));
  }

  cancel(backfill: LiveBackfill, session: Session): Promise<void> {
    return this.#ends.cancel(backfill, session);
  }

  async #keep(record: BackfillRecord, kind: LinkBackfillKind, session: Session): Promise<LiveBackfill> {
    await this.#live.keep(record, session);
    const { sessionId, backfillId } = backfillOf(record);
    this.#dependencies.log.info({ sessionId, backfillId, kind }, 'backfill created');
    return this.#start(record, kind, session);
  }

  #start(record: BackfillRecord, kind: LinkBackfillKind, session: Session): LiveBackfill {
    const work = this.#works[kind];
    if (work === undefined) throw new Error(`this version has no backfills of the kind ${kind}`);
    const backfill = new LiveBackfill(record, this.#dependencies);
    const shown = backfillOf(record);
    shown.startTime ??= timestampFromMs(this.#dependencies.now());
    this.#live.add(backfill, session);
    const ids = { sessionId: session.record.sessionId, backfillId: backfill.id };
    backfill.work = this.#run(backfill, work, session).catch((error: unknown) => {
      this.#dependencies.log.error(
        { ...ids, err: error },
        'the end of a backfill was not carried out; the next start does it',
      );
    });
    return backfill;
  }

  async #run(backfill: LiveBackfill, work: LinkWork, session: Session): Promise<void> {
    const { log } = this.#dependencies;
    const ids = { sessionId: session.record.sessionId, backfillId: backfill.id };
    let lost: LinkConnection | undefined;
    for (let failures = 0; !backfill.stopped;) {
      const run = new LinkRun({ backfill, session, link: this.#findLink(session), lost });
      try {
        await orAborted(work(run), backfill.signal);
        const done = backfill.after({ event: 'imported' });
        backfillOf(done).progressPercent = 100;
        await this.#ends.end(backfill, session, done);
        log.info(ids, 'backfill succeeded');
        return;
      } catch (error) {
        // Whoever stopped it ends it, or leaves it to the next start.
        if (backfill.stopped) return;
        if (error instanceof LinkLost) {
          lost = run.used;
          log.info(ids, 'a backfill goes on when the link is back');
        } else if (isPassing(error) && ++failures < MAX_FAILURES) {
          log.warn({ ...ids, err: error }, 'backfill interrupted; it goes on from what was committed');
          await this.#ends.untilRetry(session);
          if (await this.#ends.reload(backfill, session)) return;
        } else {
          const fault = faultOf(error);
          if (fault.reason === 'INTERNAL') log.error({ ...ids, err: error }, 'backfill failed for an unknown reason');
          await this.#ends.failSurely(backfill, session, fault);
          log.info({ ...ids, reason: fault.reason }, 'backfill ended');
          return;
        }
      }
    }
  }
}

/** What `work` comes to, or a rejection as soon as the signal aborts. What goes on behind it then can commit nothing. */
async function orAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = (): void => reject(new Error('stopped'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop);
  });
  work.catch(() => undefined);
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Whether the session's store may be usable again in a moment. */
function isPassing(error: unknown): boolean {
  return error instanceof DomainError && error.fault.reason === 'SESSION_UNAVAILABLE' && !isDiskFull(error);
}

function faultOf(error: unknown): Fault {
  if (isDiskFull(error)) return { reason: 'STORAGE_FULL' };
  return error instanceof DomainError ? error.fault : { reason: 'INTERNAL' };
}

/** As often is a store opened anew for one backfill before it fails. */
const MAX_FAILURES = 4;
