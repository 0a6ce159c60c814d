import { parseKey, wipeKey } from '../../backup/container/key.js';
import { probeBackup } from '../../backup/container/probe.js';
import { type BackupFault, DomainError, invalidArgument } from '../../domain/fault.js';
import type { BackfillRecord } from '../../gen/scrollback/store/v1/record_pb.js';
import { backfillOf, newRecord, stateOf, WIRE_STATES } from '../backfill/backfill.js';
import { BackfillFiles, HEAD_BYTES, readHead } from './backfill-files.js';
import { BackfillWork, type WorkDependencies } from './backfill-work.js';
import { BackupBackfill } from './backup-backfill.js';
import { DropDirectory } from './drop-directory.js';
import type { LiveBackfills } from '../backfill/live-backfills.js';
import type { Session } from '../session.js';
import type { BackupKeyInput, BackupSource, NewBackfill, UploadSink } from '../sessions.js';
import { Upload } from './upload.js';

/** What backfills of backups work with. */
export interface BackupBackfillsDependencies extends WorkDependencies {
  dropDirectory: string | undefined;
  maxBackupBytes: number;
}

/** What clients ask of backfills of backups: making, uploading, the key. The work itself is `backfill-work.ts`. */
export class BackupBackfills {
  readonly #dependencies: BackupBackfillsDependencies;
  readonly #live: LiveBackfills;
  readonly #work: BackfillWork;
  readonly #drop: DropDirectory;

  constructor(dependencies: BackupBackfillsDependencies, live: LiveBackfills) {
    this.#dependencies = dependencies;
    this.#live = live;
    this.#drop = new DropDirectory(dependencies.dropDirectory);
    this.#work = new BackfillWork(dependencies, this.#drop, (backfill, session) => live.remove(backfill, session));
  }

  /** Takes up one that was not over when the process ended. */
  async recover(record: BackfillRecord, session: Session): Promise<void> {
    await this.#work.resumeAfterRestart(this.#makeLive(record, session), session);
  }

  /** Stops all work where it stands; the records stay as they were committed. */
  async stop(): Promise<void> {
    await this.#work.stop(this.#live.all().filter((backfill) => backfill instanceof BackupBackfill));
  }

  create(request: NewBackfill, source: BackupSource, session: Session): Promise<BackfillRecord> {
    return this.#live.make(session, 'backup', () => {
      checkKey(request.key);
      return this.#create(request, source, session);
    });
  }

  async #create(request: NewBackfill, source: BackupSource, session: Session): Promise<BackfillRecord> {
    const { sessionId } = session.record;
    const { requestId } = request;
    const fields = { sessionId, kind: 'backup', state: 'uploading', requestId, fileName: source.fileName } as const;
    const record = newRecord(fields, this.#dependencies.now());
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
    await this.#live.keep(record, session, () => new BackfillFiles(session.directory, shown.backfillId).create());
    const backfill = this.#makeLive(record, session);
    backfill.key = request.key;
    this.#dependencies.log.info({ sessionId, backfillId: shown.backfillId }, 'backfill created');
    if (source.kind === 'drop') this.#work.start(backfill, session);
    return record;
  }

  async resume(backfill: BackupBackfill, session: Session, key: BackupKeyInput): Promise<BackfillRecord> {
    if (backfill.state !== 'awaiting-key') return backfill.record;
    checkKey(key);
    const total = Number(backfillOf(backfill.record).totalSize);
    const head = await readHead(this.#work.sourcePath(backfill), HEAD_BYTES).catch(() => Buffer.alloc(0));
    const probe = probeBackup(head, total, key);
    if (probe.answer === 'refused' && head.length > 0) throw new DomainError(probe.fault);
    if (backfill.cancelRequested) {
      throw new DomainError({ reason: 'BACKFILL_ENDED', backfillId: backfill.id, state: 'cancelled' });
    }
    const record = backfill.after({ event: 'key-given', uploadComplete: backfill.uploadComplete });
    await this.#work.save(backfill, session, record);
    backfill.key = key;
    if (stateOf(record) === 'decrypting') this.#work.start(backfill, session);
    return record;
  }

  cancel(backfill: BackupBackfill, session: Session): Promise<void> {
    return this.#work.cancel(backfill, session);
  }

  async openUpload(backfill: BackupBackfill, session: Session): Promise<UploadSink> {
    if (!backfill.takesUpload) throw backfill.notUploading();
    if (backfill.uploadOpen) throw new DomainError({ reason: 'UPLOAD_IN_PROGRESS', backfillId: backfill.id });
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

  #makeLive(record: BackfillRecord, session: Session): BackupBackfill {
    const files = new BackfillFiles(session.directory, backfillOf(record).backfillId);
    const backfill = new BackupBackfill(record, files, this.#dependencies);
    this.#live.add(backfill, session);
    return backfill;
  }

  #checkSize(size: number): void {
    const { maxBackupBytes } = this.#dependencies;
    if (size <= 0) invalidArgument('upload.total_size', 'is missing: the size of the file in bytes');
    if (size > maxBackupBytes) throw new DomainError({ reason: 'BACKUP_TOO_LARGE', limitBytes: maxBackupBytes });
  }
}

/** Refuses a key that is none before anything is made or sent. */
function checkKey(key: BackupKeyInput): void {
  if (key === undefined) return;
  const parsed = parseKey(key);
  if (!parsed.ok) throw new DomainError(parsed.fault);
  wipeKey(parsed.key);
}
