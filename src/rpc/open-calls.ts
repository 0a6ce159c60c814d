import type { EventEmitter } from 'node:events';
import { DomainError } from '../domain/fault.js';
import { resetStream } from './http2-stream.js';
import type { RpcLimits } from './limits.js';

/** What the three forms of a call have in common. */
export type AnyCall = EventEmitter & { readonly cancelled: boolean };

/** The kinds of calls that are limited apart from each other. */
export type CallKind = 'unary' | 'stream' | 'upload';

/** All calls that are open: counts them, and ends those that would not end by themselves when the server drains. */
export class OpenCalls {
  readonly #limits: RpcLimits;
  readonly #open = { unary: new Set<OpenCall>(), stream: new Set<OpenCall>(), upload: new Set<OpenCall>() };
  #draining = false;

  constructor(limits: RpcLimits) {
    this.#limits = limits;
  }

  /** Admits a call until it is closed. Throws TOO_MANY_STREAMS at the limit of its kind, SHUTTING_DOWN after `drain`. */
  admit(kind: CallKind, call: AnyCall): OpenCall {
    if (this.#draining) throw new DomainError({ reason: 'SHUTTING_DOWN' });
    const open = this.#open[kind];
    const limit = this.#limitOf(kind);
    if (open.size >= limit) throw new DomainError({ reason: 'TOO_MANY_STREAMS', limit });
    const admitted = new OpenCall(call, this.#limits, () => open.delete(admitted));
    open.add(admitted);
    return admitted;
  }

  /** Ends all streams and uploads with SHUTTING_DOWN and admits no more calls. Unary calls end by themselves. */
  drain(): void {
    this.#draining = true;
    const reason = new DomainError({ reason: 'SHUTTING_DOWN' });
    for (const call of [...this.#open.stream, ...this.#open.upload]) call.abort(reason);
  }

  /** How many calls of a kind are open. */
  count(kind: CallKind): number {
    return this.#open[kind].size;
  }

  #limitOf(kind: CallKind): number {
    switch (kind) {
      case 'unary':
        return this.#limits.openUnaryCalls;
      case 'stream':
        return this.#limits.openStreams;
      case 'upload':
        return this.#limits.openUploads;
    }
  }
}

/** One call, from its request until its last byte was taken or its client is gone. */
export class OpenCall {
  /** Aborts when the client cancelled, vanished or stopped reading, and when the server drains. */
  readonly signal: AbortSignal;
  /** A frame that is not taken within this many ms ends the call. */
  readonly stallMs: number;
  /** So long may an upload bring nothing. */
  readonly uploadStallMs: number;
  readonly #call: AnyCall;
  readonly #controller = new AbortController();
  readonly #onClose: () => void;
  #lingering: NodeJS.Timeout | undefined;
  /** True when grpc-js has its last word: nothing is left to be stopped. */
  #handedOver = false;

  constructor(call: AnyCall, limits: Pick<RpcLimits, 'stallMs' | 'uploadStallMs'>, onClose: () => void) {
    this.signal = this.#controller.signal;
    this.stallMs = limits.stallMs;
    this.uploadStallMs = limits.uploadStallMs;
    this.#call = call;
    this.#onClose = onClose;
    // grpc-js emits this once when the HTTP/2 stream is over, for whatever reason, success included.
    call.once('cancelled', () => this.#close());
  }

  /** Stops the work of this call for a reason that the client is to be told. The first reason stays. */
  abort(reason: DomainError): void {
    this.#controller.abort(reason);
  }

  /**
   * Says that grpc-js has the call's last word. A client that does not take it is cut off after `stallMs`: behind a
   * closed window neither the last frame nor the status can leave, and both would stay in memory with the call.
   */
  handedOver(): void {
    this.#handedOver = true;
    if (this.#call.cancelled) return this.#close();
    this.#lingering = setTimeout(() => {
      resetStream(this.#call);
      this.#close();
    }, this.stallMs);
    this.#lingering.unref();
  }

  #close(): void {
    clearTimeout(this.#lingering);
    // For calls that went well the error with its stack was 4 % of what the main thread did for a page of 50.
    if (!this.#handedOver) this.#controller.abort(new DomainError({ reason: 'CANCELLED' }));
    this.#onClose();
  }
}
