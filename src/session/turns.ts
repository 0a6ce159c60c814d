/** Lets a few do something at a time, in the order in which they asked: connect, download, ask the phone, read a chunk of history. */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  /** Waits for a turn and returns what ends it, which may be called twice. Also returns, without a turn, when the signal aborts. */
  async take(signal: AbortSignal): Promise<() => void> {
    if (signal.aborted) return () => undefined;
    if (this.#free > 0) this.#free--;
    else if (!(await this.#wait(signal))) return () => undefined;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.#free++;
      this.#waiting.shift()?.();
    };
  }

  /** Resolves to whether the turn came. */
  #wait(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const come = (): void => {
        signal.removeEventListener('abort', leave);
        // Taken in the same step, so that nobody who asks later comes first.
        this.#free--;
        resolve(true);
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(come), 1);
        resolve(false);
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(come);
    });
  }
}
