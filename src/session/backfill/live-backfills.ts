import { create } from '@bufbuild/protobuf';
import { type BackfillKind, isTerminal } from '../../domain/backfill.js';
import { DomainError } from '../../domain/fault.js';
import { type BackfillRecord, BackfillPointerSchema } from '../../gen/scrollback/store/v1/record_pb.js';
import { putBackfill } from '../../store/backfills.js';
import type { Registry } from '../../store/registry.js';
import { backfillOf, kindOf, type LiveBackfill, WIRE_KINDS } from './backfill.js';
import { BackfillFiles } from '../backup/backfill-files.js';
import type { Session } from '../session.js';

/** The backfills that are not over, of all sessions and kinds: at most one of a kind in each session. */
export class LiveBackfills {
  readonly #registry: Registry;
  readonly #byId = new Map<string, { backfill: LiveBackfill; session: Session }>();
  /** Kinds of which one is being made, by session: the second of two at once must be refused. */
  readonly #creating = new Map<string, Set<BackfillKind>>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** One by its id; undefined when it is over or never was. */
  find(backfillId: string): { backfill: LiveBackfill; session: Session } | undefined {
    return this.#byId.get(backfillId);
  }

  /** Those of a session, of one kind if one is named; an import of a backup before the others. */
  of(session: Session, kind?: BackfillKind): LiveBackfill[] {
    const found = [...this.#byId.values()].filter((live) => live.session === session).map(({ backfill }) => backfill);
    const wanted = found.filter((backfill) => kind === undefined || backfill.kind === kind);
    return wanted.sort((a, b) => Number(b.kind === 'backup') - Number(a.kind === 'backup'));
  }

  /** All of them. */
  all(): LiveBackfill[] {
    return [...this.#byId.values()].map(({ backfill }) => backfill);
  }

  /** The record as it stands: one that lives may have come further than what was read of it. */
  newest(record: BackfillRecord): BackfillRecord {
    return this.#byId.get(backfillOf(record).backfillId)?.backfill.record ?? record;
  }

  /** Runs `make` unless the session has one of the kind, or is making one. */
  async make<T>(session: Session, kind: BackfillKind, make: () => Promise<T>): Promise<T> {
    const { sessionId } = session.record;
    // One that has just ended is seen to have before the last of it is gone.
    const running = this.of(session, kind).find(({ state }) => !isTerminal(state));
    if (running !== undefined) throw new DomainError({ reason: 'BACKFILL_RUNNING', sessionId, backfillId: running.id });
    const creating = this.#creating.get(sessionId) ?? new Set();
    if (creating.has(kind)) throw new DomainError({ reason: 'SESSION_UNAVAILABLE', sessionId });
    this.#creating.set(sessionId, creating.add(kind));
    try {
      // In use, so that a deletion of the session waits until all of it is there or nothing.
      return await session.use(() => make());
    } finally {
      creating.delete(kind);
      if (creating.size === 0) this.#creating.delete(sessionId);
    }
  }

  /** Makes a new record durable, with what finds it after a restart; `before` is done between the two. */
  async keep(record: BackfillRecord, session: Session, before = (): Promise<void> => Promise.resolve()): Promise<void> {
    const { backfillId } = backfillOf(record);
    // First the pointer: one without a record is forgotten at the next start, a record without one would never be resumed.
    await this.#putPointer(backfillId, session, { active: true, kind: kindOf(record) });
    try {
      await before();
      await session.commit((commit) => {
        putBackfill(commit, record);
        return Promise.resolve();
      });
      if (session.closed) throw new DomainError({ reason: 'SHUTTING_DOWN' });
    } catch (error) {
      await this.forget(backfillId, session, kindOf(record));
      throw error;
    }
  }

  /** From now on it is found here. */
  add(backfill: LiveBackfill, session: Session): void {
    this.#byId.set(backfill.id, { backfill, session });
  }

  /** It has ended. */
  async remove(backfill: LiveBackfill, session: Session): Promise<void> {
    this.#byId.delete(backfill.id);
    await this.#putPointer(backfill.id, session, { active: false, kind: backfill.kind });
  }

  /** Lets the next start look for it no more, and removes what it may have left. */
  async forget(backfillId: string, session: Session, kind: BackfillKind): Promise<void> {
    await new BackfillFiles(session.directory, backfillId).remove();
    await this.#putPointer(backfillId, session, { active: false, kind });
  }

  async #putPointer(
    backfillId: string,
    { record: { sessionId } }: Session,
    { active, kind }: { active: boolean; kind: BackfillKind },
  ): Promise<void> {
    const pointer = create(BackfillPointerSchema, { sessionId, active, kind: WIRE_KINDS[kind] });
    await this.#registry.putPointer(backfillId, pointer);
  }
}
