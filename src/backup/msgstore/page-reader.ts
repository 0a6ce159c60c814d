import type { RangeCursor } from './keyset.js';
import type { SkippedCounts } from '../task.js';

/** What became of a row. */
export type RowOutcome = 'message' | keyof SkippedCounts;

/** Reads the rows of one message table into the file's page writer. */
export interface PageReader {
  readonly cursor: RangeCursor;
  /** Begins a page of rows `afterId < id <= throughId`. */
  open(afterId: number, throughId: number, maxRows: number): void;
  /** Writes what the cursor's present row says, and tells what became of it. */
  readRow(): RowOutcome;
  /** Ends a page; safe to call twice. */
  close(): void;
}
