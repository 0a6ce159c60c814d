import { create, toBinary } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { POSITION_BYTES, POSITION_MAX, writePosition } from '../../src/domain/position.js';
import { MessageSchema } from '../../src/gen/scrollback/v1/message_pb.js';
import { Database } from '../../src/store/database.js';
import { keyspace, prefixEnd, prefixKey } from '../../src/store/keyspaces.js';
import { keyOfLastRow, readRows } from '../../src/store/row-scan.js';

let directory: string;
let database: Database;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'scrollback-row-scan-'));
  database = await Database.open(directory, { cacheBytes: 1_048_576, writeBufferBytes: 1_048_576 });
});
afterEach(async () => {
  await database.close();
  await rm(directory, { recursive: true });
});

/** A row whose message says `saysMs`, or nothing of the time, at a place of `liesAtMs`. */
function rowAt(n: number, liesAtMs: number, saysMs: number): { key: Buffer; row: Buffer } {
  const key = Buffer.alloc(1 + POSITION_BYTES, keyspace.message);
  const position = { sentMs: liesAtMs, ordinal: 0, tieHigh: n, tieLow: 0, chatNumber: 1, kind: 1, fromMe: false };
  writePosition(key, 1, position);
  const sentTime = saysMs === 0 ? {} : { sentTime: timestampFromMs(saysMs) };
  const message = create(MessageSchema, { key: { messageId: `id${n}` }, ...sentTime, text: 'x'.repeat((n * 7) % 300) });
  return { key, row: Buffer.from(toBinary(MessageSchema, message)) };
}

describe('the rows of an account, page by page', () => {
  it('all come once and in order, with the key of the last one, whatever the times and the bounds', async () => {
    const rows = Array.from({ length: 175 }, (_, n) => {
      const liesAtMs = [0, 5, 5, 5, 1_700_000_000_000, 1_700_000_000_001, POSITION_MAX][Math.floor(n / 25)] ?? 0;
      // Each ninth lies at another time than the one that it names.
      return rowAt(n, liesAtMs, n % 9 === 8 ? 77 : liesAtMs);
    });
    const batch = database.batch();
    for (const { key, row } of rows) batch.put(key, row);
    await database.write(batch);
    const ascending = [...rows].sort((a, b) => a.key.compare(b.key));
    const snapshot = database.snapshot();
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.integer({ min: 1, max: 185 }),
        fc.integer({ min: 1, max: 30_000 }),
        async (reverse, maxMessages, maxBytes) => {
          const expected = reverse ? [...ascending].reverse() : ascending;
          let [gte, lt] = [prefixKey(keyspace.message), prefixEnd(keyspace.message)];
          let at = 0;
          for (let more = true; more;) {
            const scan = { gte, lt, reverse, snapshot };
            const page = await readRows(database, scan, { maxMessages, maxBytes });
            const last = await keyOfLastRow(database, scan, page.rows);
            const there = expected.slice(at, at + page.rows.length);
            expect(page.rows).toEqual(there.map(({ row }) => row));
            expect(last).toEqual(there.at(-1)?.key);
            const bytes = page.rows.reduce((sum, row) => sum + row.length, 0);
            const next = expected[at + page.rows.length]?.row.length ?? 0;
            expect(page.rows.length === 1 || bytes <= maxBytes).toBe(true);
            expect(!page.more || page.rows.length === maxMessages || bytes + next > maxBytes).toBe(true);
            at += page.rows.length;
            more = page.more;
            if (last !== undefined) [gte, lt] = reverse ? [gte, last] : [Buffer.concat([last, Buffer.of(0)]), lt];
          }
          expect(at).toBe(expected.length);
        },
      ),
      { numRuns: 25 },
    );
    await snapshot.close();
  });

  it('are none in an empty range', async () => {
    const snapshot = database.snapshot();
    const scan = { gte: prefixKey(keyspace.message), lt: prefixEnd(keyspace.message), reverse: true, snapshot };
    expect(await readRows(database, scan, { maxMessages: 5, maxBytes: 100 })).toEqual({ rows: [], more: false });
    expect(await keyOfLastRow(database, scan, [])).toBeUndefined();
    await snapshot.close();
  });
});
