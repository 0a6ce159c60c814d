import { control, makeControl } from '../../backup/task.js';
import { DomainError } from '../../domain/fault.js';
import type { BackfillRecord } from '../../gen/scrollback/store/v1/record_pb.js';
import { type BackfillDependencies, backfillOf, LiveBackfill } from '../backfill/backfill.js';
import type { BackfillFiles } from './backfill-files.js';

/** A backfill of a backup while it is not over: with its files, its key, its upload, and the flag that stops its tasks in other threads. */
export class BackupBackfill extends LiveBackfill {
  readonly files: BackfillFiles;
  readonly control = makeControl();
  /** The bytes of the key as the client gave them; wiped as soon as they are not needed. */
  key: Uint8Array | undefined;
  /** True while a client has the upload open. */
  uploadOpen = false;

  constructor(record: BackfillRecord, files: BackfillFiles, dependencies: BackfillDependencies) {
    super(record, dependencies);
    this.files = files;
  }

  get uploadComplete(): boolean {
    const { committedSize, totalSize } = backfillOf(this.record);
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

  /** Stops the tasks that run for it; they answer CANCELLED. */
  override stopTasks(): void {
    super.stopTasks();
    Atomics.store(new Int32Array(this.control), control.cancel, 1);
  }

  /** Forgets its key and removes its files. */
  override async release(): Promise<void> {
    this.wipeKey();
    await this.files.remove();
  }

  wipeKey(): void {
    this.key?.fill(0);
    this.key = undefined;
  }
}
