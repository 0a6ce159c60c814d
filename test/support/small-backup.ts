import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { encryptBackup } from './encrypt-backup.js';
import type { EncryptOptions } from './encrypt-backup.js';

/** A root key, and the AES key of the key file, that tests use. */
export const rootKey = Buffer.from('00112233445566778899aabbccddeeff0f1e2d3c4b5a69788796a5b4c3d2e1f0', 'hex');

/** A valid SQLite file of one table; about 100 bytes a row, which deflate halves. */
export function smallDatabase(rows = 3): Buffer {
  const db = new Sqlite(':memory:');
  try {
    db.pragma('page_size = 512');
    db.exec('CREATE TABLE message (_id INTEGER PRIMARY KEY, text_data TEXT)');
    const insert = db.prepare('INSERT INTO message (text_data) VALUES (?)');
    let noise = 1;
    for (let row = 0; row < rows; row++) {
      const words = Array.from({ length: 14 }, () => (noise = Math.imul(noise, 48271) >>> 0).toString(36));
      insert.run(words.join(' '));
    }
    return db.serialize();
  } finally {
    db.close();
  }
}

/** Encrypts with `rootKey` and a fixed IV. */
export function smallBackup(plain: Uint8Array, options: Partial<EncryptOptions> = {}): Buffer {
  return encryptBackup(plain, { kind: 'crypt15', key: rootKey, iv: Buffer.alloc(16, 0xa5), ...options });
}

/** Runs `work` with a directory of its own, which is removed afterwards. */
export async function withDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'scrollback-'));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}
