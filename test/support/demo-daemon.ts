import type { ChildProcess, StdioOptions } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect } from '../../src/cli/client.js';

const cliPath = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/** How long a daemon on an empty directory may take to answer; it takes well under a second. */
const startLimitMs = 30_000;

/** Somebody stopped the demo. */
export class Stopped extends Error {}

/** A demo: a daemon on a directory of its own, and the commands that talk to it. */
export class Demo {
  readonly directory: string;
  readonly address: string;
  readonly #signal: AbortSignal;
  #daemon: ChildProcess | undefined;

  private constructor(directory: string, address: string, signal: AbortSignal) {
    this.directory = directory;
    this.address = address;
    this.#signal = signal;
  }

  /** Runs a demo on a directory of its own, and clears up behind it whatever happens. */
  static async run(signal: AbortSignal, work: (demo: Demo) => Promise<void>): Promise<void> {
    const directory = await mkdtemp(join(tmpdir(), 'scrollback-demo-'));
    const demo = new Demo(directory, `127.0.0.1:${String(await findFreePort())}`, signal);
    try {
      say(`Everything of this demo is in ${directory} and goes away with it. \`scrollback\` stands for`);
      say(`\`node ${relative(process.cwd(), cliPath)}\`.\n`);
      await work(demo);
    } catch (error) {
      if (!(error instanceof Stopped)) say(`\nThe daemon's log ended with:\n${await demo.#readLog()}`);
      throw error;
    } finally {
      await demo.#clear();
    }
  }

  /** Starts the daemon and waits until it answers. Its log goes to a file. `env` is what is not shown of its settings. */
  async startDaemon(env: Readonly<Record<string, string>> = {}): Promise<void> {
    const dataDirectory = join(this.directory, 'data');
    say(`$ SCROLLBACK_LISTEN=${this.address} SCROLLBACK_DATA_DIR=${dataDirectory} scrollback serve &`);
    const log = await open(join(this.directory, 'daemon.log'), 'w');
    // It keeps no free space in reserve: a temporary directory is often a small one.
    const settings = { SCROLLBACK_DATA_DIR: dataDirectory, SCROLLBACK_MIN_FREE_BYTES: '0' };
    this.#daemon = spawn(process.execPath, [cliPath, 'serve'], {
      stdio: ['ignore', log.fd, log.fd],
      env: { ...process.env, ...settings, ...env, SCROLLBACK_LISTEN: this.address },
    });
    await log.close();
    const connection = connect(this.address);
    try {
      const startedAt = performance.now();
      while (!(await isAnswering(connection))) {
        this.#signal.throwIfAborted();
        if (this.#daemon.exitCode !== null || performance.now() - startedAt > startLimitMs) {
          throw new Error('the daemon did not start');
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    } finally {
      connection.close();
    }
  }

  /** Runs a command as a person would, with its output on the terminal; `input` goes through a pipe. */
  async run(args: readonly string[], input?: string): Promise<void> {
    const command = this.#spawn(args, [input === undefined ? 'inherit' : 'pipe', 'inherit', 'inherit'], input);
    command.stdin?.on('error', () => undefined).end(input);
    await this.#ended(command);
  }

  /** The same, and hands on what it prints beside its results, as it comes. */
  async runListening(args: readonly string[], heard: (text: string) => void): Promise<void> {
    const command = this.#spawn(args, ['inherit', 'inherit', 'pipe']);
    command.stderr?.setEncoding('utf8').on('data', (text: string) => {
      process.stderr.write(text);
      heard(text);
    });
    await this.#ended(command);
  }

  /** The same for one that does not end by itself: a Ctrl-C ends it when `work` is done. */
  async runDuring(args: readonly string[], work: () => Promise<void>): Promise<void> {
    const command = this.#spawn(args, ['inherit', 'inherit', 'inherit']);
    const closed = once(command, 'close');
    try {
      await work();
    } finally {
      command.kill('SIGINT');
      await closed;
    }
    this.#signal.throwIfAborted();
  }

  #spawn(args: readonly string[], stdio: StdioOptions, input?: string): ChildProcess {
    this.#signal.throwIfAborted();
    const shown = args.map((arg) => (/[^\w./:@=-]/.test(arg) ? `'${arg}'` : arg)).join(' ');
    say(`\n$ ${input === undefined ? '' : 'cat key | '}scrollback ${shown}`);
    return spawn(process.execPath, [cliPath, ...args], {
      stdio,
      env: { ...process.env, SCROLLBACK_ADDRESS: this.address },
    });
  }

  async #ended(command: ChildProcess): Promise<void> {
    const stop = (): boolean => command.kill('SIGTERM');
    this.#signal.addEventListener('abort', stop);
    const [code]: (number | null)[] = await once(command, 'close');
    this.#signal.removeEventListener('abort', stop);
    this.#signal.throwIfAborted();
    if (code !== 0) throw new Error('this command failed');
  }

  /** Returns the last lines that the daemon logged. */
  async #readLog(): Promise<string> {
    const text = await readFile(join(this.directory, 'daemon.log'), 'utf8').catch(() => '');
    return text.trimEnd().split('\n').slice(-10).join('\n');
  }

  /** Resolves when the daemon has ended by itself, or when the demo is stopped. */
  async untilStopped(): Promise<void> {
    if (this.#daemon?.exitCode === null)
      await once(this.#daemon, 'exit', { signal: this.#signal }).catch(() => undefined);
  }

  /** Stops the daemon and removes everything. */
  async #clear(): Promise<void> {
    if (this.#daemon?.exitCode === null && this.#daemon.signalCode === null) {
      const ended = once(this.#daemon, 'exit');
      this.#daemon.kill('SIGTERM');
      await ended;
    }
    await rm(this.directory, { recursive: true, force: true });
  }
}

async function isAnswering(connection: ReturnType<typeof connect>): Promise<boolean> {
  try {
    await connection.sessions.listSessions({});
    return true;
  } catch {
    return false;
  }
}

/** A port that was free a moment ago. */
async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port is free');
  return address.port;
}

/** Prints a line. */
export function say(text: string): void {
  process.stdout.write(text + '\n');
}
