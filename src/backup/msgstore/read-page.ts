import { createHash } from 'node:crypto';
import { type ImportFile, withImportFile } from './import-file.js';
import { NO_ROW, type RangeCursor } from './keyset.js';
import { LegacyPages } from './legacy-page.js';
import { ModernPages } from './modern-page.js';
import type { PageReader } from './page-reader.js';
import { answer } from '../refusal.js';
import { notSupported } from './schema.js';
import { legacyTable } from './legacy-tables.js';
import { messageTable } from './tables.js';
import type { Answer, PageResult, ReadPageTask, SkippedCounts } from '../task.js';

/** Reads a page of messages; the answer to a `ReadPageTask`. Never throws. */
export function readPage(task: ReadPageTask): Answer<PageResult> {
  return answer(() => withImportFile(task, (file) => pageOf(file, task)));
}

function pageOf(file: ImportFile, task: ReadPageTask): PageResult {
  const reader = readerOf(file, task.table);
  const skipped: SkippedCounts = { sentinel: 0, orphan: 0, deleted: 0, duplicate: 0, malformed: 0 };
  let rowsRead = 0;
  let lastId = task.afterId;
  file.writer.reset(task.memory);
  file.lids.take();
  try {
    const { cursor } = reader;
    reader.open(task.afterId, task.throughId, task.maxRows);
    while (cursor.id !== NO_ROW) {
      const outcome = reader.readRow();
      if (outcome !== 'message') skipped[outcome]++;
      lastId = cursor.id;
      rowsRead++;
      if (file.writer.length >= task.maxBytes) break;
      cursor.advance();
    }
    const stoppedEarly = rowsRead >= task.maxRows || file.writer.length >= task.maxBytes;
    const readThroughId = stoppedEarly ? lastId : task.throughId;
    const nextId = rowsRead > 0 ? 0 : nextIdAfter(cursor, task.throughId);
    const page = file.writer.take();
    return {
      page,
      readThroughId,
      nextId,
      rowsRead,
      skipped,
      unresolvedLids: file.lids.take(),
      digest: createHash('sha256').update(page).digest(),
    };
  } finally {
    reader.close();
  }
}

/** Looks past a gap in the ids, so that the next page does not begin inside of it. */
function nextIdAfter(cursor: RangeCursor, throughId: number): number {
  cursor.open(throughId, Number.MAX_SAFE_INTEGER, 1);
  const { id } = cursor;
  cursor.close();
  return id === NO_ROW ? 0 : id;
}

const readers = new WeakMap<ImportFile, Map<string, PageReader>>();

function readerOf(file: ImportFile, table: ReadPageTask['table']): PageReader {
  let known = readers.get(file);
  if (known === undefined) readers.set(file, (known = new Map<string, PageReader>()));
  let reader = known.get(table);
  if (reader === undefined) known.set(table, (reader = makeReader(file, table)));
  return reader;
}

function makeReader(file: ImportFile, table: ReadPageTask['table']): PageReader {
  const cursor = table === 'message' ? file.keyset.range(messageTable, true) : file.keyset.range(legacyTable);
  if (cursor === undefined) throw notSupported(`the table ${table} is missing`);
  return table === 'message' ? new ModernPages(file, cursor) : new LegacyPages(file, cursor);
}
