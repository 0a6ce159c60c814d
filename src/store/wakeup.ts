/** Wakes whoever waits for news, without telling what is new: they read that from the log. */
export class Wakeup {
  readonly #waiting = new Set<() => void>();
  #closed = false;

  /** True after `close`: there will be no more news. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Wakes all who wait now. */
  wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  /** Wakes all for the last time. */
  close(): void {
    this.#closed = true;
    this.wake();
  }

  /**
   * Returns a promise of the next wake-up, also of the abort of the signal. Take it *before* reading what is there, and await it
   * after: news between the two are then not missed.
   */
  next(signal: AbortSignal): Promise<void> {
    if (this.#closed || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
