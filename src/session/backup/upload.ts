import { type FileHandle, open } from 'node:fs/promises';
import { probeBackup } from '../../backup/container/probe.js';
import { type BackupFault, DomainError, invalidArgument } from '../../domain/fault.js';
import type { BackfillRecord } from '../../gen/scrollback/store/v1/record_pb.js';
import { backfillOf } from '../backfill/backfill.js';
import type { BackupBackfill } from './backup-backfill.js';
import { HEAD_BYTES, readHead } from './backfill-files.js';
import type { UploadSink } from '../sessions.js';
import { tellStorageFull } from '../storage-full.js';

/** What happens to a backfill beside its bytes. */
export interface UploadEvents {
  /** Keeps that so many bytes are durable. */
  committed: (size: number) => Promise<void>;
  /** Ends the backfill, because its file is refused. */
  refused: (fault: BackupFault) => Promise<void>;
  /** Starts the import: the file is complete. */
  completed: () => Promise<void>;
  /** The upload was let go. */
  closed: () => void;
}

/** Receives the bytes of one backup, in order, into one file. What `committed_size` says has been synced. */
export class Upload implements UploadSink {
  readonly #backfill: BackupBackfill;
  readonly #file: FileHandle;
  readonly #events: UploadEvents;
  readonly #totalSize: number;
  #offset: number;
  #synced: number;
  #probed: boolean;
  #closed = false;

  private constructor(backfill: BackupBackfill, file: FileHandle, events: UploadEvents) {
    this.#backfill = backfill;
    this.#file = file;
    this.#events = events;
    const { committedSize, totalSize } = backfillOf(backfill.record);
    this.#totalSize = Number(totalSize);
    this.#offset = Number(committedSize);
    this.#synced = this.#offset;
    this.#probed = false;
  }

  /** Opens the file at what is committed. Anything beyond was never promised, and is cut off. */
  static async open(backfill: BackupBackfill, events: UploadEvents): Promise<Upload> {
    await backfill.files.create();
    const file = await open(
      backfill.files.uploadPath,
      backfillOf(backfill.record).committedSize === 0n ? 'w' : 'r+',
      0o600,
    );
    const upload = new Upload(backfill, file, events);
    try {
      await file.truncate(upload.#offset);
      return upload;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get offset(): number {
    return this.#offset;
  }

  write(offset: number, data: Uint8Array): Promise<void> {
    return tellStorageFull(() => this.#write(offset, data));
  }

  finish(): Promise<BackfillRecord> {
    return tellStorageFull(() => this.#finish());
  }

  close(): Promise<void> {
    return tellStorageFull(() => this.#close());
  }

  async #write(offset: number, data: Uint8Array): Promise<void> {
    this.#refuseWhenOver();
    if (offset !== this.#offset) throw new DomainError({ reason: 'WRONG_OFFSET', committedSize: this.#offset });
    // Told apart from a wrong offset, which a client follows: it would send the same again for ever.
    if (offset + data.length > this.#totalSize) {
      invalidArgument('data', `goes beyond the total_size of ${this.#totalSize} bytes that was announced`);
    }
    for (let done = 0; done < data.length;) {
      const { bytesWritten } = await this.#file.write(data, done, data.length - done, this.#offset + done);
      done += bytesWritten;
    }
    this.#offset += data.length;
    if (!this.#probed) await this.#probe();
    if (this.#offset - this.#synced >= SYNC_EVERY_BYTES) await this.#sync();
  }

  async #finish(): Promise<BackfillRecord> {
    this.#refuseWhenOver();
    await this.#sync();
    if (this.#offset === this.#totalSize) {
      if (!this.#probed) await this.#probe();
      await this.close();
      await this.#events.completed();
    }
    return this.#backfill.record;
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      if (this.#backfill.takesUpload && this.#offset > this.#synced) await this.#sync();
    } finally {
      await this.#file.close();
      this.#events.closed();
    }
  }

  async #sync(): Promise<void> {
    if (this.#offset === this.#synced) return;
    await this.#file.sync();
    this.#synced = this.#offset;
    await this.#events.committed(this.#offset);
  }

  /** Refuses a wrong key or a wrong file by its first bytes, before gigabytes travel. */
  async #probe(): Promise<void> {
    const head = await readHead(this.#backfill.files.uploadPath, HEAD_BYTES).catch((error: unknown) => {
      this.#refuseWhenOver();
      throw error;
    });
    // Whoever cancels it takes its key away and then its file.
    this.#refuseWhenOver();
    const probe = probeBackup(head, this.#totalSize, this.#backfill.key);
    if (probe.answer === 'more' && this.#offset < this.#totalSize) return;
    this.#probed = true;
    if (probe.answer === 'ok') return;
    const fault: BackupFault = probe.answer === 'refused' ? probe.fault : { reason: 'TRUNCATED' };
    await this.#events.refused(fault);
    throw new DomainError(fault);
  }

  /** Somebody may have cancelled the backfill while its bytes travelled. */
  #refuseWhenOver(): void {
    if (!this.#backfill.takesUpload || this.#closed) throw this.#backfill.notUploading();
  }
}

/** A crash costs at most so much of an upload. */
const SYNC_EVERY_BYTES = 32 * 1024 * 1024;
