import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { probeBackup } from '../../src/backup/container/probe.js';
import type { ProbeAnswer } from '../../src/backup/container/probe.js';
import { serialiseKeyFile, serialiseRootKeyFile } from '../support/encrypt-backup.js';
import type { EncryptOptions } from '../support/encrypt-backup.js';
import { rootKey, smallBackup, smallDatabase } from '../support/small-backup.js';
import { zipOf } from '../support/zip.js';

const plain = smallDatabase(40);
const wrongKey = Buffer.alloc(32, 1);

/** Asks as a client does: with more of the file for as long as more is wanted. */
function probe(file: Buffer, key: Uint8Array | undefined, firstBytes = 1): Exclude<ProbeAnswer, { answer: 'more' }> {
  for (let bytes = Math.min(firstBytes, file.length); ;) {
    const answer = probeBackup(file.subarray(0, bytes), file.length, key);
    if (answer.answer !== 'more') return answer;
    expect(answer.bytes).toBeGreaterThan(bytes);
    expect(answer.bytes).toBeLessThanOrEqual(file.length);
    bytes = answer.bytes;
  }
}

/** A root key in which digits (1–64) are exchanged for others. */
function mistype(...slips: [digit: number, typed: string][]): Buffer {
  const digits = [...rootKey.toString('hex')];
  for (const [digit, typed] of slips) digits[digit - 1] = typed;
  return Buffer.from(digits.join(''));
}

describe('a probe accepts', () => {
  test.each([
    ['the digits', rootKey.toString('hex'), {}],
    ['another key type', rootKey, { header: { keyType: 3 } }],
    ['the strongest compression', rootKey, { level: 9 }],
    ['the fastest compression', rootKey, { level: 1 }],
    ['a database that is not deflated', rootKey, { deflate: false }],
    ['a chunked file', rootKey, { md5: false }],
    ['a short header', rootKey, { header: { noMetadata: true } }],
    ['a long header', rootKey, { header: { extraBytes: 60_000 } }],
    ['encrypted_backup.key', serialiseRootKeyFile(rootKey), {}],
    ['a password-protected file with its root key', rootKey, { header: { keyType: 2 } }],
    ['a passkey-protected file with its root key', rootKey, { header: { passkey: true } }],
    ['crypt14', serialiseKeyFile(rootKey), { kind: 'crypt14' }],
    ['crypt12', serialiseKeyFile(rootKey), { kind: 'crypt12' }],
  ] as [string, string | Buffer, Partial<EncryptOptions>][])('%s', (_, key, options) => {
    const answer = probe(smallBackup(plain, options), Buffer.from(key));
    expect(answer).toEqual({ answer: 'ok', kind: options.kind ?? 'crypt15', warnings: [] });
  });

  test('a plain database, with or without a key', () => {
    expect(probe(plain, undefined)).toEqual({ answer: 'ok', kind: 'plain', warnings: [] });
    expect(probe(plain, Buffer.from('no key'))).toEqual({ answer: 'ok', kind: 'plain', warnings: [] });
  });

  test('a key file whose facts differ, when it opens the backup all the same', () => {
    const key = serialiseKeyFile(rootKey, { keyVersion: 3 });
    expect(probe(smallBackup(plain, { kind: 'crypt14' }), key)).toMatchObject({ answer: 'ok' });
  });

  test('a database with the header of another kind, and warns', () => {
    const answer = probe(smallBackup(plain, { header: { otherDatabase: true } }), rootKey);
    const warnings = ['the header looks like that of another database than msgstore.db'];
    expect(answer).toEqual({ answer: 'ok', kind: 'crypt15', warnings });
  });

  test('by header and 512 bytes of content', () => {
    const file = smallBackup(plain);
    expect(probeBackup(file.subarray(0, 1024), 5e9, rootKey)).toMatchObject({ answer: 'ok' });
    expect(probeBackup(file.subarray(0, 300), 5e9, rootKey)).toEqual({ answer: 'more', bytes: 1024 });
  });

  test('or never calls the right key wrong, however short the file was cut', () => {
    const file = smallBackup(plain);
    for (let bytes = 1; bytes < 1024; bytes++) {
      const answer = probe(file.subarray(0, bytes), rootKey);
      if (answer.answer === 'refused') expect(answer.fault.reason, `${bytes} bytes`).not.toBe('WRONG_KEY');
    }
  });

  test('without changing the key', () => {
    const key = Buffer.from(rootKey);
    probe(smallBackup(plain), key);
    probe(smallBackup(plain, { key: wrongKey }), key);
    expect(key).toEqual(rootKey);
  });
});

describe('a probe refuses', () => {
  const backup = smallBackup(plain);

  test.each([
    ['a wrong key', backup, wrongKey, { reason: 'WRONG_KEY' }],
    ['a missing key', backup, undefined, { reason: 'KEY_REQUIRED' }],
    [
      'a malformed key',
      backup,
      Buffer.from('12'),
      { reason: 'KEY_MALFORMED', problem: 'it has 2 hex digits, 64 are needed' },
    ],
    ['a key file for crypt15', backup, serialiseKeyFile(rootKey), { reason: 'KEY_KIND_MISMATCH', needed: 'digits' }],
    [
      'digits for crypt14',
      smallBackup(plain, { kind: 'crypt14' }),
      rootKey,
      { reason: 'KEY_KIND_MISMATCH', needed: 'key-file' },
    ],
    [
      'digits for crypt12',
      smallBackup(plain, { kind: 'crypt12' }),
      rootKey,
      { reason: 'KEY_KIND_MISMATCH', needed: 'key-file' },
    ],
    [
      'the key file of another backup',
      smallBackup(plain, { kind: 'crypt14', header: { keyVersion: 1 } }),
      serialiseKeyFile(wrongKey),
      { reason: 'KEY_KIND_MISMATCH', needed: 'key-file' },
    ],
    [
      'a key file that differs in nothing but the key',
      smallBackup(plain, { kind: 'crypt12' }),
      serialiseKeyFile(wrongKey),
      { reason: 'WRONG_KEY' },
    ],
  ])('%s', (_, file, key, fault) => {
    expect(probe(file, key)).toMatchObject({ answer: 'refused', fault });
  });

  test.each([
    ['no key', undefined],
    ['a key that does not open it', wrongKey],
    ['the password', Buffer.from('hunter2')],
    ['a key file', serialiseKeyFile(rootKey)],
  ])('a protected backup by its protection when there is %s', (_, key) => {
    const password = smallBackup(plain, { header: { keyType: 2 } });
    const passkey = smallBackup(plain, { header: { keyType: 4 } });
    const passkeyByField = smallBackup(plain, { header: { passkey: true } });
    expect(probe(password, key)).toEqual({ answer: 'refused', fault: { reason: 'PASSWORD_PROTECTED' } });
    expect(probe(passkey, key)).toEqual({ answer: 'refused', fault: { reason: 'PASSKEY_PROTECTED' } });
    expect(probe(passkeyByField, key)).toEqual({ answer: 'refused', fault: { reason: 'PASSKEY_PROTECTED' } });
  });

  test.each([
    ['increment', deflateSync(zipOf('header.json', 'messages.bin')), { reason: 'INCREMENTAL_BACKUP' }],
    ['increment in another order', deflateSync(zipOf('chat_modified_1.json')), { reason: 'INCREMENTAL_BACKUP' }],
    ['set of stickers', zipOf('1.webp', '2.webp'), { reason: 'OTHER_BACKUP', content: 'stickers' }],
    ['set of wallpapers', zipOf('wallpaper.bin'), { reason: 'OTHER_BACKUP', content: 'wallpapers' }],
    ['set of something', zipOf('a'), { reason: 'OTHER_BACKUP', content: 'unknown' }],
    [
      'settings file',
      Buffer.from(JSON.stringify({ settings: 'x'.repeat(99) })),
      { reason: 'OTHER_BACKUP', content: 'settings' },
    ],
    ['unheard-of deflated file', deflateSync(plain.subarray(100)), { reason: 'OTHER_BACKUP', content: 'unknown' }],
  ])('a backup that is a(n) %s by its kind', (_, content, fault) => {
    expect(probe(smallBackup(content, { deflate: false }), rootKey)).toEqual({ answer: 'refused', fault });
  });

  test('files that are no backup', () => {
    const fault = { reason: 'NOT_A_BACKUP' };
    expect(probe(Buffer.from('hello'), rootKey)).toEqual({ answer: 'refused', fault });
    expect(probe(zipOf('msgstore.db'), rootKey)).toEqual({ answer: 'refused', fault });
    for (let seed = 0; seed < 500; seed++) {
      const noise = Buffer.concat([0, 1, 2, 3].map((part) => createHash('sha512').update(`${seed} ${part}`).digest()));
      // A hundredth of all noise begins like a header that is longer than the file.
      expect(['NOT_A_BACKUP', 'TRUNCATED'], `seed ${seed}`).toContain(faultOf(probe(noise, rootKey)));
    }
  });

  test('an empty file as truncated', () => {
    expect(probe(Buffer.alloc(0), rootKey)).toEqual({ answer: 'refused', fault: { reason: 'TRUNCATED' } });
  });

  test.each(['crypt15', 'crypt14', 'crypt12', 'plain'] as const)('%s that is cut in or after its header', (kind) => {
    const file = kind === 'plain' ? plain : smallBackup(plain, { kind });
    const key = kind === 'crypt15' ? rootKey : serialiseKeyFile(rootKey);
    const sealedBytes = smallBackup(plain, { kind: 'crypt12' }).length - 67 - 36;
    const dataOffset =
      kind === 'plain' ? plain.length - 17 : file.length - sealedBytes - (kind === 'crypt12' ? 36 : 32);
    for (let length = 5; length <= dataOffset + 16; length++) {
      const answer = probe(file.subarray(0, length), key);
      expect(answer, `${length} bytes`).toEqual({ answer: 'refused', fault: { reason: 'TRUNCATED' } });
    }
  });
});

describe('a probe names the mistyped digit', () => {
  const backup = smallBackup(plain);

  test.each([1, 2, 31, 32, 63, 64])('%i', (digit) => {
    const typed = rootKey.toString('hex')[digit - 1] === 'a' ? 'b' : 'a';
    const fault = { reason: 'WRONG_KEY', mistypedDigit: digit };
    expect(probe(backup, mistype([digit, typed]))).toEqual({ answer: 'refused', fault });
  });

  test('as the first of two neighbours that are exchanged', () => {
    const fault = { reason: 'WRONG_KEY', mistypedDigit: 2 };
    expect(probe(backup, mistype([2, '1'], [3, '0']))).toEqual({ answer: 'refused', fault });
  });

  test('in no other case', () => {
    const key = mistype([1, 'f'], [64, 'f']);
    expect(probe(backup, key)).toEqual({ answer: 'refused', fault: { reason: 'WRONG_KEY' } });
  });
});

function faultOf(answer: ProbeAnswer): string {
  return answer.answer === 'refused' ? answer.fault.reason : answer.answer;
}
