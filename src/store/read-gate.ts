import type { PageBounds } from './history-reader.js';

/**
 * Lets a few reads of the database run at once. More would only wait for the four threads that do file work for Node, and each
 * holds an iterator with a block of every table that it passes: a thousand streams that begin together grew the daemon by 274 MB without it, by 204 to 219 MB with it.
 */
export class ReadGate {
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Runs a read when its turn comes. How many can wait is bounded by the calls that the server lets in. */
  async run<T>(read: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#limit) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      return await read();
    } finally {
      // The place is handed on as it is: who waits does not take a new one.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}

/** The gate of the process: all sessions share the same threads. Twice their number, so that none is idle between two reads. */
const streamReads = new ReadGate(8);

/** Runs the read of a page: at once, or when its turn comes if it is a patient one. */
export function inTurn<T>({ patient }: PageBounds, read: () => Promise<T>): Promise<T> {
  return patient === true ? streamReads.run(read) : read();
}
