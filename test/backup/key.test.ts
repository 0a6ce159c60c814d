import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseHeader } from '../../src/backup/container/header.js';
import type { EncryptedHeader } from '../../src/backup/container/header.js';
import { deriveFileKey, fileKeyFor, keyFileMismatch, parseKey, wipeKey } from '../../src/backup/container/key.js';
import type { BackupKey } from '../../src/backup/container/key.js';
import { defaultKeyFacts, serialiseKeyFile, serialiseRootKeyFile } from '../support/encrypt-backup.js';
import { rootKey, smallBackup, smallDatabase } from '../support/small-backup.js';

const digits = rootKey.toString('hex');
const groups = digits.replaceAll(/(.{4})(?=.)/g, '$1 ');

function keyOf(bytes: Uint8Array): BackupKey {
  const parsed = parseKey(bytes);
  if (!parsed.ok) throw new Error(parsed.fault.reason);
  return parsed.key;
}

function problemOf(bytes: Uint8Array): string {
  const parsed = parseKey(bytes);
  return parsed.ok || parsed.fault.reason !== 'KEY_MALFORMED'
    ? `no problem: ${JSON.stringify(parsed)}`
    : parsed.fault.problem;
}

function headerOf(kind: 'crypt15' | 'crypt14' | 'crypt12'): EncryptedHeader {
  const parsed = parseHeader(smallBackup(smallDatabase(), { kind }));
  if (parsed.answer !== 'header' || parsed.header.kind === 'plain') throw new Error('no header');
  return parsed.header;
}

describe('a root key', () => {
  test.each([
    ['digits', digits],
    ['upper-case digits', digits.toUpperCase()],
    ['groups of four', groups],
    ['groups in four lines of a text file', groups.replaceAll(/((?:\S+ ){3}\S+) /g, '$1\r\n') + '\r\n'],
    ['groups with dashes', groups.replaceAll(' ', '-')],
    ['groups with the dashes and spaces of a word processor', groups.replaceAll(' ', '\u2013\u00a0')],
    ['digits after a byte order mark', `\ufeff${digits}\n`],
    ['digits in quotes', `"${digits}"`],
  ])('is read from %s', (_, text) => {
    expect(keyOf(Buffer.from(text))).toEqual({ kind: 'root', root: rootKey });
  });

  test('is read from UTF-16 of either byte order', () => {
    const little = Buffer.from(`\ufeff${groups}\r\n`, 'utf16le');
    expect(keyOf(little)).toEqual({ kind: 'root', root: rootKey });
    expect(keyOf(Buffer.from(little).swap16())).toEqual({ kind: 'root', root: rootKey });
  });

  test('is read from encrypted_backup.key and from 32 bytes', () => {
    expect(serialiseRootKeyFile(rootKey)).toHaveLength(59);
    expect(keyOf(serialiseRootKeyFile(rootKey))).toEqual({ kind: 'root', root: rootKey });
    expect(keyOf(rootKey)).toEqual({ kind: 'root', root: rootKey });
  });

  test('derives the key of a file as the two HMACs of other tools do', () => {
    const extracted = createHmac('sha256', Buffer.alloc(32)).update(rootKey).digest();
    const expanded = createHmac('sha256', extracted)
      .update('backup encryption')
      .update(Buffer.from([1]))
      .digest();
    expect(deriveFileKey(rootKey)).toEqual(expanded);
  });

  test('is a copy that can be wiped, and the given bytes stay', () => {
    const given = Buffer.from(rootKey);
    const key = keyOf(given);
    wipeKey(key);
    expect(key).toEqual({ kind: 'root', root: Buffer.alloc(32) });
    expect(given).toEqual(rootKey);
  });
});

describe('a key file', () => {
  test('is read with the facts by which backups name it', () => {
    const bytes = serialiseKeyFile(rootKey);
    expect(bytes).toHaveLength(158);
    expect(keyOf(bytes)).toEqual({ kind: 'file', fileKey: rootKey, ...defaultKeyFacts });
  });

  test('opens crypt14 and crypt12, and is refused by name for crypt15', () => {
    const key = keyOf(serialiseKeyFile(rootKey));
    expect(fileKeyFor(headerOf('crypt14'), key)).toEqual({ ok: true, fileKey: rootKey });
    expect(fileKeyFor(headerOf('crypt12'), key)).toEqual({ ok: true, fileKey: rootKey });
    expect(fileKeyFor(headerOf('crypt15'), key)).toMatchObject({
      fault: { reason: 'KEY_KIND_MISMATCH', needed: 'digits' },
    });
  });

  test.each([
    ['key version', { keyVersion: 3 }, 'its key version is 3, the backup needs 2'],
    ['server salt', { serverSalt: Buffer.alloc(32) }, 'its server salt is not that of the backup'],
    ['Google account', { googleId: Buffer.alloc(16) }, 'its Google account is not that of the backup'],
  ])('of another %s is named', (_, facts, what) => {
    const key = keyOf(serialiseKeyFile(rootKey, facts));
    const problem = `the key file belongs to another backup: ${what}`;
    const fault = { reason: 'KEY_KIND_MISMATCH', needed: 'key-file', problem };
    expect(keyFileMismatch(headerOf('crypt14'), key)).toEqual(fault);
    expect(keyFileMismatch(headerOf('crypt12'), key)).toEqual(fault);
  });

  test('that belongs to the backup has no mismatch', () => {
    expect(keyFileMismatch(headerOf('crypt14'), keyOf(serialiseKeyFile(rootKey)))).toBeUndefined();
  });
});

test.each(['crypt14', 'crypt12'] as const)('64 digits for a %s backup are refused by name', (kind) => {
  expect(fileKeyFor(headerOf(kind), keyOf(rootKey))).toEqual({
    ok: false,
    fault: {
      reason: 'KEY_KIND_MISMATCH',
      needed: 'key-file',
      problem: `this is a ${kind} backup: it needs the 158-byte file named key from the phone, not a 64-digit key`,
    },
  });
});

describe('a malformed key', () => {
  test.each([
    ['nothing', '', 'it is empty, 64 hex digits are needed'],
    ['only white space', ' \r\n', 'it is empty, 64 hex digits are needed'],
    ['one digit too few', digits.slice(1), 'it has 63 hex digits, 64 are needed'],
    ['one digit too many', `${digits}0`, 'it has 65 hex digits, 64 are needed'],
    ['half of the digits', digits.slice(32), 'it has 32 hex digits, 64 are needed'],
    ['the letter O', `00 1O ${digits.slice(4)}`, 'character 5 is not a hex digit (0–9, a–f), 64 of them are needed'],
    ['a password', 'correct horse', 'character 2 is not a hex digit (0–9, a–f), 64 of them are needed'],
  ])('that is %s says what is wrong', (_, text, problem) => {
    expect(problemOf(Buffer.from(text))).toBe(problem);
  });

  test('that is a cut key file says so', () => {
    const file = serialiseKeyFile(rootKey);
    expect(problemOf(file.subarray(0, 25))).toBe('the key file is cut short: it has only 25 bytes');
    expect(problemOf(file.subarray(0, 157))).toBe('the key file says 131 bytes and has 130');
    expect(problemOf(Buffer.concat([file, Buffer.from('\n')]))).toBe('the key file says 131 bytes and has 132');
  });

  test('that is another Java array says so', () => {
    const file = serialiseRootKeyFile(Buffer.alloc(16));
    expect(problemOf(file)).toBe('the key file holds 16 bytes; encrypted_backup.key holds 32, key 131');
  });

  test('is refused without being quoted, whatever it is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 33, maxLength: 200 }), (bytes) => {
        const parsed = parseKey(bytes);
        if (parsed.ok) return;
        expect(parsed.fault.reason).toBe('KEY_MALFORMED');
        expect(JSON.stringify(parsed.fault)).not.toContain(Buffer.from(bytes).toString('latin1'));
      }),
    );
  });
});
