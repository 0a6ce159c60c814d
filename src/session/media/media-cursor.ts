import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChangeCursor } from '../../store/history-reader.js';

/**
 * How far the log of a session has been followed for files to fetch: a file of its own beside them. It is a convenience of the cache and no
 * part of the history: without it, fetching begins with what comes next.
 */
export class MediaCursor {
  readonly #directory: string;

  constructor(sessionDirectory: string) {
    this.#directory = join(sessionDirectory, 'media');
  }

  /** Undefined when there is none, or what is there cannot be read. */
  async read(): Promise<ChangeCursor | undefined> {
    const text = await readFile(this.#path, 'utf8').catch(() => '');
    const [, revision, index] = /^(\d{1,15}) (\d{1,15})\n$/.exec(text) ?? [];
    return revision === undefined ? undefined : { revision: Number(revision), index: Number(index) };
  }

  async write({ revision, index }: ChangeCursor): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const part = `${this.#path}.part`;
    const file = await open(part, 'w', 0o600);
    try {
      await file.writeFile(`${String(revision)} ${String(index)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, this.#path);
  }

  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
  }

  get #path(): string {
    return join(this.#directory, 'cursor');
  }
}
