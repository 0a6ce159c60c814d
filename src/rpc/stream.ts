import { DomainError } from '../domain/fault.js';
import type { OpenCall } from './open-calls.js';

/** The part of a grpc-js server stream that takes frames. `done` is also called when the stream is destroyed. */
export interface FrameSink<Frame> {
  write(frame: Frame, done: (error?: Error | null) => void): boolean;
}

/**
 * Writes the frames of a server stream: the one place that does. One frame is in flight at a time, because grpc-js
 * buffers 16 frames of any size for a client that does not read.
 */
export class FrameWriter<Frame> {
  /** Aborts when nobody wants frames any more: stop producing them. */
  readonly signal: AbortSignal;
  readonly #sink: FrameSink<Frame>;
  readonly #call: OpenCall;

  constructor(sink: FrameSink<Frame>, call: OpenCall) {
    this.signal = call.signal;
    this.#sink = sink;
    this.#call = call;
  }

  /**
   * Writes a frame and resolves when it left, so that the next may be made. Rejects when the call was cancelled or the
   * server drains, and with SLOW_READER when the frame could not leave within the stall time. Await it before the next.
   */
  write(frame: Frame): Promise<void> {
    if (this.signal.aborted) return Promise.reject(reasonOf(this.signal));
    // Nothing that outlives this line may hold the frame: grpc-js has its own copy, and a stuck reader is to cost one.
    const leaving = new Leaving(this.#call);
    this.#sink.write(frame, leaving.done);
    return leaving.promise;
  }
}

/** A frame on its way. */
class Leaving {
  readonly promise: Promise<void>;
  readonly done: (error?: Error | null) => void;

  constructor(call: OpenCall) {
    const { signal } = call;
    let settle: (error?: Error | null) => void = () => undefined;
    this.promise = new Promise((resolve, reject) => {
      const aborted = (): void => settle(reasonOf(signal));
      const stalled = setTimeout(() => call.abort(new DomainError({ reason: 'SLOW_READER' })), call.stallMs);
      settle = (error) => {
        clearTimeout(stalled);
        signal.removeEventListener('abort', aborted);
        if (error === undefined || error === null) resolve();
        else reject(error);
      };
      signal.addEventListener('abort', aborted);
    });
    this.done = settle;
  }
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new DomainError({ reason: 'CANCELLED' });
}
