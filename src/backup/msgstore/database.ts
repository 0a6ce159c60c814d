import Sqlite, { type Database } from 'better-sqlite3';

/**
 * Opens a backup's database for reading. The file is a stranger's: nothing in its schema is trusted, sorting never spills
 * plaintext into temporary files, and nothing is mapped into memory, where a file that shrinks would end the process.
 *
 * The path must be one of our own, in a directory where nobody else writes: SQLite would play back a journal beside it.
 */
export function openDatabase(path: string): Database {
  const db = new Sqlite(path, { readonly: true, fileMustExist: true });
  try {
    db.pragma('trusted_schema = OFF');
    db.pragma('cell_size_check = ON');
    db.pragma('mmap_size = 0');
    db.pragma('query_only = ON');
    db.pragma('temp_store = MEMORY');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
