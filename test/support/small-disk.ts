import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Whether this machine lets one mount a file system of one's own. */
export const canMount = spawnSync('unshare', ['-Urm', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0;

/** A small file system of its own in a mount namespace, which daemons enter. */
export class SmallDisk {
  readonly path: string;
  readonly #holder: ChildProcess;

  private constructor(path: string, holder: ChildProcess) {
    this.path = path;
    this.#holder = holder;
  }

  static async mount(megabytes: number): Promise<SmallDisk> {
    const path = await mkdtemp(join(tmpdir(), 'scrollback-disk-'));
    const script = `mount -t tmpfs -o size=${String(megabytes)}m tmpfs '${path}' && echo ready && exec cat`;
    const holder = spawn('unshare', ['-Urm', 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    return new SmallDisk(path, holder);
  }

  /** The command that runs another one inside. */
  get wrap(): string[] {
    return ['nsenter', '-t', String(this.#holder.pid), '-U', '-m', '--preserve-credentials'];
  }

  /** The path of a file on it, as seen from outside. */
  outside(name: string): string {
    return `/proc/${String(this.#holder.pid)}/root${join(this.path, name)}`;
  }

  /** Fills it until so many bytes are free. */
  async fill(freeBytes: number): Promise<void> {
    const file = await open(this.outside('ballast'), 'a');
    try {
      const chunk = Buffer.alloc(64 * 1024, 1);
      for (;;) await file.write(chunk);
    } catch {
      // It is full.
      const { size } = await file.stat();
      await file.truncate(Math.max(0, size - freeBytes));
    } finally {
      await file.close();
    }
  }

  async empty(): Promise<void> {
    await rm(this.outside('ballast'), { force: true });
  }

  async unmount(): Promise<void> {
    const ended = once(this.#holder, 'close');
    this.#holder.kill('SIGKILL');
    await ended;
    await rm(this.path, { recursive: true, force: true });
  }
}
