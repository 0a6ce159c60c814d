import { primaryKeyOfEntry, scanChat } from './chat-index.js';
import { primaryKeyOf } from './commit.js';
import type { Database, KeyRange, Snapshot } from './database.js';
import type { MessagePage, MessageQuery, PageBounds } from './history-reader.js';
import { keyspace, prefixEnd, prefixKey } from './keyspaces.js';
import { keyOfLastRow, readRows, timeBytes } from './row-scan.js';

/** A query whose chat was looked up; a chat that is not stored has no number and no messages. */
export type ResolvedQuery = Omit<MessageQuery, 'chat'> & { scope: { chatNumber: number } | 'account' };

/**
 * Reads one page of messages as they are stored. A cursor is what follows the prefix in the key of the last message that was given
 * out, so new messages cannot shift it, and a chat that is united with another keeps its place. The whole account without a filter is one scan of the rows; everything
 * else scans keys, and fetches the rows that fit.
 */
export async function readMessagePage(
  database: Database,
  query: ResolvedQuery,
  cursor: Buffer | undefined,
  bounds: PageBounds,
): Promise<Omit<MessagePage, 'chatJid'>> {
  const snapshot = database.snapshot();
  try {
    const range = rangeOf(query, cursor);
    const filtered = query.kinds.size > 0 || query.direction !== undefined;
    const page =
      query.scope === 'account' && !filtered
        ? await scanRows(database, range, query, bounds, snapshot)
        : await scanKeys(database, range, query, bounds, snapshot);
    const last = page.last ?? cursor;
    return { messages: page.messages, next: page.more ? last : undefined, resume: last };
  } finally {
    await snapshot.close();
  }
}

/** A page with the place of its last message: its key without the prefix. */
interface ScannedPage {
  messages: Buffer[];
  last: Buffer | undefined;
  more: boolean;
}

async function scanRows(
  database: Database,
  range: PlaceRange,
  query: ResolvedQuery,
  bounds: PageBounds,
  snapshot: Snapshot,
): Promise<ScannedPage> {
  const scan = { ...keyRange(range), reverse: isReverse(query), snapshot };
  const { rows, more } = await readRows(database, scan, bounds);
  const last = await keyOfLastRow(database, scan, rows);
  return { messages: rows, last: last?.subarray(1), more };
}

async function scanKeys(
  database: Database,
  range: PlaceRange,
  query: ResolvedQuery,
  bounds: PageBounds,
  snapshot: Snapshot,
): Promise<ScannedPage> {
  const { scope } = query;
  const wanted: Buffer[] = [];
  const batchSize = bounds.maxMessages + 1;
  const places =
    scope === 'account'
      ? scanPlaces(database, keyRange(range), isReverse(query), { batchSize, snapshot })
      : scanChat(
          database,
          scope.chatNumber,
          { ...range, reverse: isReverse(query) },
          { readAhead: batchSize, snapshot },
        );
  scan: for await (const some of places) {
    for (const place of some) {
      // The byte with kind and direction is the last of positions and of entries.
      if (!fitsKindByte(place.readUInt8(place.length - 1), query)) continue;
      wanted.push(place);
      if (wanted.length === batchSize) break scan;
    }
  }
  const primaryKeys = wanted.map((place) =>
    scope === 'account' ? primaryKeyOf(place) : primaryKeyOfEntry(scope.chatNumber, place),
  );
  const keys = primaryKeys.slice(0, bounds.maxMessages);
  const rows = await fetchRows(database, keys, isReverse(query), bounds.maxBytes, snapshot);
  const messages: Buffer[] = [];
  let bytes = 0;
  let last: Buffer | undefined;
  for (const [i, row] of rows.entries()) {
    if (row === undefined) continue;
    if (messages.length > 0 && bytes + row.length > bounds.maxBytes) return { messages, last, more: true };
    messages.push(row);
    bytes += row.length;
    last = wanted[i];
  }
  return { messages, last, more: wanted.length > rows.length };
}

/**
 * Fetches rows by their primary keys, which are in the order of reading. Rows of one chat lie between those of others: where they
 * are dense, one scan that passes over the others is several times faster than a look-up for each. Stops after the row with which there
 * are more than `maxBytes`: what is returned is then shorter than `keys`.
 */
export async function fetchRows(
  database: Database,
  keys: Buffer[],
  reverse: boolean,
  maxBytes: number,
  snapshot: Snapshot,
): Promise<(Buffer | undefined)[]> {
  const rows: (Buffer | undefined)[] = [];
  let bytes = 0;
  const add = (row: Buffer | undefined): void => {
    rows.push(row);
    bytes += row?.length ?? 0;
  };
  if (keys.length >= DENSE_MIN_ROWS) {
    for await (const dense of scanDense(database, keys, reverse, snapshot)) {
      for (const row of dense) add(row);
      if (bytes > maxBytes) return rows;
    }
  }
  while (rows.length < keys.length && bytes <= maxBytes) {
    // A row may have a megabyte: how many are asked for at once follows from the size of those before.
    const fitting = rows.length < FIRST_ROWS ? FIRST_ROWS : ((maxBytes - bytes) / (bytes + 1)) * rows.length;
    const until = rows.length + Math.max(1, Math.ceil(Math.min(fitting, keys.length)));
    for (const row of await database.getMany(keys.slice(rows.length, until), snapshot)) add(row);
  }
  return rows;
}

/** Yields the rows of the first keys, some at a time, as long as few others lie between them. */
async function* scanDense(
  database: Database,
  keys: Buffer[],
  reverse: boolean,
  snapshot: Snapshot,
): AsyncGenerator<(Buffer | undefined)[], void, undefined> {
  const [first, last] = [keys[0], keys[keys.length - 1]];
  if (first === undefined || last === undefined) return;
  let found = 0;
  let passed = 0;
  const range = reverse ? { lte: first, gte: last } : { gte: first, lte: last };
  for await (const entries of database.scan({ ...range, reverse, batchSize: DENSE_PROBE_ROWS, snapshot })) {
    const rows: (Buffer | undefined)[] = [];
    for (const [key, value] of entries) {
      passed++;
      let wanted = keys[found + rows.length];
      while (wanted !== undefined && isBefore(wanted, key, reverse)) {
        rows.push(undefined);
        wanted = keys[found + rows.length];
      }
      if (wanted?.equals(key) === true) rows.push(value);
    }
    found += rows.length;
    yield rows;
    if (passed > (found + 1) * DENSE_MAX_PASSED) return;
  }
}

function isBefore(key: Buffer, other: Buffer, reverse: boolean): boolean {
  const order = key.compare(other);
  return reverse ? order > 0 : order < 0;
}

/** True when a message with this kind and direction belongs to the answer. */
export function fitsKindByte(kindByte: number, query: Pick<MessageQuery, 'kinds' | 'direction'>): boolean {
  if (query.direction !== undefined && (query.direction === 'outgoing') !== ((kindByte & 1) === 1)) return false;
  return query.kinds.size === 0 || query.kinds.has(kindByte >> 1);
}

/** Bounds of places; each is the beginning of one. `lt` undefined: to the end. */
interface PlaceRange {
  gte: Buffer;
  lt: Buffer | undefined;
}

function rangeOf(query: ResolvedQuery, cursor: Buffer | undefined): PlaceRange {
  let gte = query.fromMs === undefined ? EMPTY : timeBytes(query.fromMs);
  let lt = query.toMs === undefined ? undefined : query.toMs < 0 ? EMPTY : timeBytes(query.toMs + 1);
  if (cursor !== undefined) {
    if (isReverse(query)) {
      if (lt === undefined || cursor.compare(lt) < 0) lt = cursor;
    } else if (cursor.compare(gte) >= 0) {
      gte = Buffer.concat([cursor, Buffer.of(0)]);
    }
  }
  return { gte, lt };
}

function keyRange({ gte, lt }: PlaceRange): { gte: Buffer; lt: Buffer } {
  const prefix = prefixKey(keyspace.message);
  return {
    gte: Buffer.concat([prefix, gte]),
    lt: lt === undefined ? prefixEnd(keyspace.message) : Buffer.concat([prefix, lt]),
  };
}

async function* scanPlaces(
  database: Database,
  range: KeyRange,
  reverse: boolean,
  options: { batchSize: number; snapshot: Snapshot },
): AsyncGenerator<Buffer[], void, undefined> {
  for await (const keys of database.scanKeys({ ...range, reverse, ...options })) {
    yield keys.map((key) => key.subarray(1));
  }
}

function isReverse(query: Pick<MessageQuery, 'order'>): boolean {
  return query.order === 'newest-first';
}

/** Below this, look-ups for each row are as fast. */
const DENSE_MIN_ROWS = 128;

/** So many rows are asked for before anything is known of their sizes. */
const FIRST_ROWS = 64;

/** How many rows a scan passes before it is judged. */
const DENSE_PROBE_ROWS = 64;

/** LevelDB looks up some 52 k rows/s and scans 234 to 617 k: a look-up costs as much as passing over 5 to 12 rows. Not tuned here. */
const DENSE_MAX_PASSED = 6;

const EMPTY = Buffer.alloc(0);
