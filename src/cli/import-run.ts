import { randomBytes } from 'node:crypto';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import type { Backfill, CreateBackfillRequestSchema } from '../gen/scrollback/v1/backfill_service_pb.js';
import { BackfillKind, BackfillState } from '../gen/scrollback/v1/backfill_service_pb.js';
import type { BackupFile } from './backup-file.js';
import { CallError, required } from './call-error.js';
import type { Connection } from './client.js';
import { hasReason } from './ensure-session.js';
import type { BackupKey } from './key-prompt.js';
import type { Progress } from './progress.js';
import { stepOf } from './progress.js';
import { pauseBefore } from './retry.js';

/** How often in a row an import tries again after the daemon went away; about half a minute in all. */
const maxFailures = 10;

/** Where the backup of an import lies: here, or in the daemon's drop directory. */
export type Origin = { kind: 'upload'; file: BackupFile } | { kind: 'drop'; fileName: string; fingerprint: string };

/** What an import is made of. */
export interface ImportPlan {
  sessionId: string;
  origin: Origin;
  /** Called when the daemon needs the key; may ask for it. */
  key: () => Promise<BackupKey>;
  /** False when a new backfill is tried without a key first. */
  needsKey: boolean;
  chunkBytes: number;
}

/** True when a backfill has ended. */
export function hasEnded({ state }: Backfill): boolean {
  return state === BackfillState.SUCCEEDED || state === BackfillState.FAILED || state === BackfillState.CANCELLED;
}

/** One import of one backup: finds or creates its backfill and brings it to its end. */
export class ImportRun {
  readonly #plan: ImportPlan;
  readonly #connection: Connection;
  readonly #progress: Progress;
  readonly #signal: AbortSignal;
  /** True after an upload of ours broke off: the daemon may then take a moment to let go of it. */
  #hasLostUpload = false;
  /** The backfill as it was seen last; undefined before there is one. */
  backfill: Backfill | undefined;

  constructor(plan: ImportPlan, connection: Connection, progress: Progress, signal: AbortSignal) {
    this.#plan = plan;
    this.#connection = connection;
    this.#progress = progress;
    this.#signal = signal;
  }

  /**
   * Goes on with the unfinished backfill of the same file, or creates one. Throws BACKFILL_RUNNING when the session runs
   * one of another file.
   */
  async begin(): Promise<{ isResumed: boolean }> {
    const running = await this.#findRunning();
    if (running === undefined) {
      this.backfill = await this.#create();
      return { isResumed: false };
    }
    this.backfill = running;
    if (running.requestId.startsWith(this.#requestPrefix())) return { isResumed: true };
    const { sessionId, backfillId } = running;
    throw new CallError(
      status.ALREADY_EXISTS,
      `session ${sessionId} already runs backfill ${backfillId} of another file`,
      'BACKFILL_RUNNING',
      { backfill_id: backfillId },
    );
  }

  /**
   * Brings the backfill to its end and returns it, whatever the end is. Outlives restarts of the daemon: it goes on from
   * what the daemon has.
   */
  async finish(): Promise<Backfill> {
    let backfill = required(this.backfill);
    let reached = progressOf(backfill);
    for (let failures = 0; !hasEnded(backfill);) {
      try {
        backfill = await this.#advance(backfill);
      } catch (error) {
        failures += 1;
        backfill = await this.#recover(error, backfill, failures);
      }
      this.backfill = backfill;
      // Only what the daemon kept counts as getting on: one that crashes over and over must not be fed for ever.
      if (progressOf(backfill) > reached) {
        reached = progressOf(backfill);
        failures = 0;
      }
    }
    return backfill;
  }

  async #findRunning(): Promise<Backfill | undefined> {
    try {
      const which = { case: 'sessionId', value: this.#plan.sessionId } as const;
      const request = { which, kind: BackfillKind.BACKUP };
      const { backfill } = await this.#connection.backfills.getBackfill(request, { signal: this.#signal });
      return backfill === undefined || hasEnded(backfill) ? undefined : backfill;
    } catch (error) {
      if (hasReason(error, 'BACKFILL_NOT_FOUND')) return undefined;
      throw error;
    }
  }

  async #create(): Promise<Backfill> {
    const { sessionId, origin, needsKey, key } = this.#plan;
    const request: MessageInitShape<typeof CreateBackfillRequestSchema> = {
      sessionId,
      requestId: `${this.#requestPrefix()}-${randomBytes(4).toString('hex')}`,
      source:
        origin.kind === 'upload'
          ? { case: 'upload', value: { totalSize: BigInt(origin.file.size), fileName: origin.file.name } }
          : { case: 'drop', value: { fileName: origin.fileName } },
    };
    const send = async (withKey: boolean): Promise<Backfill> => {
      const whole = withKey ? { ...request, key: await key() } : request;
      return required((await this.#connection.backfills.createBackfill(whole, { signal: this.#signal })).backfill);
    };
    try {
      return await send(needsKey);
    } catch (error) {
      if (needsKey || !hasReason(error, 'KEY_REQUIRED')) throw error;
      return send(true);
    }
  }

  async #advance(backfill: Backfill): Promise<Backfill> {
    const { backfillId } = backfill;
    const { origin, key } = this.#plan;
    if (backfill.state === BackfillState.AWAITING_KEY) {
      const answer = await this.#connection.backfills.resumeBackfill(
        { backfillId, key: await key() },
        { signal: this.#signal },
      );
      return required(answer.backfill);
    }
    const isIncomplete = backfill.committedSize < backfill.totalSize;
    if (backfill.state === BackfillState.UPLOADING && origin.kind === 'upload' && isIncomplete) {
      return this.#upload(backfill, origin.file);
    }
    return this.#follow(backfill);
  }

  async #upload(backfill: Backfill, file: BackupFile): Promise<Backfill> {
    const { backfillId } = backfill;
    const { chunkBytes } = this.#plan;
    const progress = this.#progress;
    async function* requests(): AsyncGenerator<{ backfillId: string; writeOffset: bigint; data: Uint8Array }> {
      for await (const { offset, data } of file.chunks(Number(backfill.committedSize), chunkBytes)) {
        yield { backfillId, writeOffset: BigInt(offset), data };
        progress.show({ phase: 'upload', done: offset + data.length, total: file.size });
      }
    }
    try {
      const answer = await this.#connection.backfills.uploadBackup(requests(), { signal: this.#signal });
      return required(answer.backfill);
    } catch (error) {
      this.#hasLostUpload ||= error instanceof CallError && error.isTransient;
      throw error;
    }
  }

  /** Shows a backfill until it ends or needs something from us. */
  async #follow(backfill: Backfill): Promise<Backfill> {
    const { backfillId } = backfill;
    let last = backfill;
    for await (const frame of this.#connection.backfills.watchBackfill({ backfillId }, { signal: this.#signal })) {
      last = required(frame.backfill);
      const step = stepOf(last);
      if (step !== undefined) this.#progress.show(step);
      if (hasEnded(last) || last.state === BackfillState.AWAITING_KEY) return last;
    }
    throw new CallError(status.UNAVAILABLE, 'the daemon stopped telling how the backfill goes', '', {});
  }

  /** Decides what a failed call means: returns the backfill as it stands when it is worth going on, else throws. */
  async #recover(error: unknown, before: Backfill, failures: number): Promise<Backfill> {
    if (!(error instanceof CallError)) throw error;
    const isMomentary =
      hasReason(error, 'WRONG_OFFSET') || (hasReason(error, 'UPLOAD_IN_PROGRESS') && this.#hasLostUpload);
    const isWorthIt = (error.isTransient || isMomentary) && failures <= maxFailures;
    if (isWorthIt) {
      const what = error.reason === 'UPLOAD_STALLED' ? 'the upload stood still' : 'the daemon went away';
      if (failures === 1) this.#progress.note(`${what}: trying to go on`);
      await pauseBefore(failures, this.#signal);
    }
    try {
      const which = { case: 'backfillId', value: before.backfillId } as const;
      const { backfill } = await this.#connection.backfills.getBackfill({ which }, { signal: this.#signal });
      // What the backfill itself says is better than what the broken call said.
      if (isWorthIt || (backfill !== undefined && hasEnded(backfill))) return required(backfill);
    } catch (again) {
      if (isWorthIt && again instanceof CallError && again.isTransient) return before;
      throw isWorthIt ? again : error;
    }
    throw error;
  }

  #requestPrefix(): string {
    const { origin } = this.#plan;
    return origin.kind === 'upload' ? `import-${origin.file.fingerprint}` : `import-drop-${origin.fingerprint}`;
  }
}

/** Says in one line how an import that was interrupted goes on. */
export function describeResume(backfill: Backfill | undefined): string {
  if (backfill === undefined) return 'interrupted before anything was sent';
  const isOurs = backfill.state === BackfillState.UPLOADING || backfill.state === BackfillState.AWAITING_KEY;
  return isOurs
    ? 'interrupted: run the same command again to go on where it stopped'
    : `interrupted: the daemon goes on with backfill ${backfill.backfillId}; run the same command again to follow it`;
}

/** How much of a backup the daemon has dealt with, in a number that only grows. */
function progressOf({ committedSize, rowsRead }: Backfill): bigint {
  return committedSize + rowsRead;
}
