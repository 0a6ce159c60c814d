import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CallError } from '../../src/cli/call-error.js';
import {
  chunksOf,
  createUpload,
  digitsOf,
  ensureSession,
  followBackfill,
  getBackfill,
  keyFileOf,
  untilClean,
} from '../support/backfill-walk.js';
import { Daemon } from '../support/daemon.js';
import { encryptBackup, serialiseRootKeyFile } from '../support/encrypt-backup.js';
import { readAllMessages } from '../support/read-history.js';
import { rootKey, withDirectory } from '../support/small-backup.js';
import { buildDatabase } from '../support/synthetic-backup.js';

const CANARY = 'canary-4711-nobody-may-see-this';
/** All forms in which the key could be written down. */
const keyForms = [rootKey.toString('hex'), rootKey.toString('hex').toUpperCase(), rootKey.toString('base64')];

let daemon: Daemon;
let crypt15: Buffer;
beforeAll(async () => {
  daemon = await Daemon.start({ env: { SCROLLBACK_LOG_LEVEL: 'trace' } });
  crypt15 = await withDirectory(async (directory) => {
    const path = join(directory, 'msgstore.db');
    buildDatabase(path, { messages: 20_000, seed: 111 });
    const database = new Sqlite(path);
    database.prepare('UPDATE message SET text_data = ? WHERE _id % 5 = 0').run(CANARY);
    database.close();
    return encryptBackup(await readFile(path), { kind: 'crypt15', key: rootKey });
  });
});
afterAll(() => daemon.remove());

/** The files below a directory that hold some bytes. */
async function filesWith(directory: string, needles: readonly (string | Buffer)[]): Promise<string[]> {
  const found: string[] = [];
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = await readFile(path).catch(() => Buffer.alloc(0));
    if (needles.some((needle) => bytes.includes(needle))) found.push(relative(directory, path));
  }
  return found;
}

async function expectNoSecrets(): Promise<void> {
  const { dataDirectory } = daemon;
  for (const needle of [CANARY, ...keyForms]) expect(daemon.log.includes(needle), needle).toBe(false);
  expect(await filesWith(dataDirectory, [...keyForms, rootKey])).toEqual([]);
  const withText = await filesWith(dataDirectory, [CANARY]);
  expect(withText.filter((path) => !/\/history\/\d+\.(ldb|log)$/.test(path) && !path.endsWith('/msgstore.db'))).toEqual(
    [],
  );
}

describe('the key and what messages say', () => {
  test('are nowhere but where they belong, before and after kill -9 in the middle of an import', async () => {
    const { client } = daemon;
    await ensureSession(client, 's');
    const { backfillId } = await createUpload(client, 's', crypt15.length, digitsOf(rootKey));
    await client.backfills.uploadBackup(chunksOf(backfillId, crypt15));
    let rowsRead = 0n;
    while (rowsRead < 3000n) ({ rowsRead } = await getBackfill(client, backfillId));
    for (const name of ['cmdline', 'environ']) {
      const bytes = await readFile(`/proc/${String(daemon.pid)}/${name}`);
      for (const needle of [CANARY, ...keyForms]) expect(bytes.includes(needle)).toBe(false);
    }
    await daemon.kill9();
    await expectNoSecrets();
    await daemon.restart();
    await followBackfill(daemon.client, backfillId);
    await untilClean(daemon.dataDirectory);
    await expectNoSecrets();
    const texts = (await readAllMessages(daemon.client, 's')).filter(({ text }) => text === CANARY);
    expect(texts.length).toBeGreaterThan(3000);
    expect((await filesWith(daemon.dataDirectory, [CANARY])).some((path) => path.endsWith('msgstore.db'))).toBe(false);
  });

  test('are in no error, whatever is wrong', async () => {
    const { client } = daemon;
    await ensureSession(client, 'wrong');
    const damaged = Buffer.from(crypt15);
    damaged[damaged.length >> 1] = 255 - (damaged[damaged.length >> 1] ?? 0);
    const almost = `${rootKey.toString('hex').slice(0, -1)}x`;
    const errors: unknown[] = [];
    for (const [bytes, key] of [
      [damaged, digitsOf(rootKey)],
      [damaged, keyFileOf(serialiseRootKeyFile(rootKey))],
      [crypt15.subarray(0, 5000), digitsOf(rootKey)],
      [crypt15, { form: { case: 'digits', value: almost } } as const],
      [crypt15, keyFileOf(serialiseRootKeyFile(rootKey).subarray(1))],
    ] as const) {
      const run = async (): Promise<void> => {
        const { backfillId } = await createUpload(client, 'wrong', bytes.length, key);
        await client.backfills.uploadBackup(chunksOf(backfillId, bytes));
        const { error } = await followBackfill(client, backfillId);
        errors.push(error);
      };
      await run().catch((error: unknown) => errors.push(error));
    }
    expect(errors).toHaveLength(5);
    for (const error of errors) {
      const text =
        error instanceof CallError
          ? `${error.message} ${JSON.stringify(error.metadata)}`
          : JSON.stringify(error, withBytes);
      for (const needle of [CANARY, ...keyForms, almost]) expect(text.includes(needle), text).toBe(false);
    }
    await untilClean(daemon.dataDirectory);
    await expectNoSecrets();
  });
});

function withBytes(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value;
}
