import { mkdir, open, readdir, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { isServerId } from '../../domain/server-id.js';

/** The files of one backfill, in a directory of its own inside its session's. It and they are readable by their owner only. */
export class BackfillFiles {
  readonly directory: string;
  /** The backup as it was uploaded. */
  readonly uploadPath: string;
  /** The decrypted database; it appears complete. */
  readonly databasePath: string;

  constructor(sessionDirectory: string, backfillId: string) {
    if (!isServerId(backfillId)) throw new Error('not an id made here');
    this.directory = join(sessionDirectory, BACKFILLS, backfillId);
    this.uploadPath = join(this.directory, 'upload');
    this.databasePath = join(this.directory, 'msgstore.db');
  }

  async create(): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
  }

  /** Removes the upload; the decrypted database stays. */
  async removeUpload(): Promise<void> {
    await rm(this.uploadPath, { force: true });
  }

  /**
   * Removes everything. The decrypted database is cut to nothing first: a thread that has nothing to do keeps its last file open for a
   * while, and a file that is only unlinked keeps its blocks.
   */
  async remove(): Promise<void> {
    await truncate(this.databasePath).catch(() => undefined);
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Removes the directories of backfills that are not in `active`: a crash may have left them. */
  static async removeOrphans(sessionDirectory: string, active: ReadonlySet<string>): Promise<void> {
    const parent = join(sessionDirectory, BACKFILLS);
    const names = await readdir(parent).catch(() => []);
    for (const name of names) {
      if (!active.has(name)) await rm(join(parent, name), { recursive: true, force: true });
    }
  }
}

const BACKFILLS = 'backfills';

/** Reads at most `length` bytes of the start of a file. */
export async function readHead(path: string, length: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(length);
    let filled = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, filled, length - filled, filled);
      filled += bytesRead;
      if (bytesRead === 0 || filled === length) return buffer.subarray(0, filled);
    }
  } finally {
    await file.close();
  }
}

/** A header has at most 64 KiB and the probe looks at 512 bytes behind it; see `backup/container/header.ts`. */
export const HEAD_BYTES = 68 * 1024;
