import type { Commit } from './commit.js';
import { keyspace, textKey } from './keyspaces.js';

/**
 * Marks LIDs of stored messages as unresolved, each once: a backup names the same ones on every page. What a commit marks is known only
 * when it is durable: one that is dropped has marked nothing.
 */
export class UnresolvedLids {
  readonly #known = new Set<string>();
  readonly #marking = new WeakMap<Commit, string[]>();

  /** Marks LIDs in a commit that is being built. */
  mark(commit: Commit, lids: readonly string[]): void {
    const news = lids.filter((lid) => !this.#known.has(lid));
    if (news.length === 0) return;
    for (const lid of news) commit.overlay.put(textKey(keyspace.unresolved, lid), EMPTY);
    this.#marking.set(commit, [...(this.#marking.get(commit) ?? []), ...news]);
  }

  /** The commit is durable. */
  written(commit: Commit): void {
    const news = this.#marking.get(commit) ?? [];
    if (this.#known.size + news.length > MAX_KNOWN) this.#known.clear();
    for (const lid of news) this.#known.add(lid);
  }

  /** Some were resolved: they are marked again when they come again. */
  clear(): void {
    this.#known.clear();
  }
}

const EMPTY = Buffer.alloc(0);

/** About 100 bytes each; beyond it they are marked again. */
const MAX_KNOWN = 100_000;
