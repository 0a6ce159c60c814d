import asyncHooks, { AsyncLocalStorage } from 'node:async_hooks';
import { syncBuiltinESMExports } from 'node:module';

/** A call of `run` whose work is under way, and the one around it. */
interface Frame {
  owner: unknown;
  store: unknown;
  outer: Frame | undefined;
}

/** The one storage that there really is. */
const frames = new AsyncLocalStorage<Frame>();

/**
 * Gives all sockets of the library one context storage; to be called before the first one is made. Each of them makes an
 * `AsyncLocalStorage` for its transactions and never disables it, and Node 20 copies the values of all that were ever used onto every
 * promise and timer of the process: with 500 links each promise took 24 kB and 500 writes, and every reconnect made it more. Nothing
 * else of the daemon uses the class.
 */
export function shareContexts(): void {
  asyncHooks.AsyncLocalStorage = SharedStorage;
  syncBuiltinESMExports();
}

/** An `AsyncLocalStorage` that keeps its values in the one that all share. `disable` and `enterWith` are not for it. */
class SharedStorage<T> extends AsyncLocalStorage<T> {
  override run<R, Args extends unknown[]>(store: T, work: (...args: Args) => R, ...args: Args): R {
    return frames.run({ owner: this, store, outer: frames.getStore() }, work, ...args);
  }

  override getStore(): T | undefined {
    let frame = frames.getStore();
    while (frame !== undefined && frame.owner !== this) frame = frame.outer;
    // Safety: `run` of this storage has put it there.
    return frame?.store as T | undefined;
  }
}
