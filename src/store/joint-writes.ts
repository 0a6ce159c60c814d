import type { Database, WriteBatch } from './database.js';

/**
 * Small writes that share a sync: those that come while a batch is being synced are the next batch. They become durable in the
 * order in which they were handed in, and never a later one without an earlier one: after a failed batch the database refuses all others.
 */
export class JointWrites {
  readonly #database: Database;
  #gathering: Gathering | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Has `fill` put its changes into a batch, now or when the batch is made. Resolves when they are durable. */
  write(fill: (batch: WriteBatch) => void): Promise<void> {
    this.#gathering ??= this.#gather();
    this.#gathering.fills.push(fill);
    return this.#gathering.durable;
  }

  /** Resolves when nothing is being written any more. */
  async settled(): Promise<void> {
    await this.#writing.catch(() => undefined);
  }

  #gather(): Gathering {
    const gathering: Gathering = { fills: [], durable: Promise.resolve() };
    gathering.durable = this.#writing
      .catch(() => undefined)
      .then(async () => {
        this.#gathering = undefined;
        const batch = this.#database.batch();
        for (const fill of gathering.fills) fill(batch);
        await this.#database.write(batch);
      });
    this.#writing = gathering.durable;
    return gathering;
  }
}

/** Writes that become durable together, when the ones before them are. */
interface Gathering {
  fills: ((batch: WriteBatch) => void)[];
  durable: Promise<void>;
}
