import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CallError, required } from '../../src/cli/call-error.js';
import { BackfillState } from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import {
  chunksOf,
  createUpload,
  digitsOf,
  ensureSession,
  errorOf,
  findStrayFiles,
  followBackfill,
  getBackfill,
  type KeyInit,
  keyFileOf,
  untilClean,
} from '../support/backfill-walk.js';
import { type BackupBytes, makeBytes } from '../support/backup-bytes.js';
import { Daemon, withDaemon } from '../support/daemon.js';
import { encryptBackup, serialiseKeyFile, serialiseRootKeyFile } from '../support/encrypt-backup.js';
import { expectHistory } from '../support/expected-history.js';
import { readHistory } from '../support/read-history.js';
import { rootKey, smallBackup, smallDatabase } from '../support/small-backup.js';
import { zipOf } from '../support/zip.js';

const digits = rootKey.toString('hex');
const key = digitsOf(rootKey);
const otherKey = digitsOf(Buffer.alloc(32, 7));
const asText = (value: string): KeyInit => ({ form: { case: 'digits', value } });

let daemon: Daemon;
let dropDirectory: string;
let backup: BackupBytes;
beforeAll(async () => {
  dropDirectory = await mkdtemp(join(tmpdir(), 'scrollback-drop-'));
  daemon = await Daemon.start({ env: { SCROLLBACK_DROP_DIR: dropDirectory } });
  backup = await makeBytes({ messages: 12_000, seed: 71 });
});
afterAll(async () => {
  await daemon.remove();
  await rm(dropDirectory, { recursive: true });
});

/** Uploads what is to be refused, and returns the error of the backfill, or that of its creation. */
async function refusalOf(sessionId: string, bytes: Uint8Array, given: KeyInit | undefined): Promise<CallError> {
  const { client } = daemon;
  await ensureSession(client, sessionId);
  let backfillId: string;
  try {
    ({ backfillId } = await createUpload(client, sessionId, bytes.length, given));
  } catch (error) {
    if (error instanceof CallError) return error;
    throw error;
  }
  const call: unknown = await client.backfills
    .uploadBackup(chunksOf(backfillId, bytes))
    .catch((error: unknown) => error);
  const backfill = await followBackfill(client, backfillId);
  expect(backfill.state).toBe(BackfillState.FAILED);
  const error = errorOf(backfill);
  // What the call was refused with is what the backfill keeps.
  if (call instanceof CallError)
    expect([call.code, call.reason, call.message]).toEqual([error.code, error.reason, error.message]);
  await untilClean(daemon.dataDirectory);
  const { session } = await client.sessions.getSession({ sessionId });
  expect(session).toMatchObject({ messageCount: 0n, revision: 0n });
  return error;
}

describe('a wrong key', () => {
  test('is refused by the first chunk, long before the whole file has travelled', async () => {
    const { client } = daemon;
    await ensureSession(client, 'wrong-key');
    const { crypt15 } = backup;
    const { backfillId } = await createUpload(client, 'wrong-key', crypt15.length, otherKey);
    let sent = 0;
    async function* counted(): ReturnType<typeof chunksOf> {
      for await (const chunk of chunksOf(backfillId, crypt15, { chunkBytes: 64 * 1024 })) {
        sent += chunk.data.length;
        yield chunk;
        // Lets the refusal arrive: nobody sends as fast as this test from memory.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await expect(client.backfills.uploadBackup(counted())).rejects.toMatchObject({ reason: 'WRONG_KEY' });
    expect(sent).toBeLessThan(crypt15.length);
    const failed = await getBackfill(client, backfillId);
    expect(failed).toMatchObject({ state: BackfillState.FAILED, committedSize: 0n });
    expect(errorOf(failed).reason).toBe('WRONG_KEY');
    await untilClean(daemon.dataDirectory);
  });

  test('with one mistyped digit is told which', async () => {
    const mistyped = digits.slice(0, 22) + (digits[22] === '7' ? '8' : '7') + digits.slice(23);
    const error = await refusalOf('mistyped', backup.crypt15, asText(mistyped));
    expect(error).toMatchObject({ reason: 'WRONG_KEY', metadata: { mistyped_digit: '23' } });
  });

  test('may be given in any grouping and case', async () => {
    const { client } = daemon;
    await ensureSession(client, 'grouped');
    const grouped = (digits.toUpperCase().match(/.{4}/g) ?? []).join(' - ');
    const { backfillId } = await createUpload(client, 'grouped', backup.crypt15.length, asText(grouped));
    await client.backfills.uploadBackup(chunksOf(backfillId, backup.crypt15));
    expect((await followBackfill(client, backfillId)).state).toBe(BackfillState.SUCCEEDED);
  });
});

describe('what cannot be imported is refused with its own reason', () => {
  const plain = smallDatabase(60);
  const crypt15 = smallBackup(plain);
  const crypt14 = smallBackup(plain, { kind: 'crypt14' });
  const zip = (...names: string[]): Buffer =>
    encryptBackup(deflateSync(zipOf(...names)), { kind: 'crypt15', key: rootKey, deflate: false });
  const cases: [string, Buffer, KeyInit | undefined, string][] = [
    ['no key', crypt15, undefined, 'KEY_REQUIRED'],
    ['63 digits', crypt15, asText(digits.slice(1)), 'KEY_MALFORMED'],
    ['a key file that is none', crypt15, keyFileOf(Buffer.from('hello')), 'KEY_MALFORMED'],
    ['another key', crypt15, otherKey, 'WRONG_KEY'],
    ['another key file', crypt15, keyFileOf(serialiseRootKeyFile(Buffer.alloc(32, 9))), 'WRONG_KEY'],
    ['a backup with a password', smallBackup(plain, { header: { keyType: 2 } }), otherKey, 'PASSWORD_PROTECTED'],
    ['a backup with a passkey', smallBackup(plain, { header: { keyType: 4 } }), otherKey, 'PASSKEY_PROTECTED'],
    ['64 digits for a crypt14 file', crypt14, key, 'KEY_KIND_MISMATCH'],
    ['the file "key" for a crypt15 file', crypt15, keyFileOf(serialiseKeyFile(rootKey)), 'KEY_KIND_MISMATCH'],
    ['a text', Buffer.from('not a backup at all, only a text\n'.repeat(40)), key, 'NOT_A_BACKUP'],
    ['nothing but zeros', Buffer.alloc(5000), key, 'NOT_A_BACKUP'],
    ['one byte', Buffer.from('S'), key, 'NOT_A_BACKUP'],
    ['an incremental part', zip('header.json', 'messages.bin'), key, 'INCREMENTAL_BACKUP'],
    ['stickers', zip('1.webp', '2.webp'), key, 'OTHER_BACKUP'],
    ['a database without chats', crypt15, key, 'SCHEMA_NOT_SUPPORTED'],
    ['a file that ends in the middle', crypt15.subarray(0, crypt15.length >> 1), key, 'DAMAGED'],
    ['a file that ends in its header', crypt15.subarray(0, 40), key, 'TRUNCATED'],
  ];
  test.each(cases)('%s', async (name, bytes, given, reason) => {
    const error = await refusalOf(name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-'), bytes, given);
    expect(error.reason).toBe(reason);
    expect(error.message).not.toMatch(/\/|Error|undefined/);
  });

  test('a backup that is larger, or inflates to more, than the server takes', async () => {
    const env = {
      SCROLLBACK_MAX_BACKUP_BYTES: String(backup.crypt15.length),
      SCROLLBACK_MAX_INFLATED_BYTES: '1000000',
    };
    await withDaemon(
      async ({ client, dataDirectory }) => {
        await ensureSession(client, 'big');
        await expect(createUpload(client, 'big', backup.crypt15.length + 1, key)).rejects.toMatchObject({
          reason: 'BACKUP_TOO_LARGE',
        });
        const { backfillId } = await createUpload(client, 'big', backup.crypt15.length, key);
        await client.backfills.uploadBackup(chunksOf(backfillId, backup.crypt15));
        expect(errorOf(await followBackfill(client, backfillId)).reason).toBe('BACKUP_TOO_LARGE');
        await untilClean(dataDirectory);
      },
      { env },
    );
  });
});

describe('the drop directory', () => {
  const drop = (sessionId: string, fileName: string, given: KeyInit = key) =>
    daemon.client.backfills.createBackfill({ sessionId, key: given, source: { case: 'drop', value: { fileName } } });

  test('gives a file that lies in it, which is only read', async () => {
    await ensureSession(daemon.client, 'dropped');
    await writeFile(join(dropDirectory, 'some backup'), backup.crypt15);
    await expect(drop('dropped', 'some backup', otherKey)).rejects.toMatchObject({ reason: 'WRONG_KEY' });
    const { backfillId } = required((await drop('dropped', 'some backup')).backfill);
    const done = await followBackfill(daemon.client, backfillId);
    expect(done).toMatchObject({ state: BackfillState.SUCCEEDED, fileName: 'some backup' });
    expectHistory(await readHistory(daemon.client, 'dropped'), backup.expected);
    expect(await findStrayFiles(daemon.dataDirectory)).toEqual([]);
    expect((await findStrayFiles(dropDirectory)).map(({ path }) => path)).toEqual(['some backup']);
  });

  test('gives nothing else, whatever the name', async () => {
    await ensureSession(daemon.client, 'outside');
    const outside = join(dropDirectory, '..', `${dropDirectory.split('/').at(-1) ?? ''}-outside`);
    await writeFile(outside, backup.crypt15);
    await mkdir(join(dropDirectory, 'directory'));
    await symlink(outside, join(dropDirectory, 'link'));
    try {
      for (const name of ['missing', 'link', 'directory']) {
        await expect(drop('outside', name), name).rejects.toMatchObject({ reason: 'DROP_FILE_NOT_FOUND' });
      }
      for (const name of ['..', '.', '', '../x', outside, 'directory/x', 'a\0b', 'x'.repeat(256)]) {
        await expect(drop('outside', name), name).rejects.toMatchObject({ reason: 'INVALID_ARGUMENT' });
      }
      const { backfills } = await daemon.client.backfills.listBackfills({ sessionId: 'outside' });
      expect(backfills).toEqual([]);
    } finally {
      await rm(outside);
      await rm(join(dropDirectory, 'link'));
      await rm(join(dropDirectory, 'directory'), { recursive: true });
    }
  });

  test('may be switched off', async () => {
    await withDaemon(async ({ client }) => {
      await ensureSession(client, 's');
      const source = { case: 'drop', value: { fileName: 'x' } } as const;
      await expect(client.backfills.createBackfill({ sessionId: 's', key, source })).rejects.toMatchObject({
        reason: 'DROP_DIRECTORY_NOT_SET',
      });
    });
  });
});
