import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encryptBackup } from './encrypt-backup.js';
import { type ExpectedHistory, readByPlainSql } from './oracle.js';
import { rootKey, withDirectory } from './small-backup.js';
import { buildDatabase, type SyntheticFacts, type SyntheticOptions } from './synthetic-backup.js';

/** A synthetic backup in memory, encrypted with `rootKey`, and what it means. */
export interface BackupBytes {
  plain: Buffer;
  crypt15: Buffer;
  facts: SyntheticFacts;
  expected: ExpectedHistory;
}

/** Makes a synthetic backup, and lets the oracle read it. */
export async function makeBytes(options: SyntheticOptions): Promise<BackupBytes> {
  return withDirectory(async (directory) => {
    const path = join(directory, 'msgstore.db');
    const facts = buildDatabase(path, options);
    const plain = await readFile(path);
    return { plain, facts, crypt15: pack(plain), expected: readByPlainSql(path) };
  });
}

/** Makes a synthetic backup that is too large for the oracle. */
export async function makeLargeBytes(options: SyntheticOptions): Promise<Omit<BackupBytes, 'expected'>> {
  return withDirectory(async (directory) => {
    const path = join(directory, 'msgstore.db');
    const facts = buildDatabase(path, options);
    const plain = await readFile(path);
    return { plain, facts, crypt15: pack(plain) };
  });
}

function pack(plain: Buffer): Buffer {
  return encryptBackup(plain, { kind: 'crypt15', key: rootKey, iv: Buffer.alloc(16, 0x5a), level: 1 });
}
