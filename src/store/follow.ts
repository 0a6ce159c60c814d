import { fromBinary } from '@bufbuild/protobuf';
import { MESSAGE_KEY_BYTES, readRevision } from '../domain/page-format.js';
import { POSITION_CHAT_OFFSET } from '../domain/position.js';
import { LogEntrySchema } from '../gen/scrollback/store/v1/record_pb.js';
import type { MessageKey } from '../gen/scrollback/v1/message_pb.js';
import type { Database, Snapshot } from './database.js';
import type { ChangeBatch, ChangeCursor, MessageQuery, PageBounds } from './history-reader.js';
import { logKey, revisionOfLogKey } from './keyspaces.js';
import { fetchRows, fitsKindByte } from './message-reads.js';

/** Which changes are wanted; `chatNumber` undefined is the whole account, null a chat that is not stored. */
export type ChangeFilter = Pick<MessageQuery, 'kinds' | 'direction'> & {
  chatNumber: number | null | undefined;
  /** All addresses of the chat: what is removed may bear an earlier one. */
  chatJids: ReadonlySet<string> | undefined;
};

/**
 * Reads what happened after a cursor, at most one batch; undefined when nothing did. A row that changed again later is left
 * to its later entry, so that each message comes once, as it is now.
 */
export async function readChanges(
  database: Database,
  filter: ChangeFilter,
  cursor: ChangeCursor,
  bounds: PageBounds,
): Promise<ChangeBatch | undefined> {
  const snapshot = database.snapshot();
  try {
    const messages: Buffer[] = [];
    const removed: MessageKey[] = [];
    let bytes = 0;
    let at = cursor;
    let seen = 0;
    const range = { gte: logKey(cursor.revision), lt: logKey(2 ** 48 - 1) };
    for await (const entries of database.scan({ ...range, batchSize: ENTRIES_AT_A_TIME, snapshot })) {
      for (const [key, value] of entries) {
        const revision = revisionOfLogKey(key);
        const entry = fromBinary(LogEntrySchema, value);
        const rows = splitKeys(Buffer.from(entry.rows.buffer, entry.rows.byteOffset, entry.rows.byteLength));
        let index = revision === cursor.revision ? cursor.index : 0;
        const stopAt = (consumed: number): ChangeBatch => {
          return { messages, removed, revision: revision - 1, resume: { revision, index: consumed } };
        };
        if (index === 0) removed.push(...entry.removed.filter((gone) => isOfChat(gone, filter)));
        let atOnce = rows.length;
        while (index < rows.length) {
          const room = bounds.maxMessages - messages.length;
          if (room <= 0) return stopAt(index);
          const slice = rows.slice(index, index + Math.min(room, atOnce));
          const fresh = await freshRows(database, slice, filter, { revision, maxBytes: bounds.maxBytes }, snapshot);
          if (fresh === undefined) {
            atOnce = Math.ceil(slice.length / 4);
            continue;
          }
          for (const { row, consumed } of fresh) {
            if (messages.length > 0 && bytes + row.length > bounds.maxBytes) return stopAt(index + consumed);
            messages.push(row);
            bytes += row.length;
          }
          index += slice.length;
        }
        at = { revision: revision + 1, index: 0 };
        seen++;
        if (messages.length >= bounds.maxMessages || removed.length >= bounds.maxMessages || seen >= MAX_ENTRIES) {
          return { messages, removed, revision, resume: at };
        }
      }
    }
    return seen === 0 ? undefined : { messages, removed, revision: at.revision - 1, resume: at };
  } finally {
    await snapshot.close();
  }
}

/**
 * The rows of a log entry that are wanted and did not change later; `consumed` is how many keys stand before each. Undefined when they
 * are too large together: then fewer are to be asked for.
 */
async function freshRows(
  database: Database,
  keys: Buffer[],
  filter: ChangeFilter,
  { revision, maxBytes }: { revision: number; maxBytes: number },
  snapshot: Snapshot,
): Promise<{ row: Buffer; consumed: number }[] | undefined> {
  if (filter.chatNumber === null) return [];
  const wanted = keys
    .map((key, consumed) => ({ key, consumed }))
    .filter(
      ({ key }) =>
        (filter.chatNumber === undefined || key.readUInt32BE(1 + POSITION_CHAT_OFFSET) === filter.chatNumber) &&
        fitsKindByte(key.readUInt8(MESSAGE_KEY_BYTES - 1), filter),
    );
  const sorted = [...wanted].sort((a, b) => a.key.compare(b.key));
  const rows = await fetchRows(
    database,
    sorted.map(({ key }) => key),
    false,
    maxBytes,
    snapshot,
  );
  if (rows.length < sorted.length) return undefined;
  const byKey = new Map(sorted.map(({ key }, i) => [key, rows[i]]));
  return wanted.flatMap(({ key, consumed }) => {
    const row = byKey.get(key);
    return row !== undefined && readRevision(row, row.length) === revision ? [{ row, consumed }] : [];
  });
}

function splitKeys(rows: Buffer): Buffer[] {
  const keys: Buffer[] = [];
  for (let at = 0; at < rows.length; at += MESSAGE_KEY_BYTES) keys.push(rows.subarray(at, at + MESSAGE_KEY_BYTES));
  return keys;
}

function isOfChat(key: MessageKey, filter: ChangeFilter): boolean {
  return filter.chatJids === undefined || filter.chatJids.has(key.chatJid);
}

/** A log entry of an import has 50 KiB, and a thousand followers may start at once: one is read at a time. */
const ENTRIES_AT_A_TIME = 1;

/** Entries that hold nothing of a filter are passed over; so many at most before the caller gets to speak. */
const MAX_ENTRIES = 256;
