import { readFields } from './protobuf-fields.js';

/** A database that is not encrypted, as taken from a rooted phone. */
export interface PlainHeader {
  kind: 'plain';
}

/** What precedes the ciphertext of an encrypted backup. Nothing of it is authenticated: it is a claim, not a fact. */
export interface EncryptedHeader {
  kind: 'crypt15' | 'crypt14' | 'crypt12';
  /** 16 bytes, not the 12 that are usual for GCM. */
  iv: Buffer;
  /** Where the ciphertext starts. */
  dataOffset: number;
  /** What the owner unlocks the root key with (`key_type_new`, absent until 2025). */
  protection: 'password' | 'digits' | 'passkey' | 'unstated';
  /** Which key file opens a crypt14 or crypt12 file; `undefined` where the header does not say. */
  keyVersion: number | undefined;
  serverSalt: Buffer | undefined;
  googleId: Buffer | undefined;
  /** WhatsApp's version, or ''. */
  appVersion: string;
  /** The last digits of the owner's number, or ''. */
  jidSuffix: string;
  /** True when a field is present that only backups of other databases have (`backup_encrypted_hash`). */
  otherDatabase: boolean;
}

/**
 * What the first bytes of a file say: a header, that `bytes` of the file's start are needed to tell (`begun` when what
 * is there already looks like a backup), or that this is no backup.
 */
export type HeaderAnswer =
  | { answer: 'header'; header: PlainHeader | EncryptedHeader }
  | { answer: 'more'; bytes: number; begun: boolean }
  | { answer: 'none' };

/** What a SQLite database starts with (https://sqlite.org/fileformat2.html#magic_header_string). */
export const sqliteMagic = Buffer.from('SQLite format 3\0', 'latin1');

/** Headers of 2026 with a passkey have some 600 bytes; the widest limit known in another tool is this one. */
export const maxHeaderBytes = 64 * 1024;

const ivBytes = 16;

// The shortest prefix that holds an IV: two tags, two lengths, 16 bytes.
const minPrefixBytes = ivBytes + 4;

/**
 * Recognises a backup by its first bytes, never by its name: people rename files. `head` is the start of the file, as
 * long as the caller has it; a longer one never changes an answer other than `more`.
 *
 * ```text
 * crypt15, crypt14   varint H · BackupPrefix protobuf, H bytes · ciphertext …
 * crypt12            00 01 · key version 1 · server salt 32 · google id 16 · IV 16 · ciphertext …
 * plain              "SQLite format 3\0" …
 * ```
 */
export function parseHeader(head: Buffer): HeaderAnswer {
  if (head.length === 0) return { answer: 'more', bytes: sqliteMagic.length, begun: false };
  if (startsLike(head, sqliteMagic)) {
    if (head.length >= sqliteMagic.length) return { answer: 'header', header: { kind: 'plain' } };
    return { answer: 'more', bytes: sqliteMagic.length, begun: head.length >= 4 };
  }
  return head[0] === 0 ? parseCrypt12(head) : parsePrefix(head);
}

function startsLike(head: Buffer, magic: Buffer): boolean {
  const length = Math.min(head.length, magic.length);
  return head.subarray(0, length).equals(magic.subarray(0, length));
}

function parseCrypt12(head: Buffer): HeaderAnswer {
  const dataOffset = 67;
  const [, second = 1, version] = head;
  // A TrueType font starts with 00 01, too, and then has a zero.
  if (second !== 1 || (version !== undefined && keyVersionOf(version) === undefined)) return { answer: 'none' };
  if (head.length < dataOffset) return { answer: 'more', bytes: dataOffset, begun: head.length >= 3 };
  return {
    answer: 'header',
    header: {
      ...unstated,
      kind: 'crypt12',
      keyVersion: keyVersionOf(version ?? 0),
      serverSalt: Buffer.from(head.subarray(3, 35)),
      googleId: Buffer.from(head.subarray(35, 51)),
      iv: Buffer.from(head.subarray(51, dataOffset)),
      dataOffset,
    },
  };
}

const unstated = {
  protection: 'unstated',
  keyVersion: undefined,
  serverSalt: undefined,
  googleId: undefined,
  appVersion: '',
  jidSuffix: '',
  otherDatabase: false,
} as const;

/** Key versions are written as a number (crypt12, `key`) or as a digit (crypt14). */
export function keyVersionOf(byte: number): number | undefined {
  const version = byte >= 0x31 && byte <= 0x39 ? byte - 0x30 : byte;
  return version >= 1 && version <= 9 ? version : undefined;
}

function parsePrefix(head: Buffer): HeaderAnswer {
  let length = 0;
  let start = 0;
  for (;;) {
    const byte = head[start];
    if (byte === undefined) return { answer: 'more', bytes: start + 1 + minPrefixBytes, begun: false };
    length |= (byte & 0x7f) << (7 * start++);
    if (byte < 0x80) break;
    if (start === 3) return { answer: 'none' };
  }
  if (length < minPrefixBytes || length > maxHeaderBytes) return { answer: 'none' };

  const end = start + length;
  const prefix = emptyPrefix();
  const walked = readPrefix(prefix, head, start, end);
  if (walked === 'malformed') return { answer: 'none' };
  if (walked === 'cut') return { answer: 'more', bytes: end, begun: prefix.knownFirst };
  const kind = prefix.e2eeIv ? 'crypt15' : 'crypt14';
  const iv = prefix.e2eeIv ?? prefix.providedIv;
  if (iv?.length !== ivBytes) return { answer: 'none' };
  return {
    answer: 'header',
    header: {
      kind,
      iv,
      dataOffset: end,
      protection: prefix.passkey ? 'passkey' : protectionOf(prefix.keyType),
      keyVersion: prefix.keyVersion,
      serverSalt: prefix.serverSalt,
      googleId: prefix.googleId,
      appVersion: prefix.appVersion,
      jidSuffix: prefix.jidSuffix,
      otherDatabase: prefix.otherDatabase,
    },
  };
}

function protectionOf(keyType: number): EncryptedHeader['protection'] {
  if (keyType === 2) return 'password';
  if (keyType === 3) return 'digits';
  return keyType === 4 ? 'passkey' : 'unstated';
}

interface Prefix {
  knownFirst: boolean;
  keyType: number;
  e2eeIv: Buffer | undefined;
  providedIv: Buffer | undefined;
  keyVersion: number | undefined;
  serverSalt: Buffer | undefined;
  googleId: Buffer | undefined;
  passkey: boolean;
  appVersion: string;
  jidSuffix: string;
  otherDatabase: boolean;
}

function emptyPrefix(): Prefix {
  return { ...unstated, knownFirst: false, keyType: 0, e2eeIv: undefined, providedIv: undefined, passkey: false };
}

/**
 * Collects what is known of WhatsApp's `BackupPrefix`; a repeated field overrides, a repeated message is merged, as
 * protobuf demands. Field numbers are WhatsApp's own, read in its classes.
 */
function readPrefix(prefix: Prefix, head: Buffer, start: number, end: number): 'complete' | 'cut' | 'malformed' {
  let first = true;
  return readFields(head, start, end, ({ field, number, bytes }) => {
    if (first)
      prefix.knownFirst = field === 1 || field === 6 ? number !== undefined : field <= 5 && bytes !== undefined;
    first = false;
    if (field === 6 && number !== undefined) prefix.keyType = number;
    if (bytes === undefined) return true;
    if (field === 2) return readProvidedKey(prefix, bytes);
    if (field === 3) return readMessage(bytes, (inner, value) => void (inner === 1 && (prefix.e2eeIv = value)));
    if (field === 4) return readMetadata(prefix, bytes);
    if (field === 5) prefix.passkey = true;
    return true;
  });
}

function readProvidedKey(prefix: Prefix, message: Buffer): boolean {
  return readMessage(message, (field, value) => {
    if (field === 2) prefix.keyVersion = value.length === 1 ? keyVersionOf(value[0] ?? 0) : undefined;
    if (field === 3) prefix.serverSalt = value;
    if (field === 4) prefix.googleId = value;
    if (field === 5) prefix.providedIv = value;
  });
}

function readMetadata(prefix: Prefix, message: Buffer): boolean {
  return readMessage(message, (field, value) => {
    // The patterns keep whatever a stranger wrote there out of logs and answers.
    if (field === 1) prefix.appVersion = /^[\d.]{1,32}$/.exec(value.toString('latin1'))?.[0] ?? '';
    if (field === 3) prefix.jidSuffix = /^\d{1,4}$/.exec(value.toString('latin1'))?.[0] ?? '';
    if (field === 41) prefix.otherDatabase = true;
  });
}

function readMessage(message: Buffer, take: (field: number, value: Buffer) => void): boolean {
  const walked = readFields(message, 0, message.length, ({ field, bytes }) => {
    if (bytes !== undefined) take(field, Buffer.from(bytes));
    return true;
  });
  return walked === 'complete';
}
