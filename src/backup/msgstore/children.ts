import { type Keyset, NO_ROW, type RangeCursor, type RowReader } from './keyset.js';
import { type Row, type Table } from './schema.js';
import { SideIndexReader } from './side-index.js';
import type { SideIndex } from '../task.js';

/**
 * More rows of one table for one message are not believed: groups have at most a few thousand members. The message is
 * counted as malformed then.
 */
const MAX_CHILDREN = 20_000;

/** A message has more rows in a side table than a real one could have. */
export class TooManyRows extends Error {}

/**
 * The rows of a side table that belong to the messages of a page, as a merge: messages come with rising ids, and each asks
 * for its own rows.
 */
export interface Children {
  /** Begins a page. */
  open(afterId: number, throughId: number): void;
  /** Returns the first row of a message, or undefined. The row is valid until the next call. */
  first(messageId: number): Row | undefined;
  /** Returns all rows of a message in the order of their ids. Throws `TooManyRows`. */
  all(messageId: number): readonly Row[];
  /** Ends a page; safe to call twice. */
  close(): void;
}

const NO_ROWS: readonly Row[] = [];

/** A side table that is missing or empty. */
const noChildren: Children = {
  open: () => undefined,
  first: () => undefined,
  all: () => NO_ROWS,
  close: () => undefined,
};

/** Opens a side table whose parent is the message; a missing or unreadable one is as good as an empty one. */
export function openChildren<C extends string>(
  keyset: Keyset,
  table: Table<C>,
  indexes: ReadonlyMap<string, SideIndex>,
): Children {
  const index = indexes.get(table.name);
  if (index !== undefined) {
    const rows = keyset.rows(table, false, 'rowid');
    return rows === undefined ? noChildren : new IndexedChildren(rows, new SideIndexReader(index));
  }
  if (table.key === 'rowid' || !keyset.isRowId(table.name, table.key)) return noChildren;
  const range = keyset.range(table);
  return range === undefined ? noChildren : new OrderedChildren(range);
}

/** A side table whose row id is the message's: at most one row for each, read in one pass. */
class OrderedChildren implements Children {
  constructor(private readonly cursor: RangeCursor) {}

  open(afterId: number, throughId: number): void {
    this.cursor.open(afterId, throughId);
  }

  first(messageId: number): Row | undefined {
    const { cursor } = this;
    while (cursor.id < messageId) cursor.advance();
    return cursor.id === messageId ? cursor.row : undefined;
  }

  all(messageId: number): readonly Row[] {
    const row = this.first(messageId);
    return row === undefined ? NO_ROWS : [row];
  }

  close(): void {
    this.cursor.close();
  }
}

/** A side table that is found through a side index: its rows are read one by one. */
class IndexedChildren implements Children {
  private at = 0;
  private parent = NO_ROW;

  constructor(
    private readonly rows: RowReader,
    private readonly index: SideIndexReader,
  ) {}

  open(afterId: number): void {
    this.at = this.index.lowerBound(afterId + 1);
    this.parent = this.index.parents[this.at] ?? NO_ROW;
  }

  first(messageId: number): Row | undefined {
    return this.parent > messageId ? undefined : this.all(messageId)[0];
  }

  all(messageId: number): readonly Row[] {
    while (this.parent < messageId) this.skip();
    if (this.parent !== messageId) return NO_ROWS;
    const found: Row[] = [];
    let next = this.at;
    for (; this.index.parents[next] === messageId; next++) {
      if (found.length >= MAX_CHILDREN) throw new TooManyRows();
      const row = this.rows.get(this.index.rowIds[next] ?? 0);
      if (row !== undefined) found.push(row);
    }
    return found;
  }

  close(): void {
    this.parent = NO_ROW;
  }

  private skip(): void {
    this.parent = this.index.parents[++this.at] ?? NO_ROW;
  }
}

/** The rows of a table that belong to a row of another, found in any order. */
export class Related {
  constructor(
    private readonly rows: RowReader,
    private readonly index: SideIndexReader | undefined,
  ) {}

  /** Opens a table whose parent is no message; undefined when it is missing or empty. */
  static open<C extends string>(
    keyset: Keyset,
    table: Table<C>,
    indexes: ReadonlyMap<string, SideIndex>,
  ): Related | undefined {
    const index = indexes.get(table.name);
    if (index === undefined && (table.key === 'rowid' || !keyset.isRowId(table.name, table.key))) return undefined;
    const rows = keyset.rows(table, false, index === undefined ? table.key : 'rowid');
    return rows && new Related(rows, index && new SideIndexReader(index));
  }

  /** Returns the rows of a parent in the order of their ids. Throws `TooManyRows`. */
  of(parentId: number): readonly Row[] {
    if (this.index === undefined) {
      const row = this.rows.get(parentId);
      return row === undefined ? NO_ROWS : [row];
    }
    const rowIds = this.index.rowsOf(parentId);
    if (rowIds.length > MAX_CHILDREN) throw new TooManyRows();
    const found: Row[] = [];
    for (const rowId of rowIds) {
      const row = this.rows.get(rowId);
      if (row !== undefined) found.push(row);
    }
    return found;
  }

  /** Returns the first row of a parent, or undefined. */
  first(parentId: number): Row | undefined {
    return this.of(parentId)[0];
  }
}
