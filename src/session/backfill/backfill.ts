import { clone, create } from '@bufbuild/protobuf';
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  type BackfillEvent,
  type BackfillKind,
  type BackfillState,
  isTerminal,
  transition,
} from '../../domain/backfill.js';
import type { Fault } from '../../domain/fault.js';
import { makeServerId } from '../../domain/server-id.js';
import type { Status } from '../../gen/google/rpc/status_pb.js';
import { type BackfillRecord, BackfillRecordSchema } from '../../gen/scrollback/store/v1/record_pb.js';
import {
  type Backfill,
  BackfillKind as WireKind,
  BackfillState as WireState,
  SkipReason,
  SkippedRowsSchema,
} from '../../gen/scrollback/v1/backfill_service_pb.js';
import type { MessageCounts } from '../../store/record-live.js';
import { Wakeup } from '../../store/wakeup.js';

/** What a backfill works with. */
export interface BackfillDependencies {
  now: () => number;
  describeFault: (fault: Fault) => Status;
}

/**
 * One backfill while it is not over: its record as it was committed last, and what is known beyond it. Every change is made on a copy
 * (`draft`), which becomes the record when it is durable.
 */
export class LiveBackfill {
  readonly changes = new Wakeup();
  /** Set when somebody asked for it to be cancelled. */
  cancelRequested = false;
  /** Settles when the backfill does not work any more: it ended, or waits for a client. Never rejects. */
  work: Promise<void> | undefined;
  /** Settles when its end is carried out; undefined before that begins, and after it failed. */
  ending: Promise<void> | undefined;
  readonly #dependencies: BackfillDependencies;
  readonly #stop = new AbortController();
  #record: BackfillRecord;

  constructor(record: BackfillRecord, dependencies: BackfillDependencies) {
    this.#record = record;
    this.#dependencies = dependencies;
  }

  get record(): BackfillRecord {
    return this.#record;
  }

  get id(): string {
    return backfillOf(this.#record).backfillId;
  }

  get kind(): BackfillKind {
    return kindOf(this.#record);
  }

  get state(): BackfillState {
    return stateOf(this.#record);
  }

  /** A copy of the record to change. */
  draft(): BackfillRecord {
    return clone(BackfillRecordSchema, this.#record);
  }

  /** Makes a draft the record: it is durable now, or tells what need not be. */
  publish(record: BackfillRecord): void {
    this.#record = record;
    this.changes.wake();
  }

  /** Returns a draft after an event. Throws when the event has no meaning in the present state: an error of ours. */
  after(event: BackfillEvent): BackfillRecord {
    const next = transition(this.state, event);
    if (next === undefined) throw new Error(`a backfill that is ${this.state} cannot have ${event.event}`);
    const record = this.draft();
    const backfill = backfillOf(record);
    backfill.state = WIRE_STATES[next];
    const now = timestampFromMs(this.#dependencies.now());
    if (event.event === 'decrypted') backfill.startTime = now;
    if (isTerminal(next)) backfill.endTime = now;
    if (event.event === 'failed') record.error = this.#dependencies.describeFault(event.fault);
    return record;
  }

  /** True once `stopTasks` was called. */
  get stopped(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Aborts with `stopTasks`. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Stops what runs for it. */
  stopTasks(): void {
    this.#stop.abort();
  }

  /** Gives back what it took beside its record; its record is never written again, but for its end. */
  release(): Promise<void> {
    return Promise.resolve();
  }

  /** The record as it stands, then each change, some at a time; ends with the last one, or when the signal aborts. */
  async *watch(signal: AbortSignal): AsyncGenerator<BackfillRecord, void, undefined> {
    while (!signal.aborted) {
      const change = this.changes.next(signal);
      const record = this.#record;
      yield record;
      // It may have gone on, even to its end, while the other side took its time with this one.
      if (isTerminal(stateOf(record)) || (this.changes.closed && this.#record === record)) return;
      await change;
      await delay(WATCH_PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** Makes the record of a backfill that begins now. */
export function newRecord(
  backfill: { sessionId: string; kind: BackfillKind; state: BackfillState; requestId: string; fileName?: string },
  nowMs: number,
): BackfillRecord {
  const { sessionId, kind, state, requestId, fileName = '' } = backfill;
  return create(BackfillRecordSchema, {
    backfill: {
      backfillId: makeServerId(nowMs, randomBytes(16)),
      sessionId,
      kind: WIRE_KINDS[kind],
      state: WIRE_STATES[state],
      requestId,
      fileName,
      createTime: timestampFromMs(nowMs),
    },
  });
}

/** The public part of a record, which every record has. */
export function backfillOf(record: BackfillRecord): Backfill {
  if (record.backfill === undefined) throw new Error('a backfill record has no backfill');
  return record.backfill;
}

/** Adds what became of messages that the link brought. */
export function countMessages(shown: Backfill, { added, updated, unchanged, refused }: MessageCounts): void {
  shown.rowsRead += BigInt(added + updated + unchanged + refused);
  shown.messagesAdded += BigInt(added);
  shown.messagesUpdated += BigInt(updated);
  shown.messagesUnchanged += BigInt(unchanged);
  countSkipped(shown, SkipReason.DELETED, refused);
}

/** Adds to the rows that are not messages, for one reason. */
export function countSkipped({ rowsSkipped }: Backfill, reason: SkipReason, count: number): void {
  if (count === 0) return;
  const known = rowsSkipped.find((entry) => entry.reason === reason);
  if (known === undefined) rowsSkipped.push(create(SkippedRowsSchema, { reason, count: BigInt(count) }));
  else known.count += BigInt(count);
  rowsSkipped.sort((a, b) => a.reason - b.reason);
}

/** The state of a record. */
export function stateOf(record: BackfillRecord): BackfillState {
  const wire = backfillOf(record).state;
  for (const [state, value] of Object.entries(WIRE_STATES)) {
    // Safety: the keys of WIRE_STATES are the states.
    if (value === wire) return state as BackfillState;
  }
  throw new Error('a backfill record has no state');
}

/** The kind of a record. Those that were made before there were kinds are of backups. */
export function kindOf(record: BackfillRecord): BackfillKind {
  return kindOfWire(backfillOf(record).kind);
}

/** The kind of a number of the wire; that of none is a backup. */
export function kindOfWire(wire: WireKind): BackfillKind {
  // Safety: the keys of WIRE_KINDS are the kinds.
  const kinds = Object.entries(WIRE_KINDS) as [BackfillKind, WireKind][];
  return kinds.find(([, value]) => value === wire)?.[0] ?? 'backup';
}

/** The wire's number of a state. */
export const WIRE_STATES: Record<BackfillState, WireState> = {
  uploading: WireState.UPLOADING,
  'awaiting-key': WireState.AWAITING_KEY,
  decrypting: WireState.DECRYPTING,
  importing: WireState.IMPORTING,
  waiting: WireState.WAITING,
  succeeded: WireState.SUCCEEDED,
  failed: WireState.FAILED,
  cancelled: WireState.CANCELLED,
};

/** The wire's number of a kind. */
export const WIRE_KINDS: Record<BackfillKind, WireKind> = {
  backup: WireKind.BACKUP,
  'history-sync': WireKind.HISTORY_SYNC,
  directory: WireKind.DIRECTORY,
  'older-messages': WireKind.OLDER_MESSAGES,
  reconciliation: WireKind.RECONCILIATION,
};

/** Changes come faster than anybody can look: so many ms are between two of them at least. */
const WATCH_PAUSE_MS = 200;
