import type { ChildProcess, StdioOptions } from 'node:child_process';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { connect } from '../../src/cli/client.js';
import { makeBackup } from './make-backup.js';

const cliPath = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/** How long a daemon on an empty directory may take to answer; it takes well under a second. */
const startLimitMs = 30_000;

const usage = `Usage: npm run demo [-- --keep] [-- --messages N]
Imports a synthetic encrypted backup into a daemon on a temporary directory, shows it, and cleans up.
  --keep        leaves the daemon running until Ctrl-C
  --messages N  how many messages the backup has (default 20000)
`;

/** Somebody stopped the demo. */
class Stopped extends Error {}

/** A demo: a daemon on a directory of its own, and the commands that talk to it. */
class Demo {
  readonly #directory: string;
  readonly #address: string;
  readonly #signal: AbortSignal;
  #daemon: ChildProcess | undefined;

  constructor(directory: string, address: string, signal: AbortSignal) {
    this.#directory = directory;
    this.#address = address;
    this.#signal = signal;
  }

  /** Starts the daemon and waits until it answers. Its log goes to a file. */
  async startDaemon(): Promise<void> {
    const dataDirectory = join(this.#directory, 'data');
    say(`$ SCROLLBACK_LISTEN=${this.#address} SCROLLBACK_DATA_DIR=${dataDirectory} scrollback serve &`);
    const log = await open(join(this.#directory, 'daemon.log'), 'w');
    // It keeps no free space in reserve: a temporary directory is often a small one.
    const settings = { SCROLLBACK_DATA_DIR: dataDirectory, SCROLLBACK_MIN_FREE_BYTES: '0' };
    this.#daemon = spawn(process.execPath, [cliPath, 'serve'], {
      stdio: ['ignore', log.fd, log.fd],
      env: { ...process.env, ...settings, SCROLLBACK_LISTEN: this.#address },
    });
    await log.close();
    const connection = connect(this.#address);
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
    this.#signal.throwIfAborted();
    const shown = args.map((arg) => (/[^\w./:@=-]/.test(arg) ? `'${arg}'` : arg)).join(' ');
    say(`\n$ ${input === undefined ? '' : 'cat key | '}scrollback ${shown}`);
    const stdio: StdioOptions = [input === undefined ? 'inherit' : 'pipe', 'inherit', 'inherit'];
    const command = spawn(process.execPath, [cliPath, ...args], {
      stdio,
      env: { ...process.env, SCROLLBACK_ADDRESS: this.#address },
    });
    command.stdin?.on('error', () => undefined).end(input);
    const stop = (): boolean => command.kill('SIGTERM');
    this.#signal.addEventListener('abort', stop);
    const [code]: (number | null)[] = await once(command, 'close');
    this.#signal.removeEventListener('abort', stop);
    this.#signal.throwIfAborted();
    if (code !== 0) throw new Error('this command failed');
  }

  /** Returns the last lines that the daemon logged. */
  async readLog(): Promise<string> {
    const text = await readFile(join(this.#directory, 'daemon.log'), 'utf8').catch(() => '');
    return text.trimEnd().split('\n').slice(-10).join('\n');
  }

  /** Resolves when the daemon has ended by itself, or when the demo is stopped. */
  async untilStopped(): Promise<void> {
    if (this.#daemon?.exitCode === null)
      await once(this.#daemon, 'exit', { signal: this.#signal }).catch(() => undefined);
  }

  /** Stops the daemon and removes everything. */
  async clear(): Promise<void> {
    if (this.#daemon?.exitCode === null && this.#daemon.signalCode === null) {
      const ended = once(this.#daemon, 'exit');
      this.#daemon.kill('SIGTERM');
      await ended;
    }
    await rm(this.#directory, { recursive: true, force: true });
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

async function runDemo(options: { messages: number; keep: boolean }, signal: AbortSignal): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'scrollback-demo-'));
  const address = `127.0.0.1:${String(await findFreePort())}`;
  const demo = new Demo(directory, address, signal);
  try {
    say(`Everything of this demo is in ${directory} and goes away with it. \`scrollback\` stands for`);
    say(`\`node ${relative(process.cwd(), cliPath)}\`.\n`);
    await demo.startDaemon();
    const backup = join(directory, 'msgstore.db.crypt15');
    const key = randomBytes(32);
    say(`\nMaking a synthetic backup of ${String(options.messages)} messages, encrypted as WhatsApp does it …`);
    await makeBackup(backup, 'crypt15', key, { messages: options.messages, seed: 7 });
    say(`${backup}: ${((await stat(backup)).size / 1e6).toFixed(1)} MB`);
    await demo.run(['import', backup, '--session', 'demo', '--key-file', '-'], key.toString('hex'));
    await demo.run(['chats', '--session', 'demo', '--limit', '10']);
    await demo.run(['groups', '--session', 'demo', '--limit', '5']);
    await demo.run(['messages', '--session', 'demo', '--limit', '15']);
    if (options.keep) await keep(demo, address);
    else sayHowToGoOn();
  } catch (error) {
    if (!(error instanceof Stopped)) say(`\nThe daemon's log ended with:\n${await demo.readLog()}`);
    throw error;
  } finally {
    await demo.clear();
  }
}

async function keep(demo: Demo, address: string): Promise<void> {
  say(`
The daemon goes on until Ctrl-C. In another terminal:
  $ export SCROLLBACK_ADDRESS=${address}
  $ scrollback messages --session demo --limit 0 --json | head -3
  $ scrollback watch --session demo --after 0
  $ npx buf curl --protocol grpc --http2-prior-knowledge http://${address}/scrollback.v1.SessionService/ListSessions`);
  await demo.untilStopped();
}

function sayHowToGoOn(): void {
  say(`
To go on with a backup of your own:
  $ npm start
and in another terminal:
  $ scrollback import msgstore.db.crypt15 --session me      asks for the 64-digit key
  $ scrollback messages --session me --limit 20
  $ scrollback watch --session me
  $ scrollback --help
\`npm run demo -- --keep\` leaves the daemon of this demo running, to look around.`);
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

function say(text: string): void {
  process.stdout.write(text + '\n');
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { keep: { type: 'boolean' }, messages: { type: 'string' } } });
  const messages = Number(values.messages ?? '20000');
  if (!Number.isSafeInteger(messages) || messages < 1) {
    process.stderr.write(usage);
    process.exitCode = 2;
    return;
  }
  const aborter = new AbortController();
  const stop = (): void => aborter.abort(new Stopped());
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    await runDemo({ messages, keep: values.keep === true }, aborter.signal);
  } catch (error) {
    const isStopped = error instanceof Stopped;
    process.exitCode = isStopped ? 130 : 1;
    if (!isStopped) process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main();
