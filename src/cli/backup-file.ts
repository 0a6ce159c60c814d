import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { describeFileProblem, Failure } from './failure.js';

/** How a plain SQLite database starts (https://www.sqlite.org/fileformat.html, §1.3). */
const sqliteMagic = Buffer.from('SQLite format 3\0', 'latin1');

/** How much of each end of the file tells it from another one. Encrypted backups differ from their first IV on. */
const sampleBytes = 64 * 1024;

/** The most that the API takes as the name of a file (`UploadSource.file_name`). */
const maxNameBytes = 255;

/** A backup on this machine. */
export class BackupFile {
  /** Its name without directories. */
  readonly name: string;
  /** Its size in bytes, never 0. */
  readonly size: number;
  /** False for a plain `msgstore.db`. */
  readonly isEncrypted: boolean;
  /** Recognises the same content again, also under another name: 16 hex digits of a SHA-256 over its size and both ends. */
  readonly fingerprint: string;
  readonly #file: FileHandle;

  private constructor(
    file: FileHandle,
    facts: { name: string; size: number; isEncrypted: boolean; fingerprint: string },
  ) {
    this.#file = file;
    this.name = facts.name;
    this.size = facts.size;
    this.isEncrypted = facts.isEncrypted;
    this.fingerprint = facts.fingerprint;
  }

  /** Opens a file. Throws `Failure` when it cannot be read, is no ordinary file, or is empty. Close it. */
  static async open(path: string): Promise<BackupFile> {
    let file: FileHandle | undefined;
    try {
      file = await open(path, 'r');
      const stat = await file.stat();
      if (!stat.isFile()) throw new Failure(`cannot import ${path}: it is no ordinary file`);
      if (stat.size === 0) throw new Failure(`cannot import ${path}: it is empty`);
      const head = await readAt(file, 0, sampleBytes);
      const tail = await readAt(file, Math.max(0, stat.size - sampleBytes), sampleBytes);
      const digest = createHash('sha256')
        .update(String(stat.size))
        .update('\0')
        .update(head)
        .update(tail)
        .digest('hex');
      return new BackupFile(file, {
        name: shorten(basename(path)),
        size: stat.size,
        isEncrypted: !head.subarray(0, sqliteMagic.length).equals(sqliteMagic),
        fingerprint: digest.slice(0, 16),
      });
    } catch (error) {
      await file?.close();
      if (error instanceof Failure) throw error;
      throw new Failure(describeFileProblem(path, error), { cause: error });
    }
  }

  /** Reads the file from `offset` to its end. Throws `Failure` when it became shorter meanwhile. */
  async *chunks(offset: number, chunkBytes: number): AsyncGenerator<{ offset: number; data: Buffer }, void, undefined> {
    for (let at = offset; at < this.size;) {
      const data = await readAt(this.#file, at, Math.min(chunkBytes, this.size - at));
      if (data.length === 0) throw new Failure('the file became shorter while it was sent: copy it again');
      yield { offset: at, data };
      at += data.length;
    }
  }

  /** Closes the file. */
  close(): Promise<void> {
    return this.#file.close();
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

function shorten(name: string): string {
  let end = name.length;
  while (Buffer.byteLength(name.slice(0, end)) > maxNameBytes) end--;
  return name.slice(0, end);
}
