import { hkdfSync } from 'node:crypto';
import type { BackupFault } from '../../domain/fault.js';
import { keyVersionOf } from './header.js';
import type { EncryptedHeader } from './header.js';
import type { Answer } from '../task.js';

/**
 * What a person has: the root key behind the 64 digits, from which each crypt15 file's key is derived, or the `key`
 * file, which holds the AES key of crypt14 and crypt12 files and the facts by which such a file names it.
 */
export type BackupKey =
  | { kind: 'root'; root: Buffer }
  | { kind: 'file'; fileKey: Buffer; keyVersion: number | undefined; serverSalt: Buffer; googleId: Buffer };

/** The hex digits of a root key, as WhatsApp shows them: 16 groups of 4. */
export const keyDigits = 64;

const keyBytes = 32;

// An array of bytes as Java serialises it: stream header, class descriptor of `[B`; then the length, then the bytes.
const javaByteArray = Buffer.from('aced0005757200025b42acf317f8060854e00200007870', 'hex');

// `key`: cipher version 2 · key version 1 · server salt 32 · google id 16 · its SHA-256 32 · zero IV 16 · AES key 32.
const keyFileBytes = 131;

/**
 * Reads a key from bytes as a client gave them: 64 hex digits in any case and grouping (also as a text file, with a
 * byte order mark, in UTF-8 or UTF-16), the file `encrypted_backup.key`, the file `key`, or 32 bytes as they are.
 * Answers KEY_MALFORMED with what to do; the problem never quotes the key. The result is a copy: see `wipeKey`.
 */
export function parseKey(given: Uint8Array): Answer<{ key: BackupKey }> {
  const bytes = Buffer.from(given.buffer, given.byteOffset, given.length);
  if (bytes.subarray(0, javaByteArray.length).equals(javaByteArray)) return parseJavaFile(bytes);
  // 32 characters of hex text are half of the digits, not a key.
  if (bytes.length === keyBytes && !bytes.every((byte) => byte < 0x80 && digitOf(byte) !== 'other')) {
    return { ok: true, key: { kind: 'root', root: Buffer.from(bytes) } };
  }
  return parseDigits(bytes);
}

/** Overwrites a key's bytes. */
export function wipeKey(key: BackupKey): void {
  (key.kind === 'root' ? key.root : key.fileKey).fill(0);
}

/**
 * The AES key of one file: derived from a root key by HKDF-SHA256 without salt (the tools write the same as two HMACs),
 * or the one of a `key` file. Answers KEY_KIND_MISMATCH when this kind of key opens no file of this kind. The result is
 * a copy.
 */
export function fileKeyFor(header: EncryptedHeader, key: BackupKey): Answer<{ fileKey: Buffer }> {
  if (header.kind === 'crypt15') {
    if (key.kind === 'root') return { ok: true, fileKey: deriveFileKey(key.root) };
    const problem = 'this is a crypt15 backup: it needs the 64-digit key or encrypted_backup.key, not a file named key';
    return { ok: false, fault: { reason: 'KEY_KIND_MISMATCH', needed: 'digits', problem } };
  }
  if (key.kind === 'file') return { ok: true, fileKey: Buffer.from(key.fileKey) };
  const problem = `this is a ${header.kind} backup: it needs the 158-byte file named key from the phone, not a 64-digit key`;
  return { ok: false, fault: { reason: 'KEY_KIND_MISMATCH', needed: 'key-file', problem } };
}

/** The AES key of a crypt15 file. */
export function deriveFileKey(root: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', root, '', 'backup encryption', keyBytes));
}

/** Tells by which fact a `key` file is known to belong to another backup, for a file that it did not open. */
export function keyFileMismatch(header: EncryptedHeader, key: BackupKey): BackupFault | undefined {
  if (key.kind !== 'file') return undefined;
  const differs = (ours: Buffer, theirs: Buffer | undefined) => theirs !== undefined && !ours.equals(theirs);
  let what: string;
  if (header.keyVersion !== undefined && header.keyVersion !== key.keyVersion) {
    what = `its key version is ${key.keyVersion ?? 'unknown'}, the backup needs ${header.keyVersion}`;
  } else if (differs(key.serverSalt, header.serverSalt)) {
    what = 'its server salt is not that of the backup';
  } else if (differs(key.googleId, header.googleId)) {
    what = 'its Google account is not that of the backup';
  } else {
    return undefined;
  }
  return {
    reason: 'KEY_KIND_MISMATCH',
    needed: 'key-file',
    problem: `the key file belongs to another backup: ${what}`,
  };
}

function malformed(problem: string): Answer<{ key: BackupKey }> {
  return { ok: false, fault: { reason: 'KEY_MALFORMED', problem } };
}

function parseJavaFile(bytes: Buffer): Answer<{ key: BackupKey }> {
  const start = javaByteArray.length + 4;
  if (bytes.length < start) return malformed(`the key file is cut short: it has only ${bytes.length} bytes`);
  const length = bytes.readUInt32BE(javaByteArray.length);
  const body = bytes.subarray(start);
  if (length !== keyBytes && length !== keyFileBytes) {
    return malformed(`the key file holds ${length} bytes; encrypted_backup.key holds ${keyBytes}, key ${keyFileBytes}`);
  }
  if (body.length !== length) return malformed(`the key file says ${length} bytes and has ${body.length}`);
  if (length === keyBytes) return { ok: true, key: { kind: 'root', root: Buffer.from(body) } };
  return {
    ok: true,
    key: {
      kind: 'file',
      keyVersion: keyVersionOf(body[2] ?? 0),
      serverSalt: Buffer.from(body.subarray(3, 35)),
      googleId: Buffer.from(body.subarray(35, 51)),
      fileKey: Buffer.from(body.subarray(keyFileBytes - keyBytes)),
    },
  };
}

// Works on bytes throughout: a string could not be wiped.
function parseDigits(bytes: Buffer): Answer<{ key: BackupKey }> {
  const root = Buffer.alloc(keyBytes);
  const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  let digits = 0;
  let characters = 0;
  for (const byte of bytes) {
    // Every other byte of digits in UTF-16 is zero, and its byte order mark is no ASCII.
    if (utf16 && byte === 0) continue;
    characters++;
    const digit = digitOf(byte);
    if (digit === 'separator') continue;
    if (digit === 'other') {
      root.fill(0);
      return malformed(`character ${characters} is not a hex digit (0–9, a–f), ${keyDigits} of them are needed`);
    }
    if (digits < keyDigits) root[digits >> 1] = ((root[digits >> 1] ?? 0) << 4) | digit;
    digits++;
  }
  if (digits === keyDigits) return { ok: true, key: { kind: 'root', root } };
  root.fill(0);
  return malformed(
    digits === 0
      ? `it is empty, ${keyDigits} hex digits are needed`
      : `it has ${digits} hex digits, ${keyDigits} are needed`,
  );
}

/**
 * White space and punctuation separate. So does everything that is not ASCII: byte order marks, no-break spaces and the
 * dashes that word processors put in for hyphens.
 */
function digitOf(byte: number): number | 'separator' | 'other' {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  if (lower >= 0x61 && lower <= 0x66) return lower - 0x57;
  if (byte >= 0x80 || byte === 0x20 || (byte >= 0x09 && byte <= 0x0d) || punctuation.has(byte)) return 'separator';
  return 'other';
}

const punctuation = new Set(Buffer.from('-_:;,."\'', 'latin1'));
