import type { DescMessage, DescService, Message, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import type { MethodDefinition, Server, UntypedServiceImplementation } from '@grpc/grpc-js';
import { Metadata, status } from '@grpc/grpc-js';
import { ErrorInfoSchema } from '../../src/gen/google/rpc/error_details_pb.js';
import type { Status } from '../../src/gen/google/rpc/status_pb.js';
import { StatusSchema } from '../../src/gen/google/rpc/status_pb.js';

type Handler<M> = M extends {
  methodKind: infer K;
  input: infer I extends DescMessage;
  output: infer O extends DescMessage;
}
  ? K extends 'unary'
    ? (request: MessageShape<I>) => Promise<MessageInitShape<O>> | MessageInitShape<O>
    : K extends 'server_streaming'
      ? (request: MessageShape<I>, signal: AbortSignal) => AsyncIterable<MessageInitShape<O>>
      : (requests: AsyncIterable<MessageShape<I>>) => Promise<MessageInitShape<O>>
  : never;

/** The handlers of a service; a method without one answers UNIMPLEMENTED. */
export type Handlers<S extends DescService> = { [K in keyof S['method']]?: Handler<S['method'][K]> };

/** A google.rpc.Status with one ErrorInfo, as the daemon makes them. */
export function richStatus(
  code: number,
  reason: string,
  message: string,
  metadata: Record<string, string> = {},
): Status {
  const info = create(ErrorInfoSchema, { reason, domain: 'scrollback', metadata });
  return create(StatusSchema, { code, message, details: [anyPack(ErrorInfoSchema, info)] });
}

/** A failure that reaches the client as it is. */
export class FakeFailure extends Error {
  readonly status: Status;

  constructor(rich: Status) {
    super(rich.message);
    this.status = rich;
  }
}

/** A failure with one ErrorInfo. */
export function fault(
  code: number,
  reason: string,
  message: string,
  metadata: Record<string, string> = {},
): FakeFailure {
  return new FakeFailure(richStatus(code, reason, message, metadata));
}

function toServiceError(error: unknown): { code: number; details: string; metadata: Metadata } {
  const rich =
    error instanceof FakeFailure
      ? error.status
      : create(StatusSchema, { code: status.INTERNAL, message: String(error) });
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', Buffer.from(toBinary(StatusSchema, rich)));
  return { code: rich.code, details: rich.message, metadata };
}

/** Turns handlers into what a grpc-js server takes. */
export function serviceOf<S extends DescService>(service: S, handlers: Handlers<S>): Parameters<Server['addService']> {
  const definition: Record<string, MethodDefinition<Message, Message>> = {};
  const implementation: UntypedServiceImplementation = {};
  for (const method of service.methods) {
    const name = method.localName;
    definition[name] = {
      path: `/${service.typeName}/${method.name}`,
      requestStream: method.methodKind === 'client_streaming',
      responseStream: method.methodKind === 'server_streaming',
      requestSerialize: (value: Message) => Buffer.from(toBinary(method.input, value)),
      requestDeserialize: (bytes: Buffer) => fromBinary(method.input, bytes),
      responseSerialize: (value: Message) => Buffer.from(toBinary(method.output, create(method.output, value))),
      responseDeserialize: (bytes: Buffer) => fromBinary(method.output, bytes),
    };
    // Safety: `Handlers` has checked the handler; grpc-js's own types know nothing of the messages.
    const handler = (handlers as Record<string, ((input: unknown, signal?: AbortSignal) => unknown) | undefined>)[name];
    if (handler === undefined) continue;
    if (method.methodKind === 'server_streaming') {
      implementation[name] = (call: StreamCall) => void serveStream(call, (signal) => handler(call.request, signal));
    } else {
      implementation[name] = (call: { request?: unknown }, callback: Callback) => {
        const input = method.methodKind === 'client_streaming' ? call : call.request;
        Promise.resolve()
          .then(() => handler(input))
          .then((answer) => callback(null, answer))
          .catch((error: unknown) => callback(toServiceError(error)));
      };
    }
  }
  return [definition, implementation];
}

type Callback = (error: object | null, answer?: unknown) => void;

interface StreamCall {
  request: unknown;
  write(message: unknown, done: () => void): void;
  end(): void;
  emit(event: 'error', error: object): void;
  on(event: 'cancelled', listener: () => void): void;
}

async function serveStream(call: StreamCall, handle: (signal: AbortSignal) => unknown): Promise<void> {
  const aborter = new AbortController();
  call.on('cancelled', () => aborter.abort());
  try {
    // Safety: `Handlers` has checked that a server stream's handler returns an iterable.
    for await (const message of handle(aborter.signal) as AsyncIterable<unknown>) {
      if (aborter.signal.aborted) return;
      await new Promise<void>((done) => call.write(message, done));
    }
    call.end();
  } catch (error) {
    call.emit('error', toServiceError(error));
  }
}
