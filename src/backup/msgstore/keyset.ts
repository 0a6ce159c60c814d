import type { Database, Statement } from 'better-sqlite3';
import type { Pulse } from '../pulse.js';
import { Refusal } from '../refusal.js';
import { notSupported, type Row, type Schema, type Table } from './schema.js';

/** The lines of `EXPLAIN QUERY PLAN` that we accept: one table, found through its row id, nothing sorted. */
const PLAN = /^SEARCH (\w+) USING INTEGER PRIMARY KEY \(rowid[>=<]\?( AND rowid<\?)?\)$/;

/** `id` of a cursor that has no further row. */
export const NO_ROW = Infinity;

const EMPTY_ROW: Row = [];

/**
 * The one place that runs statements on a backup. A statement is a range or a single row of one table by row id: no
 * joins, no aggregates, no sorting, so that it can be left between any two rows and a missing index costs nothing.
 */
export class Keyset {
  /** `pulse` is that of the task in hand; a thread that keeps a file open replaces it with each task. */
  constructor(
    readonly db: Database,
    readonly schema: Schema,
    public pulse: Pulse,
  ) {}

  /**
   * Prepares reading ranges of a table. Returns undefined when the file has no such table or, for an optional one, when
   * it cannot be read that way; a required one is refused then.
   */
  range<C extends string>(table: Table<C>, required = false, key = table.key): RangeCursor | undefined {
    const statement = this.prepare(table, required, key, 'range');
    return statement && new RangeCursor(this, statement);
  }

  /** Prepares reading single rows of a table by its key; see `range`. */
  rows<C extends string>(table: Table<C>, required = false, key = table.key): RowReader | undefined {
    const statement = this.prepare(table, required, key, 'row');
    return statement && new RowReader(this, statement);
  }

  /** Reads the last rows of a table, the last one first; none when it cannot be read. */
  lastRows<C extends string>(table: Table<C>, limit: number, required = false): Row[] {
    const statement = this.prepare(table, required, table.key, 'last');
    // Safety: as in `RangeCursor.advance`.
    return (statement?.all(0, Number.MAX_SAFE_INTEGER, limit) ?? []) as Row[];
  }

  /** Runs `visit` for each row of a table, in the order of their ids; does nothing when it cannot be read. */
  each<C extends string>(table: Table<C>, visit: (id: number, row: Row) => void): void {
    const cursor = this.range(table);
    if (cursor === undefined) return;
    try {
      for (cursor.open(0, Number.MAX_SAFE_INTEGER); cursor.id !== NO_ROW; cursor.advance())
        visit(cursor.id, cursor.row);
    } finally {
      cursor.close();
    }
  }

  /** Tells whether a column is the row id of an ordinary table. */
  isRowId(tableName: string, column: string): boolean {
    if (!this.schema.has(tableName) || !this.schema.columnsOf(tableName).has(column)) return false;
    return this.isBounded(tableName, `SELECT 1 FROM ${tableName} NOT INDEXED WHERE ${column} = ?`, 1);
  }

  private prepare<C extends string>(
    table: Table<C>,
    required: boolean,
    key: string,
    form: 'range' | 'row' | 'last',
  ): Statement | undefined {
    const expressions = this.schema.expressionsOf(table, required);
    if (expressions === undefined) return undefined;
    const select = `SELECT ${[key, ...expressions].join(', ')} FROM ${table.name} NOT INDEXED`;
    const sql =
      form === 'row'
        ? `${select} WHERE ${key} = ?`
        : `${select} WHERE ${key} > ? AND ${key} <= ? ORDER BY ${key}${form === 'last' ? ' DESC' : ''} LIMIT ?`;
    const columns = this.schema.columnsOf(table.name);
    const bounded =
      (key === 'rowid' ? !columns.has(key) : columns.has(key)) &&
      this.isBounded(table.name, sql, form === 'row' ? 1 : 3);
    if (!bounded) {
      const problem = `the rows of ${table.name} are not in the order of ${key}`;
      if (required) throw notSupported(problem);
      if (!this.schema.warnings.includes(problem)) this.schema.warnings.push(problem);
      return undefined;
    }
    return this.db.prepare(sql).raw();
  }

  private isBounded(tableName: string, sql: string, parameters: number): boolean {
    const plan = this.db
      .prepare<number[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`)
      .all(...Array<number>(parameters).fill(1));
    return plan.length === 1 && PLAN.exec(plan[0]?.detail ?? '')?.[1] === tableName;
  }
}

/**
 * Reads the rows of a range one at a time, in the order of their ids. A file whose ids do not strictly increase is refused
 * as damaged: it takes a few kilobytes to forge a table that never ends.
 */
export class RangeCursor {
  /** The id of the present row, or `NO_ROW`. */
  id = NO_ROW;
  /** The present row; valid while `id` is not `NO_ROW`. */
  row: Row = EMPTY_ROW;
  private last = 0;
  private iterator: IterableIterator<unknown> | undefined;

  constructor(
    private readonly keyset: Keyset,
    private readonly statement: Statement,
  ) {}

  /** Goes to the first row with `afterId < id <= throughId`; reads at most `limit` rows from there. */
  open(afterId: number, throughId: number, limit = Number.MAX_SAFE_INTEGER): void {
    this.close();
    this.last = afterId;
    this.iterator = this.statement.iterate(afterId, throughId, limit);
    this.advance();
  }

  /** Goes to the next row. */
  advance(): void {
    const next = this.iterator?.next();
    if (next === undefined || next.done === true) {
      this.id = NO_ROW;
      this.row = EMPTY_ROW;
      this.iterator = undefined;
      return;
    }
    this.keyset.pulse.beat();
    // Safety: a raw statement yields arrays, and every expression in it is one of our column types.
    const row = next.value as Row;
    this.id = risingId(row[0], this.last);
    this.last = this.id;
    this.row = row;
  }

  /** Lets go of the statement; safe to call twice. */
  close(): void {
    this.iterator?.return?.();
    this.iterator = undefined;
    this.id = NO_ROW;
    this.row = EMPTY_ROW;
  }
}

function risingId(id: unknown, last: number): number {
  if (typeof id === 'number' && id > last && id <= Number.MAX_SAFE_INTEGER) return id;
  throw new Refusal({ reason: 'DAMAGED', problem: 'the row ids of a table do not increase' });
}

/** Reads single rows by id. */
export class RowReader {
  constructor(
    private readonly keyset: Keyset,
    private readonly statement: Statement,
  ) {}

  /** Returns the row with this id, or undefined. */
  get(id: number): Row | undefined {
    this.keyset.pulse.beat();
    // Safety: as in `RangeCursor.advance`.
    return this.statement.get(id) as Row | undefined;
  }
}
