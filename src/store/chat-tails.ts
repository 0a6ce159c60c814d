/** A chunk of a chat's index: its key, and the entries before the last one. */
export type Chunk = [key: Buffer, entries: Buffer];

/**
 * The last chunks of chats that somebody wrote to lately, as the commits that are built leave them. What a link delivers belongs there,
 * and looking for the place in the database is some turns of the event loop for each chat of a commit.
 */
export class ChatTails {
  readonly #tails = new Map<number, Chunk>();

  /** The last chunk of a chat; undefined when it must be looked for. */
  of(chatNumber: number): Chunk | undefined {
    return this.#tails.get(chatNumber);
  }

  /** Notes that a commit was built that left these; undefined for a chat of which it is not known. */
  built(tails: ReadonlyMap<number, Chunk | undefined>): void {
    for (const [chatNumber, tail] of tails) {
      this.#tails.delete(chatNumber);
      if (tail !== undefined) this.#tails.set(chatNumber, tail);
    }
    for (const [chatNumber] of this.#tails) {
      if (this.#tails.size <= MAX_TAILS) return;
      this.#tails.delete(chatNumber);
    }
  }
}

/** At 2.7 kB each at most; mostly they are much smaller. */
const MAX_TAILS = 64;
