import { createDecipheriv } from 'node:crypto';
import type { BackupFault } from '../../domain/fault.js';
import { lookBytes, recogniseContent } from './content.js';
import type { Content } from './content.js';
import { parseHeader } from './header.js';
import type { EncryptedHeader } from './header.js';
import { fileKeyFor, keyFileMismatch, parseKey, wipeKey } from './key.js';
import type { BackupKey } from './key.js';
import { findMistypedDigit } from './mistyped-digit.js';
import { possibleTrailers, tagBytes } from './trailer.js';

/** `more`: ask again with that many bytes of the file's start. `warnings` are English and hold no secret. */
export type ProbeAnswer =
  | { answer: 'ok'; kind: 'crypt15' | 'crypt14' | 'crypt12' | 'plain'; warnings: string[] }
  | { answer: 'more'; bytes: number }
  | { answer: 'refused'; fault: BackupFault };

/**
 * Decides by the start of a file whether it is worth to send the rest: whether it is a backup of messages at all, and
 * whether this key opens it. `ok` is a hint, never a proof. What an encrypted file's start decrypts to makes no sense
 * with a wrong key; that these bytes are damaged is possible, but rare, so it is called WRONG_KEY here (`decryptBackup`
 * sees the whole file and knows more). `key` is not changed; a plain database needs none.
 */
export function probeBackup(head: Buffer, totalSize: number, key: Uint8Array | undefined): ProbeAnswer {
  const seen = examineStart(head, totalSize, key);
  if (seen.answer === 'plain') return { answer: 'ok', kind: 'plain', warnings: [] };
  if (seen.answer !== 'encrypted') return seen;
  const { header, content } = seen.opened;
  try {
    const fault = content === undefined ? refusedStart(seen.opened) : otherContent(content);
    if (fault !== undefined) return { answer: 'refused', fault };
    return { answer: 'ok', kind: header.kind, warnings: headerWarnings(header) };
  } finally {
    wipeOpened(seen.opened);
  }
}

/** An encrypted file of which the start has been read. To be wiped. */
export interface OpenedBackup {
  header: EncryptedHeader;
  key: BackupKey;
  fileKey: Buffer;
  /** The beginning of the ciphertext, at most `lookBytes`. */
  start: Buffer;
  /** What that decrypts to; undefined when it makes no sense. */
  content: Content | undefined;
}

/** What the start of a file is, before anybody judges what it decrypts to. */
export type Examination =
  | { answer: 'plain' }
  | { answer: 'encrypted'; opened: OpenedBackup }
  | { answer: 'more'; bytes: number }
  | { answer: 'refused'; fault: BackupFault };

/** Parses the header and the key and decrypts the first bytes. Like `probeBackup` in all else. */
export function examineStart(head: Buffer, totalSize: number, given: Uint8Array | undefined): Examination {
  if (totalSize === 0) return refused({ reason: 'TRUNCATED' });
  const parsed = parseHeader(head);
  if (parsed.answer === 'none') return refused({ reason: 'NOT_A_BACKUP' });
  if (parsed.answer === 'more') {
    if (parsed.bytes <= totalSize) return more(parsed.bytes, head, totalSize);
    // The file ends within its header: what is there may still show what it was meant to be.
    if (head.length < totalSize) return more(totalSize, head, totalSize);
    return refused({ reason: parsed.begun ? 'TRUNCATED' : 'NOT_A_BACKUP' });
  }
  const { header } = parsed;
  if (header.kind === 'plain') return examinePlain(head, totalSize);

  const contentBytes = totalSize - header.dataOffset;
  if (possibleTrailers(header.kind, contentBytes).length === 0) return refused({ reason: 'TRUNCATED' });
  const startBytes = Math.min(lookBytes, contentBytes - tagBytes);
  const locked = lockedBy(header);
  if (given === undefined) return refused(locked ?? { reason: 'KEY_REQUIRED' });
  const key = parseKey(given);
  if (!key.ok) return refused(locked ?? key.fault);
  const fileKey = fileKeyFor(header, key.key);
  if (!fileKey.ok) {
    wipeKey(key.key);
    return refused(locked ?? fileKey.fault);
  }
  if (head.length < header.dataOffset + startBytes) {
    wipeKey(key.key);
    fileKey.fileKey.fill(0);
    return more(header.dataOffset + startBytes, head, totalSize);
  }
  const start = head.subarray(header.dataOffset, header.dataOffset + startBytes);
  const content = recogniseContent(decipherOf(fileKey.fileKey, header.iv).update(start));
  return { answer: 'encrypted', opened: { header, key: key.key, fileKey: fileKey.fileKey, start, content } };
}

/** A decipher for a backup. Without `authTagLength` Node 20 would take tags of 4, 8 and 12 bytes, too. */
export function decipherOf(fileKey: Buffer, iv: Buffer) {
  return createDecipheriv('aes-256-gcm', fileKey, iv, { authTagLength: tagBytes });
}

/** Overwrites the keys of an opened backup. */
export function wipeOpened(opened: OpenedBackup): void {
  wipeKey(opened.key);
  opened.fileKey.fill(0);
}

/** Of a file that ends within a look, not even the right key makes sense: no database is so small. */
function refusedStart(opened: OpenedBackup): BackupFault {
  if (opened.start.length >= lookBytes) return refusedKey(opened);
  return namedMismatch(opened) ?? { reason: 'WRONG_KEY_OR_DAMAGED' };
}

/** The best explanation for a key that does not open an intact file. */
export function refusedKey(opened: OpenedBackup): BackupFault {
  const named = namedMismatch(opened);
  if (named !== undefined) return named;
  const { header, key, start } = opened;
  const mistypedDigit = key.kind === 'root' ? findMistypedDigit(key.root, header.iv, start) : undefined;
  return { reason: 'WRONG_KEY', ...(mistypedDigit !== undefined && { mistypedDigit }) };
}

/** What the header alone tells of a key that does not open the file. */
export function namedMismatch({ header, key }: OpenedBackup): BackupFault | undefined {
  return lockedBy(header) ?? keyFileMismatch(header, key);
}

/** Why content that the key opens cannot be imported; undefined for a database. */
export function otherContent({ kind }: Content): BackupFault | undefined {
  if (kind === 'database') return undefined;
  return kind === 'increment' ? { reason: 'INCREMENTAL_BACKUP' } : { reason: 'OTHER_BACKUP', content: kind };
}

/** What a person should know about a file that is accepted all the same. */
export function headerWarnings(header: EncryptedHeader): string[] {
  return header.otherDatabase ? ['the header looks like that of another database than msgstore.db'] : [];
}

// Such a header needs a root key like any other; but who has only a password or a passkey has none.
function lockedBy({ protection }: EncryptedHeader): BackupFault | undefined {
  if (protection === 'password') return { reason: 'PASSWORD_PROTECTED' };
  return protection === 'passkey' ? { reason: 'PASSKEY_PROTECTED' } : undefined;
}

// The fields are those of https://sqlite.org/fileformat2.html#the_database_header.
function examinePlain(head: Buffer, totalSize: number): Examination {
  const headerBytes = 100;
  const minDatabaseBytes = 512;
  if (totalSize < minDatabaseBytes) return refused({ reason: 'TRUNCATED' });
  if (head.length < headerBytes) return more(headerBytes, head, totalSize);
  const pageSize = head.readUInt16BE(16);
  const pageBytes = pageSize === 1 ? 65536 : pageSize;
  // Very old writers did not keep the page count; they left these two numbers different.
  const pageCount = head.readUInt32BE(24) === head.readUInt32BE(92) ? head.readUInt32BE(28) : 0;
  return pageCount * pageBytes > totalSize ? refused({ reason: 'TRUNCATED' }) : { answer: 'plain' };
}

function refused(fault: BackupFault): Examination {
  return { answer: 'refused', fault };
}

// Asks for a usual header and the look at once instead of creeping up on them.
function more(bytes: number, head: Buffer, totalSize: number): Examination {
  const usual = 1024;
  return { answer: 'more', bytes: Math.min(totalSize, Math.max(bytes, head.length < usual ? usual : 0)) };
}
