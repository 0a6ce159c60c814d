import { open, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Pulse } from '../pulse.js';
import { Refusal } from '../refusal.js';

/**
 * How much may be unsynced at most. Otherwise the sync at the end could take longer, without a heartbeat, than a task
 * may be silent; at 10 MB/s this much takes 3 s.
 */
const unsyncedBytes = 32 * 1024 * 1024;

/**
 * A private file that appears complete or not at all: it grows as `<targetPath>.part` with mode 0600, and only `commit`
 * gives it its name. Nobody else may write to the same target at the same time.
 */
export class PartFile {
  private readonly targetPath: string;
  private readonly handle: FileHandle;
  private readonly maxBytes: number;
  private readonly pulse: Pulse;
  private bytes = 0;
  private syncedBytes = 0;
  private syncing = Promise.resolve();
  private path: string;
  private committed = false;

  private constructor(targetPath: string, handle: FileHandle, maxBytes: number, pulse: Pulse) {
    this.targetPath = targetPath;
    this.path = `${targetPath}.part`;
    this.handle = handle;
    this.maxBytes = maxBytes;
    this.pulse = pulse;
  }

  /** Replaces what a process that died left behind. Beyond `maxBytes` a write is refused with BACKUP_TOO_LARGE. */
  static async open(targetPath: string, maxBytes: number, pulse: Pulse): Promise<PartFile> {
    const partPath = `${targetPath}.part`;
    await rm(partPath, { force: true });
    // Exclusive: a link that someone put there meanwhile is not followed.
    return new PartFile(targetPath, await open(partPath, 'wx+', 0o600), maxBytes, pulse);
  }

  get size(): number {
    return this.bytes;
  }

  /** Appends; not to be called again before it is done. Beats the pulse, so it may throw CANCELLED. */
  async write(bytes: Uint8Array): Promise<void> {
    this.pulse.beat();
    if (this.bytes + bytes.length > this.maxBytes) {
      throw new Refusal({ reason: 'BACKUP_TOO_LARGE', limitBytes: this.maxBytes });
    }
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.handle.write(bytes, done, bytes.length - done, this.bytes);
      done += bytesWritten;
      this.bytes += bytesWritten;
    }
    if (this.bytes - this.syncedBytes >= unsyncedBytes) await this.startSync();
  }

  /** The first bytes, as many as there are of `length`. */
  async readStart(length: number): Promise<Buffer> {
    const { buffer, bytesRead } = await this.handle.read(Buffer.alloc(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  }

  // Goes on beside the next writes. A failure is reported once only, so it must not get lost.
  private async startSync(): Promise<void> {
    await this.syncing;
    this.syncedBytes = this.bytes;
    this.syncing = this.handle.datasync();
    this.syncing.catch(() => undefined);
  }

  /** Syncs the file, gives it its name and syncs the directory, so that it survives a power cut under that name. */
  async commit(): Promise<void> {
    this.pulse.beat();
    await this.syncing;
    await this.handle.sync();
    // The last moment to stop.
    this.pulse.beat();
    await rename(this.path, this.targetPath);
    this.path = this.targetPath;
    const directory = await open(dirname(this.targetPath), 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
    this.committed = true;
  }

  /** Closes, and removes what was not committed. To be called in any case, once. */
  async close(): Promise<void> {
    await this.syncing.catch(() => undefined);
    await this.handle.close();
    if (!this.committed) await rm(this.path, { force: true });
  }
}
