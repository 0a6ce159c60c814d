import type { Database } from 'better-sqlite3';
import { Refusal } from '../refusal.js';

/**
 * The type of a column and the longest value that is read. Values of another type are read as NULL, longer ones as
 * `TOO_LONG`: the length is looked at before the value, because a forged value of 400 MB costs nothing until it is
 * fetched.
 */
export type ColumnType = 'number' | { text: number } | { blob: number };

/** Stands for a text or a blob that is longer than its column's bound. */
export const TOO_LONG = 1;

/** A table that we want: its name, the column that should be its row id, and the columns to read. */
export interface Table<C extends string> {
  name: string;
  /** The column that gives the order and the range; `rowid` where a table has no better one. */
  key: string;
  /** Without these the table cannot be used. */
  needed: readonly C[];
  columns: Record<C, ColumnType>;
  /** Where a column stands in a row; the key stands at 0. */
  at: Record<C, number>;
}

/** A value as it is read: other types do not get through. */
export type Value = number | string | Buffer | null;

/** A row: the key, then the columns of the table, in their order; NULL for those that the file does not have. */
export type Row = readonly Value[];

/** Describes a table. */
export function describeTable<C extends string>(
  name: string,
  key: string,
  columns: Record<C, ColumnType>,
  needed: readonly NoInfer<C>[] = [],
): Table<C> {
  // Safety: the keys of a record are exactly its columns.
  const names = Object.keys(columns) as C[];
  const at = Object.fromEntries(names.map((column, index) => [column, index + 1]));
  // Safety: every column was given its index.
  return { name, key, needed, columns, at: at as Record<C, number> };
}

/** Real files have a few hundred objects in their schema; chosen with room to spare. */
const MAX_OBJECTS = 5_000;

/** Definitions are a few kilobytes; the longest are views, which are not looked at. */
const MAX_DEFINITION_BYTES = 65_536;

/**
 * What a database has of what we want. Only ordinary tables are read: a view or a virtual table runs whatever its
 * author wrote.
 *
 * The definitions are taken from the schema table and not from `pragma_table_list`, which prepares `SELECT * FROM` for
 * each view of the file: 25 small views, each a join of the one before with itself, keep it busy for minutes
 * (measured: 13 take 135 ms, each further one twice as long), and a running statement cannot be stopped.
 */
export class Schema {
  readonly warnings: string[] = [];
  private readonly kinds = new Map<string, 'table' | 'other'>();
  private readonly columns = new Map<string, ReadonlySet<string>>();

  constructor(private readonly db: Database) {
    const objects = db
      .prepare<[number, number], SchemaObject>(
        `SELECT type, name, rootpage, CASE WHEN octet_length(sql) <= ? THEN sql END AS sql
         FROM sqlite_schema NOT INDEXED WHERE rowid > 0 ORDER BY rowid LIMIT ?`,
      )
      .iterate(MAX_DEFINITION_BYTES, MAX_OBJECTS + 1);
    let count = 0;
    for (const object of objects) {
      if (++count > MAX_OBJECTS) throw notSupported('the schema has too many objects');
      if (object.type !== 'table' && object.type !== 'view') continue;
      if (typeof object.name !== 'string') throw notSupported('the schema is malformed');
      this.kinds.set(object.name.toLowerCase(), isOrdinary(object) ? 'table' : 'other');
    }
  }

  /** Tells whether an ordinary table of this name exists. */
  has(name: string): boolean {
    return this.kinds.get(name) === 'table';
  }

  /** Tells whether anything of this name exists, of whatever kind. */
  exists(name: string): boolean {
    return this.kinds.has(name);
  }

  /** Tells whether an ordinary table is known to lack a column. */
  lacks(name: string, column: string): boolean {
    return this.has(name) && !this.columnsOf(name).has(column);
  }

  /**
   * Returns the expressions that read a table's columns, or undefined when the table or a needed column is missing. A
   * core table (`required`) that is no ordinary table is refused with SCHEMA_NOT_SUPPORTED; any other is left alone
   * with a warning.
   */
  expressionsOf<C extends string>(table: Table<C>, required: boolean): string[] | undefined {
    const kind = this.kinds.get(table.name);
    if (kind === undefined) return undefined;
    if (kind === 'other') return this.refuse(`${table.name} is not an ordinary table`, required);
    const present = this.columnsOf(table.name);
    for (const column of table.needed) {
      if (!present.has(column)) return this.refuse(`${table.name} has no readable column ${column}`, required);
    }
    const entries: [string, ColumnType][] = Object.entries(table.columns);
    return entries.map(([column, type]) => (present.has(column) ? expressionOf(column, type) : 'NULL'));
  }

  /** The ordinary columns of an ordinary table: hidden and generated ones are not among them. */
  columnsOf(name: string): ReadonlySet<string> {
    let columns = this.columns.get(name);
    if (columns === undefined) {
      const rows = this.db
        .prepare<[string], { name: string }>('SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0')
        .all(name);
      columns = new Set(rows.map((row) => row.name.toLowerCase()));
      this.columns.set(name, columns);
    }
    return columns;
  }

  private refuse(problem: string, required: boolean): undefined {
    if (required) throw notSupported(problem);
    if (!this.warnings.includes(problem)) this.warnings.push(problem);
    return undefined;
  }
}

interface SchemaObject {
  type: string;
  name: unknown;
  rootpage: unknown;
  sql: unknown;
}

/**
 * A virtual table has no root page; a forged entry may call a view a table, but what SQLite makes of it is in its
 * definition, which SQLite stores with the name right after the first two words. A table without row ids cannot be read
 * in their order, and naming its rowid is an error of SQLite's; the words that make it one stand behind the columns.
 */
function isOrdinary(object: SchemaObject): boolean {
  if (object.type !== 'table' || typeof object.rootpage !== 'number' || object.rootpage <= 0) return false;
  if (typeof object.sql !== 'string' || typeof object.name !== 'string') return false;
  if (/\bWITHOUT\s+ROWID\b/i.test(object.sql.slice(object.sql.lastIndexOf(')')))) return false;
  const name = /^CREATE TABLE\s+["'`[]?([A-Za-z0-9_]+)["'`\]]?\s*\(/i.exec(object.sql)?.[1];
  return name?.toLowerCase() === object.name.toLowerCase();
}

function expressionOf(column: string, type: ColumnType): string {
  if (type === 'number') return `CASE WHEN typeof(${column}) IN ('integer', 'real') THEN ${column} END`;
  const [name, maxBytes] = 'text' in type ? ['text', type.text] : ['blob', type.blob];
  const capped = `CASE WHEN octet_length(${column}) <= ${maxBytes} THEN ${column} ELSE ${TOO_LONG} END`;
  return `CASE WHEN typeof(${column}) = '${name}' THEN ${capped} END`;
}

/** Makes the refusal of a file whose schema cannot be read. */
export function notSupported(problem: string): Refusal {
  return new Refusal({ reason: 'SCHEMA_NOT_SUPPORTED', problem });
}
