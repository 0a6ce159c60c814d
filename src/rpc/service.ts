import type { DescMessage, DescMethod, DescService, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { create, fromBinary, isMessage, toBinary } from '@bufbuild/protobuf';
import type {
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  MethodDefinition,
  Server,
  UntypedHandleCall,
} from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { invalidArgument } from '../domain/fault.js';
import { MessagesFrame } from './frame.js';
import type { AnyCall, CallKind, OpenCall, OpenCalls } from './open-calls.js';
import { readRequests } from './request-stream.js';
import type { CallFailure } from './status.js';
import { toFailure } from './status.js';
import { FrameWriter } from './stream.js';

/** An answer: a message or what makes one, or its bytes, which go out as they are. */
export type Reply<D extends DescMessage> = MessageInitShape<D> | Uint8Array;

/**
 * The handlers of a service, one for each method. They throw `DomainError` for what a client can act on. `signal`
 * aborts when the client is gone or the server drains; what they then throw does not matter.
 */
export type Handlers<S extends DescService> = { [K in keyof S['method']]: Handler<S['method'][K]> };

type Handler<M> = M extends {
  methodKind: infer K;
  input: infer I extends DescMessage;
  output: infer O extends DescMessage;
}
  ? K extends 'unary'
    ? (request: MessageShape<I>, signal: AbortSignal) => Promise<Reply<O>>
    : K extends 'server_streaming'
      ? (request: MessageShape<I>, frames: FrameWriter<Reply<O> | MessagesFrame>) => Promise<void>
      : K extends 'client_streaming'
        ? (requests: AsyncIterable<MessageShape<I>>, signal: AbortSignal) => Promise<Reply<O>>
        : never
  : never;

/** What every call needs. */
export interface ServiceDependencies {
  calls: OpenCalls;
  log: Logger;
}

/** Adds a service to a server. Nothing that a handler throws reaches grpc-js or ends the process. */
export function addService<S extends DescService>(
  server: Pick<Server, 'addService'>,
  service: S,
  handlers: Handlers<S>,
  dependencies: ServiceDependencies,
): void {
  const definitions: Record<string, MethodDefinition<Request, Answer>> = {};
  const implementations: Record<string, UntypedHandleCall> = {};
  for (const method of service.methods) {
    definitions[method.localName] = methodDefinition(method);
    // Safety: `Handlers` demands a handler for each method, of the form that `AnyHandlers` states for its kind.
    const handler = (handlers as Record<string, unknown>)[method.localName];
    implementations[method.localName] = implementation(method, handler, dependencies);
  }
  server.addService(definitions, implementations);
}

/** A decoded request; undefined when its bytes are not a message of its type. */
interface Request {
  message: unknown;
}

/** A `Reply` whose type is forgotten. */
type Answer = Uint8Array | MessagesFrame | Record<string, unknown>;

function methodDefinition(method: DescMethod): MethodDefinition<Request, Answer> {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    originalName: method.localName,
    requestStream: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
    responseStream: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
    // Only a client would call this one.
    requestSerialize: () => Buffer.alloc(0),
    requestDeserialize: (bytes) => ({ message: decode(method.input, bytes) }),
    responseSerialize: (answer) => encode(method.output, answer),
    responseDeserialize: (bytes) => bytes,
  };
}

/** Never throws: grpc-js would answer with a text of its own and no details. */
function decode(input: DescMessage, bytes: Buffer): unknown {
  try {
    return fromBinary(input, bytes);
  } catch {
    return undefined;
  }
}

function encode(output: DescMessage, answer: Answer): Buffer {
  if (answer instanceof MessagesFrame) return answer.join();
  const bytes =
    answer instanceof Uint8Array
      ? answer
      : toBinary(output, isMessage(answer, output) ? answer : create(output, answer));
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function implementation(method: DescMethod, handler: unknown, dependencies: ServiceDependencies): UntypedHandleCall {
  switch (method.methodKind) {
    case 'unary':
      // Safety: see `addService`.
      return unary(method, handler as UnaryHandler, dependencies);
    case 'server_streaming':
      // Safety: see `addService`.
      return serverStream(method, handler as ServerStreamHandler, dependencies);
    case 'client_streaming':
      // Safety: see `addService`.
      return clientStream(method, handler as ClientStreamHandler, dependencies);
    case 'bidi_streaming':
      throw new Error(`${method.name}: the contract has no bidirectional stream`);
  }
}

type UnaryHandler = (request: unknown, signal: AbortSignal) => Promise<Answer>;
type ServerStreamHandler = (request: unknown, frames: FrameWriter<Answer>) => Promise<void>;
type ClientStreamHandler = (requests: AsyncIterable<unknown>, signal: AbortSignal) => Promise<Answer>;

function unary(
  method: DescMethod,
  handler: UnaryHandler,
  dependencies: ServiceDependencies,
): handleUnaryCall<Request, Answer> {
  return (call, callback) => {
    void guard(
      'unary',
      method,
      call,
      dependencies,
      (failure) => callback(failure),
      async (open) => {
        const answer = await handler(messageOf(call.request), open.signal);
        return () => callback(null, encode(method.output, answer));
      },
    );
  };
}

function serverStream(
  method: DescMethod,
  handler: ServerStreamHandler,
  dependencies: ServiceDependencies,
): handleServerStreamingCall<Request, Answer> {
  return (call) => {
    const fail = (failure: CallFailure): void => void call.emit('error', failure);
    void guard('stream', method, call, dependencies, fail, async (open) => {
      await handler(messageOf(call.request), new FrameWriter(call, open));
      return () => call.end();
    });
  };
}

function clientStream(
  method: DescMethod,
  handler: ClientStreamHandler,
  dependencies: ServiceDependencies,
): handleClientStreamingCall<Request, Answer> {
  return (call, callback) => {
    void guard(
      'upload',
      method,
      call,
      dependencies,
      (failure) => callback(failure),
      async (open) => {
        // Else a handler would wait for the next request of a client that has nothing to say.
        open.signal.addEventListener('abort', () => call.destroy());
        const answer = await handler(messagesOf(readRequests(call, open.uploadStallMs)), open.signal);
        return () => callback(null, encode(method.output, answer));
      },
    );
  };
}

/**
 * The one wrapper around every handler: admits the call, runs `work`, sends its answer or what it threw, and never
 * rejects. An async handler that rejected would be an unhandled rejection, which ends the process, and grpc-js would
 * send the text of what it threw. A call whose client is gone is not a failure and gets no answer.
 */
async function guard(
  kind: CallKind,
  method: DescMethod,
  call: AnyCall,
  { calls, log }: ServiceDependencies,
  fail: (failure: CallFailure) => void,
  work: (open: OpenCall) => Promise<() => void>,
): Promise<void> {
  let open: OpenCall | undefined;
  try {
    open = calls.admit(kind, call);
    const answer = await work(open);
    open.signal.throwIfAborted();
    answer();
  } catch (error) {
    // What a handler throws because it was stopped does not matter: why it was stopped does.
    const cause: unknown = open?.signal.aborted === true ? open.signal.reason : error;
    if (!call.cancelled) fail(toFailure(cause, `${method.parent.typeName}/${method.name}`, log));
  } finally {
    open?.handedOver();
  }
}

function messageOf(request: Request): unknown {
  return request.message ?? invalidArgument('request', 'its bytes are not a message of the type of this method');
}

async function* messagesOf(requests: AsyncIterable<Request>): AsyncGenerator<unknown, void, undefined> {
  for await (const request of requests) yield messageOf(request);
}
