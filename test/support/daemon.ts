import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, connect } from '../../src/cli/client.js';
import { cliPath } from './run-cli.js';

/** How a daemon is started. */
export interface DaemonOptions {
  /** Settings and other variables beside those that the harness needs. */
  env?: Record<string, string>;
  /** A command that runs the daemon, for instance one that enters a namespace: it gets node and its arguments. */
  wrap?: readonly string[];
  /** The data directory; a temporary one, removed by `remove`, unless said. */
  dataDirectory?: string;
}

/** What `npm start` and the systemd unit tell the allocator of glibc: thresholds that stand still give memory back at once. */
export const allocatorEnvironment = { MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' };

/** The compiled daemon as a child process on a data directory of its own and a port that the system chose. */
export class Daemon {
  readonly dataDirectory: string;
  /** Everything that all of its lives have logged. */
  log = '';
  /** What ended the last life: a signal, or `exit` when it ended in order with 0; undefined while it runs. */
  endedBy: string | undefined;
  #options: DaemonOptions;
  #child: ChildProcess | undefined;
  #connection: Connection | undefined;
  #address = '';
  /** Where the log of the present life starts. */
  #lifeStart = 0;
  #waiters: (() => void)[] = [];

  private constructor(dataDirectory: string, options: DaemonOptions) {
    this.dataDirectory = dataDirectory;
    this.#options = options;
  }

  /** Starts a daemon and waits until it serves. Remove it afterwards. */
  static async start(options: DaemonOptions = {}): Promise<Daemon> {
    const daemon = await Daemon.launchInto(options);
    if (await daemon.untilServing()) return daemon;
    throw new Error(`the daemon ended early (${String(daemon.endedBy)}):\n${daemon.log.slice(-2000)}`);
  }

  /** Starts a daemon that may die before it serves. Remove it afterwards. */
  static async launchInto(options: DaemonOptions): Promise<Daemon> {
    const directory = options.dataDirectory ?? join(await mkdtemp(join(tmpdir(), 'scrollback-daemon-')), 'data');
    const daemon = new Daemon(directory, options);
    daemon.launch();
    return daemon;
  }

  /** A client of the present life. */
  get client(): Connection {
    if (this.#connection === undefined) throw new Error('the daemon does not run');
    return this.#connection;
  }

  get address(): string {
    return this.#address;
  }

  get runs(): boolean {
    return this.#child !== undefined;
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('the daemon does not run');
    return this.#child.pid;
  }

  /** Starts it again after the end of a life; `env` replaces the variables of the life before. */
  async restart(env = this.#options.env): Promise<void> {
    this.#options = { ...this.#options, ...(env === undefined ? {} : { env }) };
    this.launch();
    if (!(await this.untilServing()))
      throw new Error(`the daemon ended early (${String(this.endedBy)}):\n${this.log.slice(-2000)}`);
  }

  /** Starts the process, without waiting until it serves. */
  launch(): void {
    if (this.#child !== undefined) throw new Error('the daemon runs already');
    const [wrapper, ...wrapped] = this.#options.wrap ?? [];
    const command = wrapper ?? process.execPath;
    const args = [...wrapped, ...(wrapper === undefined ? [] : [process.execPath]), cliPath, 'serve'];
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        ...allocatorEnvironment,
        SCROLLBACK_LISTEN: '127.0.0.1:0',
        SCROLLBACK_DATA_DIR: this.dataDirectory,
        // A temporary directory is often a small one.
        SCROLLBACK_MIN_FREE_BYTES: '0',
        ...this.#options.env,
      },
    });
    this.#child = child;
    this.#lifeStart = this.log.length;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.log += text;
        this.#heard();
      });
    }
    this.endedBy = undefined;
    child.once('close', (code, signal) => {
      this.#connection?.close();
      this.#connection = undefined;
      this.#child = undefined;
      this.endedBy = code === 0 ? 'exit' : (signal ?? `code ${String(code)}`);
      this.#heard();
    });
  }

  /** Waits until it serves, and connects; false when it ended before. */
  async untilServing(): Promise<boolean> {
    const serving = await this.until(/"listen":\["([^"]+)"\].*"msg":"serving"/);
    if (serving?.[1] === undefined) return false;
    this.#address = serving[1];
    this.#connection = connect(this.#address);
    return true;
  }

  /** Waits until the log of this life has text that fits, and returns the match; undefined when the life ended before. */
  async until(text: RegExp): Promise<RegExpExecArray | undefined> {
    for (;;) {
      const found = text.exec(this.log.slice(this.#lifeStart));
      if (found !== null) return found;
      if (this.#child === undefined) return undefined;
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  /** Resolves when the present life is over, however it ends. */
  async ended(): Promise<void> {
    if (this.#child !== undefined) await once(this.#child, 'close');
  }

  /** Ends it as a crash does. */
  async kill9(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
  }

  /** Ends it in order; throws when it does not exit with 0. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const closed = once(child, 'close');
    child.kill('SIGTERM');
    const [code, signal]: (number | string | null)[] = await closed;
    if (code !== 0) throw new Error(`the daemon ended with ${String(code ?? signal)}:\n${this.log.slice(-2000)}`);
  }

  /** Stops it in order and removes its temporary directory, which it must not need any more. */
  async remove(): Promise<void> {
    try {
      await this.stop();
    } finally {
      await this.kill9();
      if (this.#options.dataDirectory === undefined) {
        await rm(join(this.dataDirectory, '..'), { recursive: true, force: true });
      }
    }
  }

  #heard(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }
}

/** Runs `work` with a daemon of its own, which must be able to stop in order afterwards. */
export async function withDaemon<T>(work: (daemon: Daemon) => Promise<T>, options: DaemonOptions = {}): Promise<T> {
  const daemon = await Daemon.start(options);
  try {
    const result = await work(daemon);
    await daemon.stop();
    return result;
  } finally {
    await daemon.kill9();
    await daemon.remove();
  }
}
