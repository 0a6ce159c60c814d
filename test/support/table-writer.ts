import type Database from 'better-sqlite3';
import type { Schema } from './synthetic-schema.js';

/** A value of a cell. */
export type Cell = string | number | bigint | Buffer | null;

/** Writes a row: its values are those of the columns that were named, in that order. */
export type RowWriter = (...cells: Cell[]) => void;

/** Inserts rows into the tables and columns that a schema has; what it lacks is left out without a word. */
export class TableWriter {
  constructor(
    readonly database: Database.Database,
    readonly schema: Schema,
  ) {}

  /** Returns true when the table exists. */
  has(table: string): boolean {
    return this.schema.has(table);
  }

  /** Prepares the insertion of rows; columns are separated by blanks. */
  into(table: string, columns: string): RowWriter {
    const present = this.schema.get(table);
    if (present === undefined) return () => undefined;
    const wanted = columns.split(' ');
    const kept = wanted.map((name, at) => ({ name, at })).filter(({ name }) => present.has(name));
    const names = kept.map(({ name }) => name).join(', ');
    const marks = kept.map(() => '?').join(', ');
    const statement = this.database.prepare(`INSERT INTO ${table} (${names}) VALUES (${marks})`);
    if (kept.length === wanted.length) {
      return (...cells) => {
        statement.run(cells);
      };
    }
    return (...cells) => {
      statement.run(kept.map(({ at }) => cells[at] ?? null));
    };
  }

  /** Inserts one row given by column names. */
  add(table: string, row: Record<string, Cell>): void {
    this.into(table, Object.keys(row).join(' '))(...Object.values(row));
  }
}
