import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { digitsOf, importWhole, keyFileOf, untilClean } from '../support/backfill-walk.js';
import { Daemon } from '../support/daemon.js';
import {
  encryptBackup,
  type EncryptOptions,
  serialiseKeyFile,
  serialiseRootKeyFile,
} from '../support/encrypt-backup.js';
import { expectCounts, expectHistory } from '../support/expected-history.js';
import { readByPlainSql } from '../support/oracle.js';
import { readHistory } from '../support/read-history.js';
import { rootKey, withDirectory } from '../support/small-backup.js';
import { buildDatabase, type SyntheticOptions } from '../support/synthetic-backup.js';

let daemon: Daemon;
beforeAll(async () => {
  daemon = await Daemon.start();
});
afterAll(() => daemon.remove());

async function databaseOf(directory: string, options: SyntheticOptions): Promise<{ path: string; plain: Buffer }> {
  const path = join(directory, 'msgstore.db');
  buildDatabase(path, options);
  return { path, plain: await readFile(path) };
}

describe('an import is what an independent reading of the same file says', () => {
  test.each([
    ['modern', { messages: 4000, traps: true }],
    ['modern without traps', { messages: 6000, seed: 5 }],
    ['modern-2022', { messages: 3000, traps: true, generation: 'modern-2022', seed: 2 }],
    ['legacy', { messages: 3000, traps: true, generation: 'legacy', seed: 3 }],
    ['transitional', { messages: 3000, traps: true, generation: 'transitional', seed: 4 }],
  ] satisfies [string, SyntheticOptions][])('of the generation %s', async (name, options) => {
    const sessionId = name.replaceAll(' ', '-');
    await withDirectory(async (directory) => {
      const { path, plain } = await databaseOf(directory, options);
      const file = encryptBackup(plain, { kind: 'crypt15', key: rootKey });
      const backfill = await importWhole(daemon.client, sessionId, file, digitsOf(rootKey));
      const expected = readByPlainSql(path);
      expectCounts(backfill, expected);
      expectHistory(await readHistory(daemon.client, sessionId), expected);
      await untilClean(daemon.dataDirectory);
    });
  });
});

describe('an import does not depend on the container', () => {
  const containers: [string, Omit<EncryptOptions, 'key'> | undefined, 'digits' | 'root-file' | 'key-file' | 'none'][] =
    [
      ['crypt15 with a key file', { kind: 'crypt15' }, 'root-file'],
      ['crypt14', { kind: 'crypt14' }, 'key-file'],
      ['crypt12', { kind: 'crypt12' }, 'key-file'],
      ['plain', undefined, 'none'],
      ['chunked, without a checksum', { kind: 'crypt15', md5: false }, 'digits'],
      ['with a long header', { kind: 'crypt15', header: { keyType: 3, extraBytes: 60_000 } }, 'digits'],
      ['with a short header', { kind: 'crypt15', header: { noMetadata: true } }, 'digits'],
      ['not deflated', { kind: 'crypt15', deflate: false }, 'digits'],
    ];
  test.each(containers)('%s', async (name, options, keyForm) => {
    const sessionId = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
    await withDirectory(async (directory) => {
      const { path, plain } = await databaseOf(directory, { messages: 700, seed: 9 });
      const file = options === undefined ? plain : encryptBackup(plain, { ...options, key: rootKey });
      const keys = {
        digits: digitsOf(rootKey),
        'root-file': keyFileOf(serialiseRootKeyFile(rootKey)),
        'key-file': keyFileOf(serialiseKeyFile(rootKey)),
        none: undefined,
      };
      const backfill = await importWhole(daemon.client, sessionId, file, keys[keyForm]);
      const expected = readByPlainSql(path);
      expectCounts(backfill, expected);
      expectHistory(await readHistory(daemon.client, sessionId), expected);
      expect(backfill.committedSize).toBe(BigInt(file.length));
    });
  });
});
