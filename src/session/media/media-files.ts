import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError } from '../../domain/fault.js';
import { MediaFailure } from '../../domain/media-failure.js';
import { type MediaId, isMediaId } from './media-id.js';

/** What bounds the files of a session. */
export interface MediaLimits {
  /** The bytes of all of them. */
  quotaBytes: number;
  /** A file that nobody has read for so long is removed; 0 keeps it until its room is needed. */
  retentionMs: number;
  /** So much stays free on the disk. */
  minFreeBytes: number;
}

/** A file that is open for reading. It can be read to its end whatever becomes of its name. */
export interface OpenMedia {
  readonly sizeBytes: number;
  readonly sha256: Buffer;
  /** Reads at most `buffer.length` bytes at an offset; 0 at the end. */
  read(buffer: Buffer, offset: number): Promise<number>;
  close(): Promise<void>;
}

/**
 * The files of messages of one session, in a directory of its own: named by their content, so that a picture that was forwarded a
 * hundred times is there once. A file appears complete and checked. Its time of modification is when it was last read; the
 * least recently read ones give way when there are too many bytes.
 */
export class MediaFiles {
  readonly #directory: string;
  readonly #limits: MediaLimits;
  readonly #now: () => number;
  /** The bytes of complete files; undefined until somebody counted. */
  #used: number | undefined;
  /** The bytes that downloads have been promised. */
  #reserved = 0;
  #parts = 0;
  /** One at a time makes room. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Hashes of files that were checked since the process began. */
  readonly #checked = new Map<MediaId, Buffer>();

  constructor(sessionDirectory: string, limits: MediaLimits, now: () => number) {
    this.#directory = join(sessionDirectory, MEDIA);
    this.#limits = limits;
    this.#now = now;
  }

  /**
   * Opens a file and notes that it was read; undefined when it is not there. The first time since the process began it is checked
   * against its hash: one that the disk has spoilt is removed, and is not there.
   */
  async open(id: MediaId): Promise<OpenMedia | undefined> {
    const file = await open(this.#pathOf(id), 'r').catch(ignoreMissing);
    if (file === undefined) return undefined;
    try {
      const sha256 = this.#checked.get(id) ?? (await hashOf(file));
      if (fits(id, sha256)) {
        this.#noteChecked(id, sha256);
        const now = new Date(this.#now());
        await file.utimes(now, now);
        return new OpenFile(file, (await file.stat()).size, sha256);
      }
    } catch (error) {
      await file.close();
      throw error;
    }
    await file.close();
    await rm(this.#pathOf(id), { force: true });
    this.#used = undefined;
    return undefined;
  }

  /** Whether a file is here, as far as its name says. */
  async has(id: MediaId): Promise<boolean> {
    return (await stat(this.#pathOf(id)).catch(ignoreMissing)) !== undefined;
  }

  /**
   * Writes a file as it comes, and lets it appear when it is complete, has its hash and is on the disk. Throws `MediaFailure` when it has another
   * hash, MEDIA_TOO_LARGE, MEDIA_QUOTA and STORAGE_FULL when there is no room, and what the chunks throw; then nothing is left.
   */
  async write(id: MediaId, expectedBytes: number, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    // A download that nobody waits for any more may still be ending.
    const part = `${this.#pathOf(id)}.${String(this.#parts++)}.part`;
    const room = new Room();
    try {
      await this.#grow(room, expectedBytes);
      const sha256 = await this.#writePart(part, room, chunks);
      if (!fits(id, sha256)) throw new MediaFailure('damaged');
      await this.#inTurn(async () => {
        await rename(part, this.#pathOf(id));
        // Whoever removed a spoilt file meanwhile wants all of them counted anew.
        if (this.#used !== undefined) this.#used += room.written;
      });
      await syncDirectory(this.#directory);
      this.#noteChecked(id, sha256);
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    } finally {
      this.#reserved -= room.bytes;
    }
  }

  /** Removes what nobody has read for the time of retention, and counts what is left. */
  async sweep(): Promise<void> {
    await this.#inTurn(async () => {
      const { retentionMs } = this.#limits;
      const before = this.#now() - retentionMs;
      let used = 0;
      for (const { id, readMs, bytes } of await this.#list()) {
        if (retentionMs > 0 && readMs < before) await this.#remove(id);
        else used += bytes;
      }
      this.#used = used;
    });
  }

  /** Removes what a crash left of downloads. To be called before the first one. */
  static async removeParts(sessionDirectory: string): Promise<void> {
    const directory = join(sessionDirectory, MEDIA);
    for (const name of await readdir(directory).catch(() => [])) {
      if (name.endsWith('.part')) await rm(join(directory, name), { force: true });
    }
  }

  async #writePart(part: string, room: Room, chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
    const hash = createHash('sha256');
    const file = await open(part, 'w', 0o600);
    try {
      for await (const chunk of chunks) {
        // Whoever sent the message may have stated any size.
        const needed = room.written + chunk.length;
        if (needed > room.bytes) await this.#grow(room, needed, GROWTH_BYTES);
        hash.update(chunk);
        for (let done = 0; done < chunk.length;) {
          done += (await file.write(chunk, done, chunk.length - done, room.written + done)).bytesWritten;
        }
        room.written += chunk.length;
      }
      const now = new Date(this.#now());
      await file.utimes(now, now);
      await file.sync();
      return hash.digest();
    } finally {
      await file.close();
    }
  }

  /** Gives a download room for so many bytes, and if it can some ahead, at the cost of what was read least recently. */
  async #grow(room: Room, needed: number, ahead = 0): Promise<void> {
    const { quotaBytes, minFreeBytes } = this.#limits;
    if (needed > quotaBytes) throw new DomainError({ reason: 'MEDIA_TOO_LARGE', limitBytes: quotaBytes });
    const bytes = Math.min(needed + ahead, quotaBytes);
    await this.#inTurn(async () => {
      const others = this.#reserved - room.bytes;
      if (others + bytes > quotaBytes) throw new DomainError({ reason: 'MEDIA_QUOTA', limitBytes: quotaBytes });
      await this.#makeRoom(quotaBytes - others - bytes);
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      const short = minFreeBytes + bytes - room.written - (await freeBytes(this.#directory));
      if (short > 0) {
        const used = this.#used ?? 0;
        if (used < short) throw new DomainError({ reason: 'STORAGE_FULL' });
        await this.#makeRoom(used - short);
        const free = await freeBytes(this.#directory);
        if (free - (bytes - room.written) < minFreeBytes) throw new DomainError({ reason: 'STORAGE_FULL' });
      }
      this.#reserved += bytes - room.bytes;
      room.bytes = bytes;
    });
  }

  /** Removes the least recently read files until at most so many bytes are left. */
  async #makeRoom(leftBytes: number): Promise<void> {
    if (this.#used !== undefined && this.#used <= leftBytes) return;
    const files = (await this.#list()).sort((a, b) => a.readMs - b.readMs);
    let used = files.reduce((sum, { bytes }) => sum + bytes, 0);
    const target = used <= leftBytes ? leftBytes : leftBytes * (1 - SLACK);
    for (const { id, bytes } of files) {
      // A little more than is needed, so that not every download lists the directory.
      if (used <= target) break;
      await this.#remove(id);
      used -= bytes;
    }
    this.#used = used;
  }

  async #list(): Promise<{ id: MediaId; readMs: number; bytes: number }[]> {
    const files = [];
    for (const id of await readdir(this.#directory).catch(() => [])) {
      if (!isMediaId(id)) continue;
      const found = await stat(this.#pathOf(id)).catch(ignoreMissing);
      if (found?.isFile() === true) files.push({ id, readMs: found.mtimeMs, bytes: found.size });
    }
    return files;
  }

  async #remove(id: MediaId): Promise<void> {
    this.#checked.delete(id);
    await rm(this.#pathOf(id), { force: true });
  }

  #noteChecked(id: MediaId, sha256: Buffer): void {
    this.#checked.set(id, sha256);
    const [oldest] = this.#checked.keys();
    if (this.#checked.size > MAX_CHECKED && oldest !== undefined) this.#checked.delete(oldest);
  }

  #pathOf(id: MediaId): string {
    return join(this.#directory, id);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

/** What a download has been promised, and what it has taken of it. */
class Room {
  bytes = 0;
  written = 0;
}

class OpenFile implements OpenMedia {
  constructor(
    private readonly file: FileHandle,
    readonly sizeBytes: number,
    readonly sha256: Buffer,
  ) {}

  async read(buffer: Buffer, offset: number): Promise<number> {
    return (await this.file.read(buffer, 0, buffer.length, offset)).bytesRead;
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

/** Whether content of this hash is what the name stands for; where no hash was stated, the seal of the download has to do. */
function fits(id: MediaId, sha256: Buffer): boolean {
  return id.length !== 2 * sha256.length || id === sha256.toString('hex');
}

async function hashOf(file: FileHandle): Promise<Buffer> {
  const hash = createHash('sha256');
  const buffer = Buffer.alloc(HASHED_AT_A_TIME);
  for (let at = 0; ;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) return hash.digest();
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}

async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

const MEDIA = 'media';
const GROWTH_BYTES = 8 * 1024 * 1024;
const HASHED_AT_A_TIME = 256 * 1024;
const SLACK = 0.1;
/** Some 200 bytes each; what is forgotten is checked once more. */
const MAX_CHECKED = 4096;
