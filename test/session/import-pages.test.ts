import fc from 'fast-check';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Answer, PageResult } from '../../src/backup/task.js';
import { type PageQuestion, readPages, type ReadPage } from '../../src/session/backup/import-pages.js';

const NOTHING_SKIPPED = { sentinel: 0, orphan: 0, deleted: 0, duplicate: 0, malformed: 0 };

/** Stands in for the workers: writes the ids that it reads into the memory, and remembers who has which memory. */
class Table {
  readonly #ids: readonly number[];
  readonly #rowsAPage: number;
  readonly #inUse = new Set<SharedArrayBuffer>();
  readonly #all = new Set<SharedArrayBuffer>();

  constructor(ids: readonly number[], rowsAPage: number) {
    this.#ids = ids;
    this.#rowsAPage = rowsAPage;
  }

  /** How many pieces of memory there ever were. */
  get pieces(): number {
    return this.#all.size;
  }

  async read({ afterId, throughId, memory }: PageQuestion): Promise<Answer<PageResult>> {
    if (memory === undefined) throw new Error('nothing was lent');
    if (this.#inUse.has(memory)) throw new Error('somebody still looks at this memory');
    this.#inUse.add(memory);
    this.#all.add(memory);
    await delay((afterId * 7) % 3);
    const rows = this.#ids.filter((id) => id > afterId && id <= throughId);
    const taken = rows.slice(0, this.#rowsAPage);
    const page = Buffer.from(memory).subarray(0, taken.length * 4);
    taken.forEach((id, n) => page.writeUInt32LE(id, n * 4));
    const stopped = taken.length < rows.length;
    const nextId = taken.length > 0 ? 0 : (this.#ids.find((id) => id > throughId) ?? 0);
    return {
      ok: true,
      page,
      readThroughId: stopped ? (taken[taken.length - 1] ?? throughId) : throughId,
      nextId,
      rowsRead: taken.length,
      skipped: NOTHING_SKIPPED,
      unresolvedLids: [],
      digest: Buffer.alloc(32),
    };
  }

  /** Reads a page and lets go of its memory. */
  take({ result, release }: ReadPage, memory: SharedArrayBuffer): number[] {
    const page = Buffer.from(result.page);
    const ids = Array.from({ length: result.rowsRead }, (_, n) => page.readUInt32LE(n * 4));
    this.#inUse.delete(memory);
    release();
    return ids;
  }
}

/** Reads a whole table; up to `kept` pages are looked at at a time. */
async function readAll(table: Table, maxId: number, ahead: number, kept: number): Promise<number[]> {
  const seen: number[] = [];
  const open: ReadPage[] = [];
  const close = (): void => {
    const page = open.shift();
    // Safety: the table writes into shared memory alone.
    if (page !== undefined) seen.push(...table.take(page, page.result.page.buffer as unknown as SharedArrayBuffer));
  };
  for await (const page of readPages({ afterId: 0, maxId, ahead }, (task) => table.read(task))) {
    open.push(page);
    if (open.length > kept) close();
  }
  while (open.length > 0) close();
  return seen;
}

describe('the pages of a table', () => {
  it('come whole and in order whatever the gaps, in memory that nobody looks at any more', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.oneof(fc.integer({ min: 1, max: 9000 }), fc.integer({ min: 1, max: 60_000 })), {
          maxLength: 400,
        }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 5 }),
        fc.nat(3),
        async (some, rowsAPage, ahead, kept) => {
          const ids = some.sort((a, b) => a - b);
          const table = new Table(ids, rowsAPage);
          expect(await readAll(table, ids[ids.length - 1] ?? 0, ahead, kept)).toEqual(ids);
          expect(table.pieces).toBeLessThanOrEqual(ahead + kept + 2);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('are waited for when their reader has had enough, before anybody may take their file away', async () => {
    let running = 0;
    const table = new Table([1, 2001, 4001, 6001], 10);
    for await (const _ of readPages({ afterId: 0, maxId: 6001, ahead: 3 }, async (task) => {
      running++;
      await delay(5);
      const answer = await table.read(task);
      running--;
      return answer;
    })) {
      expect(running).toBeGreaterThan(0);
      break;
    }
    expect(running).toBe(0);
  });
});
