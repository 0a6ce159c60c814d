import { fromBinary } from '@bufbuild/protobuf';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { TimestampSchema } from '@bufbuild/protobuf/wkt';
import { POSITION_MAX } from '../domain/position.js';
import { MessageSchema } from '../gen/scrollback/v1/message_pb.js';
import type { Database, Snapshot } from './database.js';
import { msOf } from './facts.js';
import type { PageBounds } from './history-reader.js';
import { keyspace, prefixKey } from './keyspaces.js';

/*
 * One page of the whole account: the rows of messages as they lie, without their keys. Keys cost a third of the scan, and of a page only the
 * last one is needed, to go on behind it: it is looked up by what its row says of the time.
 */

/** Which rows, as a range of primary keys. */
export interface RowScan {
  gte: Buffer;
  lt: Buffer;
  reverse: boolean;
  snapshot: Snapshot;
}

/** Reads the first rows of a range, as many as fit the bounds; `more`: another one follows. */
export async function readRows(
  database: Database,
  scan: RowScan,
  { maxMessages, maxBytes }: PageBounds,
): Promise<{ rows: Buffer[]; more: boolean }> {
  const rows: Buffer[] = [];
  let bytes = 0;
  // LevelDB stops at the row with which the page has too many bytes: it reads that one in vain, and no other.
  for await (const some of database.scanValues({ ...scan, batchSize: maxMessages + 1, readAheadBytes: maxBytes })) {
    for (const row of some) {
      if (rows.length === maxMessages || (rows.length > 0 && bytes + row.length > maxBytes))
        return { rows, more: true };
      rows.push(row);
      bytes += row.length;
    }
  }
  return { rows, more: false };
}

/** Finds the key of the last of the rows with which a range begins, in the same snapshot; undefined when there is none. */
export async function keyOfLastRow(
  database: Database,
  scan: RowScan,
  rows: readonly Buffer[],
): Promise<Buffer | undefined> {
  const last = rows.at(-1);
  if (last === undefined) return undefined;
  const sentMs = sentMsOf(last);
  // Rows of one instant lie side by side: it is the last one of as many as the page has of this instant.
  let ofInstant = 1;
  for (let row = rows.at(-2); row !== undefined && sentMsOf(row) === sentMs; row = rows.at(-1 - ofInstant)) ofInstant++;
  const instant = {
    ...scan,
    gte: latest(scan.gte, primaryTime(sentMs)),
    lt: earliest(scan.lt, primaryTime(sentMs + 1)),
  };
  const found = await entryAt(database, instant, ofInstant);
  if (found?.[1].equals(last) === true) return found[0];
  // A row whose time is not the one that it lies at: that does not happen, and would cost no more than time.
  return (await entryAt(database, scan, rows.length))?.[0];
}

/** The n-th entry of a range, counted from 1. */
async function entryAt(database: Database, scan: RowScan, n: number): Promise<[Buffer, Buffer] | undefined> {
  let passed = 0;
  for await (const entries of database.scan({ ...scan, limit: n, batchSize: n })) {
    const wanted = entries[n - 1 - passed];
    if (wanted !== undefined) return wanted;
    passed += entries.length;
  }
  return undefined;
}

/** When a stored message was sent, in ms since 1970; 0 for none. Reads no further than that field, which comes second. */
function sentMsOf(row: Buffer): number {
  const reader = new BinaryReader(row);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === SENT_TIME) return msOf(fromBinary(TimestampSchema, reader.bytes()));
    reader.skip(wireType, field);
  }
  return 0;
}

/** The first six bytes of positions at a time. */
export function timeBytes(ms: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(Math.min(Math.max(0, ms), POSITION_MAX), 0, 6);
  return bytes;
}

function primaryTime(ms: number): Buffer {
  return Buffer.concat([prefixKey(keyspace.message), timeBytes(ms)]);
}

function latest(a: Buffer, b: Buffer): Buffer {
  return a.compare(b) > 0 ? a : b;
}

function earliest(a: Buffer, b: Buffer): Buffer {
  return a.compare(b) < 0 ? a : b;
}

const SENT_TIME = MessageSchema.field.sentTime.number;
