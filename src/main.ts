import { type Config, readConfig } from './config.js';
import { explainStart } from './explain-start.js';
import { type Logger, makeLogger } from './log.js';
import { WorkerPool } from './pool.js';
import { startServer } from './rpc/server.js';
import { toStatus } from './rpc/status.js';
import { openFileLimit } from './session/open-file-limit.js';
import { Turns } from './session/turns.js';
import { Supervisor } from './session/supervisor.js';
import { LazyLinks } from './whatsapp/lazy-links.js';

/**
 * Runs the daemon until it is told to stop (SIGTERM, SIGINT): builds the parts, recovers, serves, drains. Resolves when all is closed.
 * Rejects when it cannot start, with an Error whose message says what to do.
 */
export async function runDaemon(): Promise<void> {
  refuseOldNode();
  process.umask(0o077);
  const config = readConfig(process.env);
  const log = makeLogger(config.logLevel);
  warnOfSetting(config, log);
  const stop = stopSignal(log);
  let lost = false;
  const pool = new WorkerPool({
    threads: config.workers,
    onLostThread: () => {
      log.fatal('a worker thread does not react any more; the daemon stops so that it can be started anew');
      lost = true;
      stop.request();
    },
  });
  const links = new LazyLinks({
    url: config.whatsappUrl,
    version: config.whatsappVersion,
    log,
    now: Date.now,
    parser: pool,
    turns: new Turns(CHUNKS_AT_ONCE),
  });
  const sessions = await Supervisor.open({
    ...config,
    now: Date.now,
    random: Math.random,
    log,
    pool,
    describeFault: toStatus,
    connectLink: links.connectLink,
    inboxReader: links.inboxReader,
    loadLinks: links.load,
  }).catch((error: unknown) => {
    throw new Error(explainStart(error, config.dataDirectory), { cause: error });
  });
  try {
    const server = await startServer({
      sessions,
      log,
      listen: [config.listen],
      limits: { openStreams: config.maxStreams, uploadStallMs: config.uploadStallMs },
    });
    log.info({ listen: server.addresses, dataDirectory: config.dataDirectory, workers: config.workers }, 'serving');
    await sessions.resumeLinks();
    await stop.requested;
    log.info('draining');
    await server.drain();
  } finally {
    if (!lost) await sessions.close();
    if (!lost) await pool.close();
  }
  log.info('stopped');
  // A thread inside a native call would make every other way of ending hang (measured): the next start recovers.
  if (lost) process.kill(process.pid, 'SIGKILL');
}

/** Tells of what the daemon can live with, and its operator may not. Names alone: a misspelt setting may have a secret as its value. */
function warnOfSetting({ unknownSettings }: Config, log: Logger): void {
  if (unknownSettings.length > 0) log.warn({ unknownSettings }, 'these variables are no settings of this version');
  const openFiles = openFileLimit();
  if (openFiles !== undefined && openFiles < FEW_FILES) {
    log.warn({ openFiles }, 'few files may be open at once: with many sessions some cannot be used; raise the limit');
  }
}

/** A promise of SIGTERM, SIGINT or `request`; a second signal ends the process at once. */
function stopSignal(log: Logger): { requested: Promise<void>; request: () => void } {
  let request = (): void => undefined;
  const requested = new Promise<void>((resolve) => {
    request = resolve;
  });
  let signals = 0;
  const onSignal = (signal: string): void => {
    if (++signals > 1) {
      log.warn({ signal }, 'second signal: stopping at once; nothing that was committed is lost');
      process.exit(1);
    }
    request();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  return { requested, request };
}

/** Node 20.20.2 fixes a leak in HTTP/2 that a client can provoke (CVE-2026-21714). */
function refuseOldNode(): void {
  const [major = 0, minor = 0, patch = 0] = process.versions.node.split('.').map(Number);
  const new20 = major === 20 && (minor > 20 || (minor === 20 && patch >= 2));
  if (!new20 && major < 22)
    throw new Error(`Node ${process.versions.node} is too old: Scrollback needs 20.20.2 or newer`);
}

/** Chunks of history that are in memory at a time, of all sessions; each has some MB, at most a few hundred. Chosen, not measured. */
const CHUNKS_AT_ONCE = 4;

/** A history in use takes from ten to a hundred and more: with fewer than this, some hundred sessions are too many. */
const FEW_FILES = 4096;
