import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Which stretch of a synthetic account a backup holds; the same account has the same messages in every window. */
export interface BackupWindow {
  /** Messages of the whole account. */
  accountMessages: number;
  /** The first and the last one in this backup, counted from 1. */
  from: number;
  to: number;
}

/** A backup on the disk and the file with its key (64 hex digits). */
export interface Backup {
  path: string;
  keyPath: string;
  fileName: string;
  bytes: number;
  messages: number;
}

/** Makes crypt15 backups with the project's own generator, in a process of its own; one that is there already is used again. */
export class Backups {
  readonly directory: string;
  readonly #onClose: (release: () => Promise<void>) => void;

  /** `onClose` takes what must happen when the benchmark ends early. */
  constructor(directory: string, onClose: (release: () => Promise<void>) => void) {
    this.directory = directory;
    this.#onClose = onClose;
  }

  async make(window: BackupWindow): Promise<Backup> {
    const fileName = `account-${window.accountMessages}-${window.from}-${window.to}.crypt15`;
    const path = join(this.directory, fileName);
    const keyPath = `${path}.key`;
    if (!(await exists(path)) || !(await exists(keyPath))) await this.#generate(window, path, keyPath);
    const { size } = await stat(path);
    return { path, keyPath, fileName, bytes: size, messages: window.to - window.from + 1 };
  }

  /** What is half made never has the name of a backup. */
  async #generate(window: BackupWindow, path: string, keyPath: string): Promise<void> {
    await mkdir(this.directory, { recursive: true });
    const directory = await mkdtemp(join(this.directory, '.new-'));
    const clear = (): Promise<void> => rm(directory, { recursive: true, force: true });
    this.#onClose(clear);
    const newPath = join(directory, 'backup');
    const newKeyPath = join(directory, 'key');
    const options = {
      messages: window.accountMessages,
      from: window.from,
      to: window.to,
      // The generator's own choice of one in 300 messages, up to what a very busy account has.
      chats: Math.max(40, Math.min(3000, Math.floor(window.accountMessages / 300))),
      out: newPath,
      'key-out': newKeyPath,
    };
    const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
    const child = spawn(process.execPath, [generatorPath, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
    const closed = once(child, 'close');
    this.#onClose(async () => {
      child.kill('SIGKILL');
      await closed;
    });
    const [code]: unknown[] = await closed;
    if (code !== 0) throw new Error('the generator of backups failed');
    await rename(newKeyPath, keyPath);
    await rename(newPath, path);
    await clear();
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

const generatorPath = fileURLToPath(new URL('../support/make-backup.js', import.meta.url));
