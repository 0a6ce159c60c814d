import type { DescService } from '@bufbuild/protobuf';
import { Server, ServerCredentials, setLogger } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { Health as HealthService } from '../gen/grpc/health/v1/health_pb.js';
import { BackfillService } from '../gen/scrollback/v1/backfill_service_pb.js';
import { HistoryService } from '../gen/scrollback/v1/history_service_pb.js';
import { SessionService } from '../gen/scrollback/v1/session_service_pb.js';
import type { Sessions } from '../session/sessions.js';
import { backfillService } from './backfill-service.js';
import { Health } from './health.js';
import { historyService } from './history-service.js';
import type { RpcLimits } from './limits.js';
import { defaultLimits } from './limits.js';
import type { ListenAddress } from './listen-address.js';
import { formatAddress, parseListenAddress, removeStaleSocket } from './listen-address.js';
import { OpenCalls } from './open-calls.js';
import { addReflection } from './reflection.js';
import { addService } from './service.js';
import { sessionService } from './session-service.js';

/** What a server is made of. */
export interface ServerOptions {
  sessions: Sessions;
  log: Logger;
  /** Addresses to listen on: see `parseListenAddress`. At least one. */
  listen: readonly string[];
  /** Departures from `defaultLimits`. */
  limits?: Partial<RpcLimits>;
}

/** A server that listens. */
export interface RunningServer {
  /** Where it listens, as clients write it, with the ports that port 0 became. */
  readonly addresses: readonly string[];
  /**
   * Stops in order: takes no more connections or calls, tells health watchers, ends streams and uploads with
   * SHUTTING_DOWN, lets unary calls end within the grace, then cuts off what is left. Never rejects; may be called twice.
   */
  drain(): Promise<void>;
}

/** Largest chunk of an upload, by contract. */
const chunkMaxBytes = 4 * 1024 * 1024;

/** What else an UploadBackupRequest holds: an id, an offset, tags; generously. */
const envelopeBytes = 4 * 1024;

/** A peer that vanished without a word is noticed after the sum of both; reliability figures, chosen. */
const keepalive = { timeMs: 30_000, timeoutMs: 10_000 } as const;

/** A connection without calls is closed after this; clients reconnect by themselves. Chosen. */
const connectionIdleMs = 5 * 60_000;

const publicServices: readonly DescService[] = [SessionService, BackfillService, HistoryService];

/** Starts to serve. Throws an Error that says what to do when an address is refused or taken; nothing listens then. */
export async function startServer({
  sessions,
  log,
  listen,
  limits: departures,
}: ServerOptions): Promise<RunningServer> {
  const limits = { ...defaultLimits, ...departures };
  const wanted = listen.map(parseListenAddress);
  const server = new Server({
    'grpc.max_receive_message_length': chunkMaxBytes + envelopeBytes,
    'grpc.max_concurrent_streams': limits.callsPerConnection,
    'grpc.keepalive_time_ms': keepalive.timeMs,
    'grpc.keepalive_timeout_ms': keepalive.timeoutMs,
    'grpc.max_connection_idle_ms': connectionIdleMs,
    // Nobody reads it, and it keeps a record of every connection.
    'grpc.enable_channelz': 0,
  });
  // Else it writes lines of its own to the terminal. What it has to say is in the errors that are thrown here.
  const tell = (...parts: unknown[]): void => log.debug({ grpc: parts.map(String).join(' ') }, 'grpc-js');
  setLogger({ error: tell, info: tell, debug: tell });
  const calls = new OpenCalls(limits);
  addService(server, SessionService, sessionService(sessions), { calls, log });
  addService(server, BackfillService, backfillService(sessions), { calls, log });
  addService(server, HistoryService, historyService(sessions, limits.heartbeatMs), { calls, log });
  const health = new Health(publicServices);
  health.addToServer(server);
  addReflection(server, [...publicServices, HealthService]);

  const addresses: string[] = [];
  try {
    for (const address of wanted) addresses.push(await bind(server, address));
  } catch (error) {
    server.forceShutdown();
    throw error;
  }

  let drained: Promise<void> | undefined;
  return {
    addresses,
    drain() {
      health.drain();
      calls.drain();
      return (drained ??= shutDown(server, limits.drainGraceMs));
    },
  };
}

async function bind(server: Server, address: ListenAddress): Promise<string> {
  if (address.kind === 'unix') await removeStaleSocket(address.path);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(formatAddress(address), ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(new Error(explainBind(address, error.message), { cause: error }));
    });
  });
  return formatAddress(address.kind === 'unix' ? address : { ...address, port });
}

/** Says why an address cannot be listened on, and what to do. grpc-js has the code of the system within a text of its own. */
function explainBind(address: ListenAddress, text: string): string {
  const code = /\bE[A-Z]{3,}\b/.exec(text)?.[0] ?? text;
  const why = (address.kind === 'unix' ? socketProblems : portProblems)[code];
  return `cannot listen on ${formatAddress(address)}: ${why === undefined ? code : `${why} (${code})`}`;
}

const portProblems: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program has this port, or another daemon; stop that, or set SCROLLBACK_LISTEN to another port',
  EACCES: 'this user may not take the port; set SCROLLBACK_LISTEN to one above 1023',
  EADDRNOTAVAIL: 'this machine does not have the address; set SCROLLBACK_LISTEN to another one',
};

const socketProblems: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another daemon has this path, or it is no socket; stop that, or set SCROLLBACK_LISTEN to another path',
  // libuv says the same of a directory that is missing.
  EACCES: 'its directory must exist and be writable for the user that the daemon runs as',
};

/** Closes the server; after `graceMs` by force. */
function shutDown(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const grace = setTimeout(() => server.forceShutdown(), graceMs);
    server.tryShutdown(() => {
      clearTimeout(grace);
      resolve();
    });
  });
}
