import { Writable } from 'node:stream';
import type { CallOptions, Client, ClientReadableStream, ServiceError } from '@grpc/grpc-js';
import { pino } from 'pino';
import type { Connection } from '../../src/cli/client.js';
import { connect } from '../../src/cli/client.js';
import type { RpcLimits } from '../../src/rpc/limits.js';
import type { RunningServer } from '../../src/rpc/server.js';
import { startServer } from '../../src/rpc/server.js';
import { MemorySessions } from './memory-sessions.js';

/** The real server over sessions in memory, and a client of it. */
export interface Door extends Connection {
  server: RunningServer;
  address: string;
  memory: MemorySessions;
  /** What the server logged, all levels, as JSON lines. */
  logged: string[];
  /** Closes the client and the server. */
  stop(): Promise<void>;
}

/** Opens a door on a free port of loopback, or on `listen`. */
export async function openDoor(limits: Partial<RpcLimits> = {}, listen = '127.0.0.1:0'): Promise<Door> {
  const memory = new MemorySessions();
  const logged: string[] = [];
  const lines = new Writable({
    write(line: Buffer, _encoding, done) {
      logged.push(line.toString());
      done();
    },
  });
  const log = pino({ level: 'trace' }, lines);
  const server = await startServer({ sessions: memory, log, listen: [listen], limits });
  const address = server.addresses[0] ?? '';
  const connection = connect(address);
  return {
    ...connection,
    server,
    address,
    memory,
    logged,
    async stop() {
      connection.close();
      await server.drain();
    },
  };
}

/** Waits until something holds, at each turn of the event loop; the test's own timeout is the bound. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

/** Sends bytes as the request of a unary method, past every encoder, and returns the error or the bytes of the answer. */
export function callRaw(client: Client, path: string, request: Buffer): Promise<ServiceError | Buffer> {
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, same, same, request, (error, answer) => resolve(error ?? answer ?? Buffer.alloc(0)));
  });
}

/** Starts a server stream of which the caller reads the frames as it likes, or not at all; `failed` is its error. */
export function streamRaw(
  client: Client,
  path: string,
  request: Buffer,
  options: CallOptions = {},
): { call: ClientReadableStream<Buffer>; failed: Promise<ServiceError> } {
  const call = client.makeServerStreamRequest<Buffer, Buffer>(path, same, same, request, options);
  const failed = new Promise<ServiceError>((resolve) => call.once('error', resolve));
  return { call, failed };
}

const same = (bytes: Buffer): Buffer => bytes;
