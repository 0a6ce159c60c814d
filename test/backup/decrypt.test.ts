import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { deflateSync } from 'node:zlib';
import { Piscina } from 'piscina';
import { describe, expect, test } from 'vitest';
import { decryptBackup } from '../../src/backup/container/decrypt.js';
import { control, makeControl } from '../../src/backup/task.js';
import type { Answer, DecryptResult } from '../../src/backup/task.js';
import { decryptOnce } from '../support/decrypt-once.js';
import { encryptBackupFile, serialiseKeyFile } from '../support/encrypt-backup.js';
import type { EncryptOptions } from '../support/encrypt-backup.js';
import { rootKey, smallBackup, smallDatabase, withDirectory } from '../support/small-backup.js';
import { zipOf } from '../support/zip.js';

const plain = smallDatabase(400);
const wrongKey = Buffer.alloc(32, 1);
const keyFile = serialiseKeyFile(rootKey);
const md5Warning = 'the checksum (MD5) at the end of the file does not fit; the content was verified without it';
const changedOnTheWay = 'the key is right, but the file was changed on its way or truncated';

/** The file with one bit changed, counted from its end. */
function flipFromEnd(file: Buffer, fromEnd: number): Buffer {
  const flipped = Buffer.from(file);
  flipped[file.length - fromEnd] = (file[file.length - fromEnd] ?? 0) ^ 1;
  return flipped;
}

async function refusal(file: Buffer, key: Uint8Array | 'none' = rootKey) {
  const { answer } = await decryptOnce(file, key === 'none' ? undefined : key);
  return answer.ok ? 'accepted' : answer.fault;
}

describe('a backup is decrypted exactly', () => {
  test.each([
    ['crypt15', {}, rootKey],
    ['crypt15 that is chunked, without an MD5', { md5: false }, rootKey],
    ['crypt15 with a short header', { header: { noMetadata: true } }, rootKey],
    ['crypt15 with a long header', { header: { extraBytes: 60_000, passkey: true } }, rootKey],
    ['crypt15 that is not deflated', { deflate: false }, rootKey],
    ['crypt15 that is neither deflated nor has an MD5', { deflate: false, md5: false }, rootKey],
    ['crypt15 with the strongest compression', { level: 9 }, rootKey],
    ['crypt14', { kind: 'crypt14' }, keyFile],
    ['crypt12', { kind: 'crypt12' }, keyFile],
  ] as [string, Partial<EncryptOptions>, Buffer][])('from %s', async (_, options, key) => {
    const outcome = await decryptOnce(smallBackup(plain, options), key);
    expect(outcome).toEqual({ answer: { ok: true, plainBytes: plain.length, warnings: [] }, plain });
  });

  test('from crypt12 without the digits at its end', async () => {
    const file = smallBackup(plain, { kind: 'crypt12' });
    const outcome = await decryptOnce(file.subarray(0, file.length - 4), keyFile);
    expect(outcome).toEqual({ answer: { ok: true, plainBytes: plain.length, warnings: [] }, plain });
  });

  test('from a plain database, which is copied; a key is not needed and not looked at', async () => {
    const outcome = await decryptOnce(plain, Buffer.from('no key'));
    expect(outcome).toEqual({ answer: { ok: true, plainBytes: plain.length, warnings: [] }, plain });
    expect(await decryptOnce(plain, undefined)).toEqual(outcome);
  });

  test.each([1, 2, 3, 16, 63, 64, 65, 1000, 4096, 1 << 20])('when it is read by %i bytes', async (readBytes) => {
    const small = smallDatabase(20);
    for (const options of [{}, { md5: false }, { deflate: false }]) {
      const { plain: got } = await decryptOnce(smallBackup(small, options), rootKey, { readBytes });
      expect(got, JSON.stringify(options)).toEqual(small);
    }
    expect((await decryptOnce(small, undefined, { readBytes })).plain).toEqual(small);
  });

  test('when it is larger than all buffers, in a worker of a pool, from a file that was encrypted as a stream', async () => {
    const large = smallDatabase(120_000);
    const pool = new Piscina<unknown, Answer<DecryptResult>>({
      filename: new URL('../../workers/decrypt.js', import.meta.url).href,
      maxThreads: 1,
    });
    try {
      await withDirectory(async (directory) => {
        const [plainPath, sourcePath, targetPath] = ['plain', 'source', 'target'].map((name) => join(directory, name));
        if (!plainPath || !sourcePath || !targetPath) throw new Error('no paths');
        await writeFile(plainPath, large);
        await encryptBackupFile(plainPath, sourcePath, { kind: 'crypt15', key: rootKey, level: 1 });
        const task = { sourcePath, targetPath, key: rootKey, maxInflatedBytes: large.length, control: makeControl() };
        expect(await pool.run(task)).toEqual({ ok: true, plainBytes: large.length, warnings: [] });
        expect(large.equals(await readFile(targetPath))).toBe(true);
        const slots = new Int32Array(task.control);
        expect(slots[control.heartbeat]).toBeGreaterThan(10);
        expect(slots[control.progress]).toBe(Math.floor((await readFile(sourcePath)).length / 1024 / 1024));
        expect(await pool.run({ ...task, key: wrongKey })).toEqual({ ok: false, fault: { reason: 'WRONG_KEY' } });
      });
    } finally {
      await pool.destroy();
    }
  });
});

describe('the diagnosis of', () => {
  const single = smallBackup(plain);
  const chunked = smallBackup(plain, { md5: false });
  const damagedMiddle = flipFromEnd(single, 1000);

  test('a wrong key for an intact file is that', async () => {
    expect(await refusal(single, wrongKey)).toEqual({ reason: 'WRONG_KEY' });
  });

  test('a mistyped digit is its place', async () => {
    const typed = Buffer.from(rootKey);
    typed[5] = (typed[5] ?? 0) ^ 0x30;
    expect(await refusal(single, typed)).toEqual({ reason: 'WRONG_KEY', mistypedDigit: 11 });
  });

  test('a damaged MD5 alone is a warning', async () => {
    const outcome = await decryptOnce(flipFromEnd(single, 1), rootKey);
    expect(outcome).toEqual({ answer: { ok: true, plainBytes: plain.length, warnings: [md5Warning] }, plain });
    const crypt12 = flipFromEnd(smallBackup(plain, { kind: 'crypt12' }), 5);
    expect(await decryptOnce(crypt12, keyFile)).toEqual(outcome);
  });

  test('a damaged file with the right key is that', async () => {
    const fault = { reason: 'DAMAGED', problem: changedOnTheWay };
    expect(await refusal(damagedMiddle)).toEqual(fault);
    expect(await refusal(flipFromEnd(single, 20))).toEqual(fault);
    expect(await refusal(flipFromEnd(chunked, 1))).toEqual(fault);
    expect(await refusal(flipFromEnd(smallBackup(plain, { deflate: false }), 1000))).toEqual(fault);
    expect(await refusal(flipFromEnd(smallBackup(plain, { kind: 'crypt12' }), 1000), keyFile)).toEqual(fault);
  });

  test('content that is only a database no more because of a changed bit is that', async () => {
    // Stored, not compressed, so that the bit is one of SQLite's magic.
    const stored = smallBackup(plain, { level: 0 });
    expect(await refusal(flipFromEnd(stored, plain.length + 30))).toEqual({
      reason: 'DAMAGED',
      problem: changedOnTheWay,
    });
  });

  test('a file that was changed and then given a new checksum is that', async () => {
    const file = smallBackup(plain);
    const changed = flipFromEnd(file, 20).subarray(0, file.length - 16);
    const md5 = createHash('md5').update(changed).digest();
    expect(await refusal(Buffer.concat([changed, md5]))).toEqual({
      reason: 'DAMAGED',
      problem: 'the key is right, but the content was changed before its checksum was made',
    });
  });

  test('a wrong key for a damaged or chunked file leaves both possible', async () => {
    expect(await refusal(damagedMiddle, wrongKey)).toEqual({ reason: 'WRONG_KEY_OR_DAMAGED' });
    expect(await refusal(chunked, wrongKey)).toEqual({ reason: 'WRONG_KEY_OR_DAMAGED' });
  });

  test('a damaged start with the right key leaves both possible', async () => {
    const damaged = Buffer.from(single);
    damaged.fill(0, 200, 300);
    expect(await refusal(damaged)).toEqual({ reason: 'WRONG_KEY_OR_DAMAGED' });
  });

  test('a key for another kind of file is that, even when the file is damaged', async () => {
    const crypt14 = smallBackup(plain, { kind: 'crypt14' });
    expect(await refusal(damagedMiddle, keyFile)).toMatchObject({ reason: 'KEY_KIND_MISMATCH', needed: 'digits' });
    expect(await refusal(crypt14)).toMatchObject({ reason: 'KEY_KIND_MISMATCH', needed: 'key-file' });
    const other = serialiseKeyFile(wrongKey, { keyVersion: 1 });
    expect(await refusal(crypt14, other)).toMatchObject({ reason: 'KEY_KIND_MISMATCH', needed: 'key-file' });
  });

  test('a protected backup is its protection, unless the root key opens it', async () => {
    const file = smallBackup(plain, { header: { keyType: 2 } });
    expect(await refusal(file, wrongKey)).toEqual({ reason: 'PASSWORD_PROTECTED' });
    expect(await refusal(file, 'none')).toEqual({ reason: 'PASSWORD_PROTECTED' });
    expect(await refusal(smallBackup(plain, { header: { passkey: true } }), wrongKey)).toEqual({
      reason: 'PASSKEY_PROTECTED',
    });
    expect((await decryptOnce(file, rootKey)).plain).toEqual(plain);
  });

  test('a missing or malformed key is that', async () => {
    expect(await refusal(single, 'none')).toEqual({ reason: 'KEY_REQUIRED' });
    expect(await refusal(single, Buffer.from('ab'))).toMatchObject({ reason: 'KEY_MALFORMED' });
  });

  test.each([
    ['is cut', deflateSync(plain).subarray(0, -500)],
    ['is cut in its checksum', deflateSync(plain).subarray(0, -1)],
    ['has a wrong checksum', flipFromEnd(deflateSync(plain), 1)],
    ['is broken in the middle', Buffer.concat([deflateSync(plain).subarray(0, 5000), Buffer.alloc(5000, 0xff)])],
    ['is followed by a byte', Buffer.concat([deflateSync(plain), Buffer.alloc(1)])],
    ['is followed by itself', Buffer.concat([deflateSync(plain), deflateSync(plain)])],
  ])('compressed data that %s, encrypted by the phone, is damage on the phone', async (_, deflated) => {
    for (const md5 of [true, false]) {
      const file = smallBackup(deflated, { deflate: false, md5 });
      for (const readBytes of [1 << 18, 7]) {
        const { answer } = await decryptOnce(file, rootKey, { readBytes });
        expect(answer).toMatchObject({ ok: false, fault: { reason: 'DAMAGED' } });
        expect(JSON.stringify(answer)).toContain('the phone encrypted a backup that was already damaged');
      }
    }
  });

  test('verified content that is no database is another backup', async () => {
    const encrypted = (content: Buffer) => smallBackup(content, { deflate: false });
    expect(await refusal(encrypted(Buffer.from('BEGIN:VCARD')))).toEqual({
      reason: 'OTHER_BACKUP',
      content: 'unknown',
    });
    expect(await refusal(encrypted(zipOf('a.webp')))).toEqual({ reason: 'OTHER_BACKUP', content: 'stickers' });
    expect(await refusal(smallBackup(zipOf('header.json')))).toEqual({ reason: 'INCREMENTAL_BACKUP' });
  });

  test('a file that is no backup is that', async () => {
    expect(await refusal(Buffer.from('hello, this is a text file'))).toEqual({ reason: 'NOT_A_BACKUP' });
    expect(await refusal(Buffer.alloc(0))).toEqual({ reason: 'TRUNCATED' });
    expect(await refusal(plain.subarray(0, plain.length - 1))).toEqual({ reason: 'TRUNCATED' });
  });
});

describe('a bomb', () => {
  test('is stopped at the limit and leaves nothing', async () => {
    const bomb = smallBackup(Buffer.concat([plain, Buffer.alloc(64 * 1024 * 1024)]), { level: 9 });
    expect(bomb.length).toBeLessThan(128 * 1024);
    const { answer } = await decryptOnce(bomb, rootKey, { maxInflatedBytes: 1_000_000 });
    expect(answer).toEqual({ ok: false, fault: { reason: 'BACKUP_TOO_LARGE', limitBytes: 1_000_000 } });
  });

  test('is one byte more than the limit', async () => {
    const fault = { reason: 'BACKUP_TOO_LARGE', limitBytes: plain.length - 1 };
    for (const file of [smallBackup(plain), smallBackup(plain, { deflate: false }), plain]) {
      const exact = await decryptOnce(file, rootKey, { maxInflatedBytes: plain.length });
      expect(exact.plain).toEqual(plain);
      const { answer } = await decryptOnce(file, rootKey, { maxInflatedBytes: plain.length - 1 });
      expect(answer).toEqual({ ok: false, fault });
    }
  });
});

describe('a decryption', () => {
  test.each([
    ['crypt15', smallBackup(plain)],
    ['crypt15 that is not deflated', smallBackup(plain, { deflate: false })],
    ['a plain database', plain],
  ])('of %s stops when it is cancelled, before or on the way, and leaves nothing', async (_, file) => {
    const before = makeControl();
    Atomics.store(new Int32Array(before), control.cancel, 1);
    const { answer } = await decryptOnce(file, rootKey, { control: before });
    expect(answer).toEqual({ ok: false, fault: { reason: 'CANCELLED' } });

    const onTheWay = makeControl();
    const slots = new Int32Array(onTheWay);
    const running = decryptOnce(file, rootKey, { control: onTheWay, readBytes: 8 });
    while (Atomics.load(slots, control.heartbeat) < 20) await setImmediate();
    Atomics.store(slots, control.cancel, 1);
    expect((await running).answer).toEqual({ ok: false, fault: { reason: 'CANCELLED' } });
  });

  test('replaces what a killed one left, and does not follow a link in its place', async () => {
    await withDirectory(async (directory) => {
      const sourcePath = join(directory, 'source');
      const targetPath = join(directory, 'target');
      await writeFile(sourcePath, smallBackup(plain));
      await writeFile(join(directory, 'precious'), 'precious');
      await symlink(join(directory, 'precious'), `${targetPath}.part`);
      const task = { sourcePath, targetPath, key: Buffer.from(rootKey), maxInflatedBytes: 1e9, control: makeControl() };
      expect(await decryptBackup(task)).toMatchObject({ ok: true });
      expect((await readdir(directory)).sort()).toEqual(['precious', 'source', 'target']);
      expect(await readFile(join(directory, 'precious'), 'utf8')).toBe('precious');
      expect(await readFile(targetPath)).toEqual(plain);
    });
  });

  test('of a directory or a named pipe is refused at once', async () => {
    await withDirectory(async (directory) => {
      const pipe = join(directory, 'pipe');
      execFileSync('mkfifo', [pipe]);
      for (const sourcePath of [pipe, directory]) {
        const task = { sourcePath, targetPath: join(directory, 'target'), key: undefined, maxInflatedBytes: 1e9 };
        const answer = await decryptBackup({ ...task, control: makeControl() });
        expect(answer).toEqual({ ok: false, fault: { reason: 'NOT_A_BACKUP' } });
      }
    });
  });

  test('answers INTERNAL for a source or a directory that is not there, and what the system said', async () => {
    const task = { targetPath: '/nowhere/target', maxInflatedBytes: 1e9, control: makeControl() };
    const trace = { type: 'Error', code: 'ENOENT open' };
    const internal = { ok: false, fault: { reason: 'INTERNAL' }, trace };
    expect(await decryptBackup({ ...task, key: undefined, sourcePath: '/nowhere/source' })).toMatchObject(internal);
    await withDirectory(async (directory) => {
      const sourcePath = join(directory, 'source');
      await writeFile(sourcePath, plain);
      expect(await decryptBackup({ ...task, key: undefined, sourcePath })).toMatchObject(internal);
    });
  });
});
