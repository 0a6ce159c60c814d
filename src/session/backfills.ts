import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { randomBytes } from 'node:crypto';
import { parseKey, wipeKey } from '../backup/container/key.js';
import { probeBackup } from '../backup/container/probe.js';
import { isTerminal } from '../domain/backfill.js';
import { type BackupFault, DomainError, invalidArgument } from '../domain/fault.js';
import { isServerId, makeServerId } from '../domain/server-id.js';
import { parseSessionId, type SessionId } from '../domain/session-id.js';
import {
  type BackfillRecord,
  BackfillPointerSchema,
  BackfillRecordSchema,
} from '../gen/scrollback/store/v1/record_pb.js';
import type { Registry } from '../store/registry.js';
import { putBackfill } from '../store/backfills.js';
import { backfillOf, LiveBackfill, stateOf, WIRE_STATES } from './backfill.js';
import { BackfillFiles, HEAD_BYTES, readHead } from './backfill-files.js';
import { BackfillWork, type WorkDependencies } from './backfill-work.js';
import { DropDirectory } from './drop-directory.js';
import type { Session } from './session.js';
import type { BackupKeyInput, NewBackfill, UploadSink } from './sessions.js';
import { Upload } from './upload.js';

/** What the backfills work with. */
export interface BackfillsDependencies extends WorkDependencies {
  dropDirectory: string | undefined;
  maxBackupBytes: number;
}

/** Finds a session; throws SESSION_NOT_FOUND. */
export type FindSession = (sessionId: SessionId) => Promise<Session>;

/** All backfills: makes them, finds them, and carries out what clients ask of them. The work itself is `backfill-work.ts`. */
export class Backfills {
  readonly #registry: Registry;
  readonly #dependencies: BackfillsDependencies;
  readonly #findSession: FindSession;
  readonly #work: BackfillWork;
  readonly #drop: DropDirectory;
  /** Those that are not over. */
  readonly #live = new Map<string, { backfill: LiveBackfill; session: Session }>();
  /** Sessions for which one is being made: the second of two at once must be refused. */
  readonly #creating = new Set<string>();

  constructor(registry: Registry, dependencies: BackfillsDependencies, findSession: FindSession) {
    this.#registry = registry;
    this.#dependencies = dependencies;
    this.#findSession = findSession;
    this.#drop = new DropDirectory(dependencies.dropDirectory);
    this.#work = new BackfillWork(dependencies, this.#drop, (backfill, session) => this.#ended(backfill, session));
  }

  /** Takes up the backfills that were not over when the process ended. */
  async recover(): Promise<void> {
    for await (const { backfillId, pointer } of this.#registry.pointers('')) {
      if (!pointer.active) continue;
      try {
        const session = await this.#findSession(parseSessionId(pointer.sessionId));
        const record = await session.use((store) => store.getBackfill(backfillId));
        if (record === undefined || isTerminal(stateOf(record))) await this.#deactivate(backfillId, session);
        else await this.#work.resumeAfterRestart(this.#makeLive(record, session), session);
      } catch (error) {
        // One session that cannot be found or opened must not keep the others from starting; it is tried again at the next start.
        this.#dependencies.log.error({ sessionId: pointer.sessionId, backfillId, err: error }, 'backfill not resumed');
      }
    }
  }

  /** Stops all work where it stands; the records stay as they were committed. */
  async stop(): Promise<void> {
    await this.#work.stop([...this.#live.values()].map(({ backfill }) => backfill));
  }

  async create(request: NewBackfill): Promise<BackfillRecord> {
    const session = await this.#findSession(parseSessionId(request.sessionId));
    const { sessionId } = session.record;
    if (request.requestId !== '') {
      const known = await session.use((store) => store.findBackfillByRequest(request.requestId));
      if (known !== undefined) return this.#live.get(backfillOf(known).backfillId)?.backfill.record ?? known;
    }
    this.#refuseSecond(session);
    if (this.#creating.has(sessionId)) throw new DomainError({ reason: 'SESSION_UNAVAILABLE', sessionId });
    this.#creating.add(sessionId);
    try {
      checkKey(request.key);
      // In use, so that a deletion of the session waits until all of it is there or nothing.
      return await session.use(() => this.#create(request, session));
    } finally {
      this.#creating.delete(sessionId);
    }
  }

  async #create(request: NewBackfill, session: Session): Promise<BackfillRecord> {
    const { source } = request;
    const now = this.#dependencies.now();
    const record = create(BackfillRecordSchema, {
      backfill: {
        backfillId: makeServerId(now, randomBytes(16)),
        sessionId: session.record.sessionId,
        state: WIRE_STATES.uploading,
        requestId: request.requestId,
        fileName: source.fileName,
        createTime: timestampFromMs(now),
      },
    });
    const shown = backfillOf(record);
    if (source.kind === 'drop') {
      const { path, size } = await this.#drop.find(source.fileName);
      this.#checkSize(size);
      const probe = probeBackup(await readHead(path, HEAD_BYTES), size, request.key);
      if (probe.answer === 'refused') throw new DomainError(probe.fault);
      if (probe.answer === 'more') throw new DomainError({ reason: 'TRUNCATED' });
      record.dropFile = source.fileName;
      shown.totalSize = shown.committedSize = BigInt(size);
      shown.state = WIRE_STATES.decrypting;
      await this.#work.checkSpace(0);
    } else {
      this.#checkSize(source.totalSize);
      shown.totalSize = BigInt(source.totalSize);
      await this.#work.checkSpace(source.totalSize);
    }
    // First the pointer: one without a record is forgotten at the next start, a record without one would never be resumed.
    await this.#putPointer(shown.backfillId, session, true);
    try {
      await new BackfillFiles(session.directory, shown.backfillId).create();
      await session.commit((commit) => {
        putBackfill(commit, record);
        return Promise.resolve();
      });
      if (session.closed) throw new DomainError({ reason: 'SHUTTING_DOWN' });
    } catch (error) {
      await this.#deactivate(shown.backfillId, session);
      throw error;
    }
    const backfill = this.#makeLive(record, session);
    backfill.key = request.key;
    this.#dependencies.log.info({ sessionId: shown.sessionId, backfillId: shown.backfillId }, 'backfill created');
    if (source.kind === 'drop') this.#work.start(backfill, session);
    return record;
  }

  async get(backfillId: string): Promise<BackfillRecord> {
    const live = this.#live.get(backfillId);
    if (live !== undefined) return live.backfill.record;
    const pointer = isServerId(backfillId) ? await this.#registry.getPointer(backfillId) : undefined;
    if (pointer === undefined) throw new DomainError({ reason: 'BACKFILL_NOT_FOUND', backfillId });
    const session = await this.#findSession(parseSessionId(pointer.sessionId));
    const record = await session.use((store) => store.getBackfill(backfillId));
    if (record === undefined) throw new DomainError({ reason: 'BACKFILL_NOT_FOUND', backfillId });
    return record;
  }

  async latest(sessionId: SessionId): Promise<BackfillRecord> {
    const session = await this.#findSession(sessionId);
    if (session.backfill !== undefined) return session.backfill.record;
    const [record] = await session.use((store) => store.listBackfills('', 1));
    if (record === undefined) throw new DomainError({ reason: 'BACKFILL_NOT_FOUND', backfillId: '' });
    return record;
  }

  async list(sessionId: SessionId | undefined, beforeId: string, limit: number): Promise<BackfillRecord[]> {
    if (sessionId !== undefined) {
      const session = await this.#findSession(sessionId);
      const records = await session.use((store) => store.listBackfills(beforeId, limit));
      return records.map((record) => this.#live.get(backfillOf(record).backfillId)?.backfill.record ?? record);
    }
    const records: BackfillRecord[] = [];
    for await (const { backfillId } of this.#registry.pointers(beforeId)) {
      if (records.length === limit) break;
      const record = await this.get(backfillId).catch((error: unknown) => {
        if (error instanceof DomainError) return undefined;
        throw error;
      });
      if (record !== undefined) records.push(record);
    }
    return records;
  }

  async resume(backfillId: string, key: BackupKeyInput): Promise<BackfillRecord> {
    const live = await this.#requireLive(backfillId);
    const { backfill, session } = live;
    if (backfill.state !== 'awaiting-key') return backfill.record;
    checkKey(key);
    const total = Number(backfillOf(backfill.record).totalSize);
    const head = await readHead(this.#work.sourcePath(backfill), HEAD_BYTES).catch(() => Buffer.alloc(0));
    const probe = probeBackup(head, total, key);
    if (probe.answer === 'refused' && head.length > 0) throw new DomainError(probe.fault);
    if (backfill.cancelRequested) throw new DomainError({ reason: 'BACKFILL_ENDED', backfillId, state: 'cancelled' });
    const record = backfill.after({ event: 'key-given', uploadComplete: backfill.uploadComplete });
    backfill.key = key;
    await this.#work.save(backfill, session, record);
    if (stateOf(record) === 'decrypting') this.#work.start(backfill, session);
    return record;
  }

  async cancel(backfillId: string): Promise<BackfillRecord> {
    const live = this.#live.get(backfillId);
    if (live === undefined) return this.get(backfillId);
    await this.#work.cancel(live.backfill, live.session);
    return live.backfill.record;
  }

  /** Cancels what a session runs, if it does. */
  async cancelAll(session: Session): Promise<void> {
    if (session.backfill !== undefined) await this.#work.cancel(session.backfill, session);
  }

  async *watch(backfillId: string, signal: AbortSignal): AsyncGenerator<BackfillRecord, void, undefined> {
    const live = this.#live.get(backfillId);
    if (live === undefined) yield await this.get(backfillId);
    else yield* live.backfill.watch(signal);
  }

  async openUpload(backfillId: string): Promise<UploadSink> {
    const { backfill, session } = await this.#requireLive(backfillId);
    if (!backfill.takesUpload) throw backfill.notUploading();
    if (backfill.uploadOpen) throw new DomainError({ reason: 'UPLOAD_IN_PROGRESS', backfillId });
    backfill.uploadOpen = true;
    try {
      const upload = await Upload.open(backfill, {
        committed: async (size) => {
          // What is being cancelled must not come back to life by a record that was drafted before.
          if (!backfill.takesUpload) return;
          const record = backfill.draft();
          backfillOf(record).committedSize = BigInt(size);
          await this.#work.save(backfill, session, record);
        },
        refused: (fault: BackupFault) => this.#work.fail(backfill, session, fault),
        completed: async () => {
          if (!backfill.takesUpload) throw backfill.notUploading();
          await this.#work.save(backfill, session, backfill.after({ event: 'upload-completed' }));
          this.#work.start(backfill, session);
        },
        closed: () => {
          backfill.uploadOpen = false;
        },
      });
      if (backfill.takesUpload) return upload;
      // It was cancelled while its file was made anew.
      await upload.close();
      await backfill.files.remove();
      throw backfill.notUploading();
    } catch (error) {
      backfill.uploadOpen = false;
      throw error;
    }
  }

  #makeLive(record: BackfillRecord, session: Session): LiveBackfill {
    const { backfillId } = backfillOf(record);
    const files = new BackfillFiles(session.directory, backfillId);
    const backfill = new LiveBackfill(record, files, this.#dependencies);
    session.backfill = backfill;
    this.#live.set(backfillId, { backfill, session });
    return backfill;
  }

  async #requireLive(backfillId: string): Promise<{ backfill: LiveBackfill; session: Session }> {
    const live = this.#live.get(backfillId);
    if (live !== undefined) return live;
    const state = stateOf(await this.get(backfillId));
    throw new DomainError({ reason: 'BACKFILL_ENDED', backfillId, state });
  }

  #refuseSecond({ backfill, record: { sessionId } }: Session): void {
    // One that has just ended is seen to have before the last of it is gone.
    if (backfill === undefined || isTerminal(backfill.state)) return;
    throw new DomainError({ reason: 'BACKFILL_RUNNING', sessionId, backfillId: backfill.id });
  }

  #checkSize(size: number): void {
    const { maxBackupBytes } = this.#dependencies;
    if (size <= 0) invalidArgument('upload.total_size', 'is missing: the size of the file in bytes');
    if (size > maxBackupBytes) throw new DomainError({ reason: 'BACKUP_TOO_LARGE', limitBytes: maxBackupBytes });
  }

  async #ended(backfill: LiveBackfill, session: Session): Promise<void> {
    this.#live.delete(backfill.id);
    if (session.backfill === backfill) session.backfill = undefined;
    await this.#putPointer(backfill.id, session, false);
  }

  async #deactivate(backfillId: string, session: Session): Promise<void> {
    await new BackfillFiles(session.directory, backfillId).remove();
    await this.#putPointer(backfillId, session, false);
  }

  async #putPointer(backfillId: string, { record: { sessionId } }: Session, active: boolean): Promise<void> {
    await this.#registry.putPointer(backfillId, create(BackfillPointerSchema, { sessionId, active }));
  }
}

/** Refuses a key that is none before anything is made or sent. */
function checkKey(key: BackupKeyInput): void {
  if (key === undefined) return;
  const parsed = parseKey(key);
  if (!parsed.ok) throw new DomainError(parsed.fault);
  wipeKey(parsed.key);
}
