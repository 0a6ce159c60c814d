/** Keeps what was seen, in order, and tells whoever waits for it. */
export class Witness<T> {
  readonly entries: T[] = [];
  #waiting: { matches: (entry: T) => boolean; resolve: (entry: T) => void }[] = [];

  /** Adds what was seen, and wakes those who wait for it. */
  add(entry: T): void {
    this.entries.push(entry);
    const told = this.#waiting.filter(({ matches }) => matches(entry));
    this.#waiting = this.#waiting.filter((waiting) => !told.includes(waiting));
    for (const { resolve } of told) resolve(entry);
  }

  /** Resolves to the first entry that matches, also to one that came earlier. */
  waitFor(matches: (entry: T) => boolean = () => true): Promise<T> {
    const found = this.entries.find(matches);
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve) => this.#waiting.push({ matches, resolve }));
  }
}
