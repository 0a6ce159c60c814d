import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Database } from '../../src/store/database.js';
import { fetchRows } from '../../src/store/message-reads.js';

let directory: string;
let database: Database;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'scrollback-rows-'));
  database = await Database.open(directory, { cacheBytes: 1_048_576, writeBufferBytes: 1_048_576 });
});
afterEach(async () => {
  await database.close();
  await rm(directory, { recursive: true });
});

const keys = Array.from({ length: 1000 }, (_, n) => Buffer.from(`row${String(n).padStart(4, '0')}`));

describe('fetching rows', () => {
  // With few rows of others between them they are scanned, with many they are looked up.
  it.each([0, 20])('stops after about as many bytes as are wanted, with %i others between two', async (others) => {
    const batch = database.batch();
    for (const key of keys) {
      batch.put(key, Buffer.alloc(10_000));
      for (let n = 0; n < others; n++) batch.put(Buffer.concat([key, Buffer.of(n)]), Buffer.alloc(1));
    }
    await database.write(batch);
    const snapshot = database.snapshot();
    const fetch = async (wanted: Buffer[], reverse: boolean, maxBytes: number) => {
      const rows = await fetchRows(database, reverse ? [...wanted].reverse() : wanted, reverse, maxBytes, snapshot);
      expect(rows.every((row) => row?.length === 10_000)).toBe(true);
      return rows.length;
    };
    for (const reverse of [false, true]) {
      expect(await fetch(keys, reverse, 2 ** 30)).toBe(1000);
      for (const maxBytes of [1, 500_000, 1_000_000, 5_000_000]) {
        const fetched = await fetch(keys, reverse, maxBytes);
        expect(fetched).toBeGreaterThan(maxBytes / 10_000);
        expect(fetched).toBeLessThanOrEqual(Math.max(maxBytes / 10_000, 64) + 105);
      }
    }
    await snapshot.close();
  });
});
