import { openFileLimit } from './open-file-limit.js';

/**
 * The stores of all sessions that are open and that nobody uses. When there are too many of them, those go whose use is the longest
 * ago: each holds four descriptors and more, and 5,000 sessions that are all looked at within a minute would pass the limit of a process.
 */
export class IdleStores {
  /** In the order in which they were left. */
  readonly #closers = new Map<object, () => void>();
  readonly #most: number;

  constructor(most = mostIdleStores(openFileLimit())) {
    this.#most = most;
  }

  /** Nobody uses the store of `owner` any more; `close` closes it, unless `taken` is called before. */
  left(owner: object, close: () => void): void {
    this.#closers.set(owner, close);
    for (const [oldest, closeOldest] of this.#closers) {
      if (this.#closers.size <= this.#most) return;
      this.#closers.delete(oldest);
      closeOldest();
    }
  }

  /** It is used again, or closed. */
  taken(owner: object): void {
    this.#closers.delete(owner);
  }
}

/** Returns how many stores may be open unused where so many files may be: they take half of these at most, others need the rest. */
export function mostIdleStores(openFiles = Infinity): number {
  return Math.max(1, Math.min(MAX_IDLE_STORES, Math.floor(openFiles / 2 / FILES_OF_STORE)));
}

/** Its lock, its logs and its manifest, and a few tables. The tables of a large history are more. */
const FILES_OF_STORE = 8;

/** Some 2,000 descriptors, and less than 50 MB. Opening one again takes some milliseconds. Chosen, not measured. */
const MAX_IDLE_STORES = 512;
