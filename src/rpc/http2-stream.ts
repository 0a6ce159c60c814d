import type { EventEmitter } from 'node:events';
import { constants } from 'node:http2';

/*
 * What grpc-js has no public way to do: both functions reach for the HTTP/2 stream inside a call (1.14), and do nothing where it is not
 * found.
 */

/** Resets a call's HTTP/2 stream. ENHANCE_YOUR_CALM is what gRPC clients show as RESOURCE_EXHAUSTED. */
export function resetStream(call: object): void {
  const stream = streamOf(call);
  const close = property(stream, 'close');
  if (typeof close === 'function') close.call(stream, constants.NGHTTP2_ENHANCE_YOUR_CALM);
}

/**
 * Calls `heard` for whatever bytes of a call arrive: grpc-js itself tells of whole messages only, and one of 4 MiB takes minutes on a
 * slow line. grpc-js reads and pauses the stream itself; one more listener changes nothing about that.
 */
export function onBytes(call: object, heard: () => void): void {
  const stream = streamOf(call);
  if (isEmitter(stream)) stream.on('data', heard);
}

function streamOf(call: object): unknown {
  return property(property(call, 'call'), 'stream');
}

function isEmitter(value: unknown): value is EventEmitter {
  return typeof property(value, 'on') === 'function';
}

function property(owner: unknown, name: string): unknown {
  return typeof owner === 'object' && owner !== null ? Reflect.get(owner, name) : undefined;
}
