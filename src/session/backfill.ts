import { clone } from '@bufbuild/protobuf';
import { setTimeout as delay } from 'node:timers/promises';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { control, makeControl } from '../backup/task.js';
import { type BackfillEvent, type BackfillState, isTerminal, transition } from '../domain/backfill.js';
import { type BackupFault, DomainError, type Fault } from '../domain/fault.js';
import type { Status } from '../gen/google/rpc/status_pb.js';
import { type BackfillRecord, BackfillRecordSchema } from '../gen/scrollback/store/v1/record_pb.js';
import { type Backfill, BackfillState as WireState } from '../gen/scrollback/v1/backfill_service_pb.js';
import { Wakeup } from '../store/wakeup.js';
import type { BackfillFiles } from './backfill-files.js';

/** How the outside world comes in. */
export interface BackfillDependencies {
  now: () => number;
  describeFault: (fault: Fault) => Status;
}

/**
 * One backfill while it is not over: its record as it was committed last, what is known beyond it, its key, and the flag that stops
 * its tasks. Every change is made on a copy (`draft`), which becomes the record when it is durable.
 */
export class LiveBackfill {
  readonly files: BackfillFiles;
  readonly changes = new Wakeup();
  readonly control = makeControl();
  /** The bytes of the key as the client gave them; wiped as soon as they are not needed. */
  key: Uint8Array | undefined;
  /** True while a client has the upload open. */
  uploadOpen = false;
  /** Set when somebody asked for it to be cancelled. */
  cancelRequested = false;
  /** Settles when the backfill does not work any more: it ended, or waits for a client. Never rejects. */
  work: Promise<void> | undefined;
  /** Settles when its end is carried out; undefined before that begins, and after it failed. */
  ending: Promise<void> | undefined;
  readonly #dependencies: BackfillDependencies;
  #record: BackfillRecord;

  constructor(record: BackfillRecord, files: BackfillFiles, dependencies: BackfillDependencies) {
    this.#record = record;
    this.files = files;
    this.#dependencies = dependencies;
  }

  get record(): BackfillRecord {
    return this.#record;
  }

  get id(): string {
    return backfillOf(this.#record).backfillId;
  }

  get state(): BackfillState {
    return stateOf(this.#record);
  }

  get uploadComplete(): boolean {
    const { committedSize, totalSize } = backfillOf(this.#record);
    return committedSize === totalSize;
  }

  /** Whether bytes of the backup may come. One that is being cancelled is not shown as cancelled before it is, yet takes none. */
  get takesUpload(): boolean {
    return this.state === 'uploading' && !this.cancelRequested;
  }

  /** The refusal of an upload, when it takes none. */
  notUploading(): DomainError {
    const state = this.cancelRequested ? 'cancelled' : this.state;
    return new DomainError({ reason: 'BACKFILL_NOT_UPLOADING', backfillId: this.id, state });
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
    return Atomics.load(new Int32Array(this.control), control.cancel) !== 0;
  }

  /** Stops the tasks that run for it; they answer CANCELLED. */
  stopTasks(): void {
    Atomics.store(new Int32Array(this.control), control.cancel, 1);
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

  wipeKey(): void {
    this.key?.fill(0);
    this.key = undefined;
  }
}

/** The public part of a record; there is none without. */
export function backfillOf(record: BackfillRecord): Backfill {
  if (record.backfill === undefined) throw new Error('a backfill record has no backfill');
  return record.backfill;
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

/** Throws the fault of a task that did not answer with a result. */
export function throwFault(fault: BackupFault): never {
  throw new DomainError(fault);
}

/** The wire's number of a state. */
export const WIRE_STATES: Record<BackfillState, WireState> = {
  uploading: WireState.UPLOADING,
  'awaiting-key': WireState.AWAITING_KEY,
  decrypting: WireState.DECRYPTING,
  importing: WireState.IMPORTING,
  succeeded: WireState.SUCCEEDED,
  failed: WireState.FAILED,
  cancelled: WireState.CANCELLED,
};

/** Changes come faster than anybody can look: so many ms are between two of them at least. */
const WATCH_PAUSE_MS = 200;
