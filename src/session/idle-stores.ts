/**
 * The stores of all sessions that are open and that nobody uses. When there are too many of them, those go whose use is the longest
 * ago: each holds four descriptors and more, and 5,000 sessions that are all looked at within a minute would pass the limit of a process.
 */
export class IdleStores {
  /** In the order in which they were left. */
  readonly #closers = new Map<object, () => void>();
  readonly #most: number;

  constructor(most = MAX_IDLE_STORES) {
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

/** Some 2,000 descriptors, and less than 50 MB. Opening one again takes some milliseconds. Chosen, not measured. */
const MAX_IDLE_STORES = 512;
