/** A key as it was last read or handed to be written; undefined for one that is not there. */
export type KeyValue = Buffer | undefined;

/**
 * The keys of one connection that it read or wrote last, also that some are not there: each message asks for three to six, and those of
 * who writes much are the same ones. What is being written stays until it is written; of the rest the oldest go when there is too much.
 */
export class RecentKeys {
  readonly #entries = new Map<string, { value: KeyValue; writes: number }>();
  #bytes = 0;
  #puts = 0;

  /** Changes with every `put`: what was read before one must not be noted after it. */
  get puts(): number {
    return this.#puts;
  }

  /** The entry of a key; undefined when nothing is known of it. */
  find(name: string): { readonly value: KeyValue } | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    return entry;
  }

  /** What was read from the database, when the number of puts was `puts`. */
  note(name: string, value: KeyValue, puts: number): void {
    if (puts === this.#puts && !this.#entries.has(name)) this.#add(name, value, 0);
  }

  /** What is being written; `written` follows. */
  put(name: string, value: KeyValue): void {
    this.#puts++;
    const writes = this.#entries.get(name)?.writes ?? 0;
    this.#remove(name);
    this.#add(name, value, writes + 1);
  }

  /** One of the puts of a key is durable. */
  written(name: string): void {
    const entry = this.#entries.get(name);
    if (entry !== undefined) entry.writes--;
    this.#shrink();
  }

  #add(name: string, value: KeyValue, writes: number): void {
    this.#entries.set(name, { value, writes });
    this.#bytes += sizeOf(name, value);
    this.#shrink();
  }

  #remove(name: string): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    this.#entries.delete(name);
    this.#bytes -= sizeOf(name, entry.value);
  }

  #shrink(): void {
    if (this.#bytes <= MAX_BYTES) return;
    for (const [name, { writes }] of this.#entries) {
      if (writes === 0) this.#remove(name);
      if (this.#bytes <= MAX_BYTES) return;
    }
  }
}

function sizeOf(name: string, value: KeyValue): number {
  return ENTRY_BYTES + name.length + (value?.length ?? 0);
}

/** What an entry takes beside its bytes, about. */
const ENTRY_BYTES = 200;

/** The sessions of some fifty people who write at the same time. An idle link holds what its login needed. */
const MAX_BYTES = 256 * 1024;
