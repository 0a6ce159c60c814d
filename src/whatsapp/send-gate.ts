import type { WASocket } from '@whiskeysockets/baileys';
import { AsyncResource } from 'node:async_hooks';
import { inTurn } from './turn.js';

/** What the library's socket is underneath. */
interface RawSocket {
  send: (...args: unknown[]) => void;
  close: (...args: unknown[]) => void;
  pause: () => void;
  resume: () => void;
}

/**
 * Lets nothing leave a socket while something that arrived before is not durable. Every acknowledgement of the library goes
 * out of this one door, so none can be early, whatever the library does in between. What cannot be made durable ends the socket, and
 * nothing leaves it any more: WhatsApp delivers again what was not acknowledged.
 */
export class SendGate {
  #pending = 0;
  /** Frames that wait to leave. */
  #queued = 0;
  #durable: Promise<void> = Promise.resolve();
  #socket: WASocket | undefined;
  #raw: RawSocket | undefined;
  /**
   * Goes on reading, in the context in which the socket was made: what it had read before it was paused arrives in this call, and would
   * else be handled in the transaction of the message that became durable last, which is over, so its keys would never be committed.
   */
  #resume: () => void = () => undefined;
  #paused = false;
  #broken: Error | undefined;

  /** True once something could not be made durable. */
  get broken(): boolean {
    return this.#broken !== undefined;
  }

  /** Guards a socket that was just made. */
  attach(socket: WASocket): void {
    // Safety: the library is pinned; if what is underneath has another shape, it is said here and not after a loss.
    const raw = (socket.ws as unknown as { socket?: Partial<RawSocket> | null }).socket;
    if (!isRawSocket(raw)) throw new Error('the socket of the library is not what it was');
    const send = raw.send.bind(raw);
    const close = raw.close.bind(raw);
    raw.send = (...args) => {
      if (this.#pending === 0 && this.#queued === 0 && this.#broken === undefined) {
        send(...args);
        return;
      }
      void this.#sendLater(send, args);
    };
    raw.close = (...args) => {
      if (this.#queued === 0) close(...args);
      // What the library believes to have sent leaves first.
      else void this.#durable.then(() => close(...args));
    };
    this.#socket = socket;
    this.#raw = raw;
    this.#resume = AsyncResource.bind(() => raw.resume());
  }

  /** Something arrived and is being made durable. */
  hold(durable: Promise<void>): void {
    this.#pending++;
    const before = this.#durable;
    this.#durable = durable.then(
      () => before,
      (error: unknown) => this.#break(error),
    );
    void this.#durable.then(() => this.#release());
    if (this.#pending <= MAX_PENDING || this.#paused) return;
    this.#paused = true;
    this.#raw?.pause();
  }

  /** Resolves when everything that arrived until now is durable; throws when it cannot be. */
  async settle(): Promise<void> {
    await this.#durable;
    if (this.#broken !== undefined) throw this.#broken;
  }

  /**
   * Frames leave in the order in which they came to the gate: all of them wait for the same chain. The library is told at once that its
   * frame is on its way: it takes one message after the other, and would wait for a sync at each.
   */
  async #sendLater(send: (...args: unknown[]) => void, args: unknown[]): Promise<void> {
    this.#queued++;
    const callback = args.at(-1);
    if (typeof callback === 'function') {
      args.pop();
      inTurn(() => (callback as (error?: Error) => void)(this.#broken));
    }
    await this.#durable;
    this.#queued--;
    if (this.#broken === undefined) send(...args);
  }

  #release(): void {
    this.#pending--;
    if (!this.#paused || this.#pending > RESUME_PENDING) return;
    this.#paused = false;
    this.#resume();
  }

  #break(error: unknown): void {
    if (this.#broken !== undefined) return;
    this.#broken = error instanceof Error ? error : new Error('what arrived cannot be kept');
    const ended: unknown = this.#socket?.end(this.#broken);
    if (ended instanceof Promise) ended.catch(() => undefined);
  }
}

function isRawSocket(raw: Partial<RawSocket> | null | undefined): raw is RawSocket {
  const names = ['send', 'close', 'pause', 'resume'] as const;
  return names.every((name) => typeof raw?.[name] === 'function');
}

/** Records that are being written at a time; then the socket is not read until they are fewer. */
const MAX_PENDING = 512;
const RESUME_PENDING = 64;
