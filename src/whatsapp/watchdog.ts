/** The limits of one connection's time. */
export class Watchdog {
  readonly #cutMs: number;
  #expected: NodeJS.Timeout | undefined;
  #cut: NodeJS.Timeout | undefined;
  #life: NodeJS.Timeout | undefined;

  constructor(cutMs: number) {
    this.#cutMs = cutMs;
  }

  /** Calls `late` after `ms`, unless something else is expected by then or nothing any more. */
  expect(ms: number, late: () => void): void {
    clearTimeout(this.#expected);
    this.#expected = setTimeout(late, ms);
  }

  expectNothing(): void {
    clearTimeout(this.#expected);
  }

  /** Calls `silent` when there was no sign of life for `ms`, counted from now on. */
  expectLife(ms: number, silent: () => void): void {
    clearTimeout(this.#life);
    this.#life = setTimeout(silent, ms);
  }

  sawLife(): void {
    this.#life?.refresh();
  }

  /** Calls `cut` when the connection has not ended some time from now; only the first call counts. */
  cut(cut: () => void): void {
    this.#cut ??= setTimeout(cut, this.#cutMs);
  }

  /** The connection has ended. */
  stop(): void {
    clearTimeout(this.#expected);
    clearTimeout(this.#life);
    clearTimeout(this.#cut);
  }
}
