import { DomainError } from '../domain/fault.js';

/** A task that waits for its turn. */
interface Waiting {
  run: () => Promise<void>;
  refuse: (reason: Error) => void;
}

/**
 * The one writer of a session: tasks run one at a time, in the order in which they came. A task that fails is its caller's
 * matter; the next one runs all the same.
 */
export class Mailbox {
  readonly #sessionId: string;
  readonly #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(sessionId: string) {
    this.#sessionId = sessionId;
  }

  /**
   * Runs a task when its turn comes: the turn lasts until the task's promise settles. Throws MAILBOX_FULL when too many wait,
   * SHUTTING_DOWN after `close`.
   */
  run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new DomainError({ reason: 'SHUTTING_DOWN' }));
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(new DomainError({ reason: 'MAILBOX_FULL', sessionId: this.#sessionId }));
    }
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ run: () => task().then(resolve, reject), refuse: reject });
      this.#running ??= this.#drain();
    });
  }

  /** Refuses what waits and every later task, and resolves when the running one has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { refuse } of this.#waiting.splice(0)) refuse(new DomainError({ reason: 'SHUTTING_DOWN' }));
    await this.#running;
  }

  async #drain(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) await next.run();
    this.#running = undefined;
  }
}

/** A commit takes some milliseconds: a thousand waiting ones are seconds of delay. Chosen, not measured. */
const MAX_WAITING = 1024;
