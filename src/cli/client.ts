import type { DescMessage, DescMethod, DescService, Message, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { ServiceError } from '@grpc/grpc-js';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { BackfillService } from '../gen/scrollback/v1/backfill_service_pb.js';
import { HistoryService } from '../gen/scrollback/v1/history_service_pb.js';
import { SessionService } from '../gen/scrollback/v1/session_service_pb.js';
import { CallError, fromServiceError } from './call-error.js';
import { reasonOf } from './failure.js';

/** What every call accepts. */
export interface CallOptions {
  /** Cancels the call; it then throws the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Bounds a unary call; streams have no bound. */
  timeoutMs?: number;
}

/**
 * The methods of a service: a unary call is a promise, a server stream an iterable that reads only as fast as it is
 * consumed, a client stream a promise that pulls its requests only as fast as they are sent. All throw `CallError`.
 */
export type ServiceClient<S extends DescService> = { [K in keyof S['method']]: Call<S['method'][K]> };

type Call<M> = M extends {
  methodKind: infer K;
  input: infer I extends DescMessage;
  output: infer O extends DescMessage;
}
  ? K extends 'unary'
    ? (request: MessageInitShape<I>, options?: CallOptions) => Promise<MessageShape<O>>
    : K extends 'server_streaming'
      ? (request: MessageInitShape<I>, options?: CallOptions) => AsyncIterable<MessageShape<O>>
      : K extends 'client_streaming'
        ? (requests: AsyncIterable<MessageInitShape<I>>, options?: CallOptions) => Promise<MessageShape<O>>
        : never
  : never;

/** A connection to a daemon. */
export interface Connection {
  readonly sessions: ServiceClient<typeof SessionService>;
  readonly backfills: ServiceClient<typeof BackfillService>;
  readonly history: ServiceClient<typeof HistoryService>;
  /** Closes the connection; calls that are under way end. */
  close(): void;
}

/** Longer than any unary call should take, so that a daemon that hangs becomes an error. Chosen, not measured. */
const unaryTimeoutMs = 60_000;

/** A page ends at about 1 MiB, yet a single message may be larger; four times grpc-js's own default. */
const maxReceiveBytes = 16 * 1024 * 1024;

/** How quickly a daemon that restarts is found again; grpc-js's defaults (1 s to 120 s) are for distant servers. */
const reconnectBackoff = { initialMs: 100, maxMs: 1_000 };

/**
 * Connects to the daemon at `address` (`host:port` or `unix:/path`). Does no I/O: the first call connects, and fails
 * with UNAVAILABLE when nobody listens.
 */
export function connect(address: string): Connection {
  const channel = new Client(address, credentials.createInsecure(), {
    // A proxy from the environment must not see keys and messages on their way to this machine.
    'grpc.enable_http_proxy': 0,
    'grpc.max_receive_message_length': maxReceiveBytes,
    'grpc.initial_reconnect_backoff_ms': reconnectBackoff.initialMs,
    'grpc.min_reconnect_backoff_ms': reconnectBackoff.initialMs,
    'grpc.max_reconnect_backoff_ms': reconnectBackoff.maxMs,
  });
  return {
    sessions: serviceClient(channel, SessionService),
    backfills: serviceClient(channel, BackfillService),
    history: serviceClient(channel, HistoryService),
    close: () => channel.close(),
  };
}

function serviceClient<S extends DescService>(channel: Client, service: S): ServiceClient<S> {
  const calls: Record<string, unknown> = {};
  for (const method of service.methods) calls[method.localName] = bind(channel, method);
  // Safety: `bind` gives each method the form that `Call` states for its kind.
  return calls as ServiceClient<S>;
}

function bind(channel: Client, method: DescMethod): unknown {
  switch (method.methodKind) {
    case 'unary':
      return (request: Message, options?: CallOptions) => unary(channel, method, request, options);
    case 'server_streaming':
      return (request: Message, options?: CallOptions) => readStream(channel, method, request, options);
    case 'client_streaming':
      return (requests: AsyncIterable<Message>, options?: CallOptions) =>
        writeStream(channel, method, requests, options);
    case 'bidi_streaming':
      throw new Error(`${method.name}: the contract has no bidirectional stream`);
  }
}

/**
 * The answer is decoded here and not by grpc-js: V8 keeps finished calls of it until the next full collection, and what they reach
 * with them. With 50 messages in each, every minor collection took 8 ms instead of 2.
 */
async function unary(channel: Client, method: DescMethod, request: Message, options?: CallOptions): Promise<Message> {
  return fromBinary(method.output, await answerOf(channel, method, request, options));
}

function answerOf(
  channel: Client,
  method: DescMethod,
  request: Message,
  { signal, timeoutMs = unaryTimeoutMs }: CallOptions = {},
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(reasonOf(signal));
    const deadline = Date.now() + timeoutMs;
    const call = channel.makeUnaryRequest<Message, Buffer>(
      pathOf(method),
      serializer(method),
      (bytes) => bytes,
      request,
      new Metadata(),
      { deadline },
      (error, answer) => {
        signal?.removeEventListener('abort', cancel);
        if (answer !== undefined && error === null) resolve(answer);
        else reject(failureOf(error, signal));
      },
    );
    const cancel = (): void => call.cancel();
    signal?.addEventListener('abort', cancel);
  });
}

async function* readStream(
  channel: Client,
  method: DescMethod,
  request: Message,
  { signal }: CallOptions = {},
): AsyncGenerator<Message, void, undefined> {
  if (signal?.aborted === true) throw reasonOf(signal);
  const call = channel.makeServerStreamRequest<Message, Message>(
    pathOf(method),
    serializer(method),
    deserializer(method),
    request,
    new Metadata(),
  );
  const cancel = (): void => call.cancel();
  signal?.addEventListener('abort', cancel);
  // A call that is cancelled below still reports CANCELLED, when nobody iterates any more.
  call.on('error', () => undefined);
  try {
    for await (const message of call) {
      // Safety: the deserializer of this call makes exactly this type.
      yield message as Message;
    }
  } catch (error) {
    throw failureOf(error, signal);
  } finally {
    signal?.removeEventListener('abort', cancel);
    call.cancel();
  }
}

async function writeStream(
  channel: Client,
  method: DescMethod,
  requests: AsyncIterable<Message>,
  { signal }: CallOptions = {},
): Promise<Message> {
  if (signal?.aborted === true) throw reasonOf(signal);
  let ended = false;
  let proceed = (): void => undefined;
  const { promise: answered, resolve, reject } = withResolvers<Message>();
  const call = channel.makeClientStreamRequest<Message, Message>(
    pathOf(method),
    serializer(method),
    deserializer(method),
    new Metadata(),
    (error, answer) => {
      ended = true;
      if (answer !== undefined && error === null) resolve(answer);
      else reject(failureOf(error, signal));
      proceed();
    },
  );
  // The failure is taken from `answered` below, however many requests were left.
  answered.catch(() => undefined);
  const cancel = (): void => call.cancel();
  signal?.addEventListener('abort', cancel);
  try {
    for await (const request of requests) {
      if (ended) break;
      // One request in flight: its callback waits for the window of the connection. It does not come when the call ends.
      await new Promise<void>((next) => {
        proceed = next;
        call.write(request, () => next());
      });
      if (ended) break;
    }
    if (!ended) call.end();
    return await answered;
  } catch (error) {
    call.cancel();
    throw error;
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

function serializer(method: DescMethod): (request: Message) => Buffer {
  return (request) => {
    const bytes = toBinary(method.input, create(method.input, request));
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
}

function deserializer(method: DescMethod): (bytes: Buffer) => Message {
  return (bytes) => fromBinary(method.output, bytes);
}

function failureOf(error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return reasonOf(signal);
  return isServiceError(error) ? fromServiceError(error) : (error ?? new CallError(2, 'no answer', '', {}));
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error && 'metadata' in error;
}

/** What newer engines call Promise.withResolvers. */
function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (reason: unknown) => void } {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
