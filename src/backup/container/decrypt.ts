import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { BackupFault } from '../../domain/fault.js';
import { sqliteMagic } from './header.js';
import { Inflation, PlainCopy } from './inflation.js';
import type { PlainSink } from './inflation.js';
import { PartFile } from './part-file.js';
import {
  decipherOf,
  examineStart,
  headerWarnings,
  namedMismatch,
  otherContent,
  refusedKey,
  wipeOpened,
} from './probe.js';
import type { Examination, OpenedBackup } from './probe.js';
import { Pulse } from '../pulse.js';
import { failed, Refusal } from '../refusal.js';
import { defaultReadBytes, readChunks, readExactly } from './source-file.js';
import type { Answer, DecryptResult, DecryptTask } from '../task.js';
import { md5Bytes, possibleTrailers, tagBytes } from './trailer.js';
import type { Trailer } from './trailer.js';

/**
 * Verifies, decrypts and inflates a backup, or copies a plain database, in one pass over the file and in constant
 * memory. The target appears, private and synced, only after the tag verified; on any other outcome nothing is left.
 * Never throws. Wipes `task.key`. `readBytes` changes nothing but speed.
 */
export async function decryptBackup(task: DecryptTask, readBytes = defaultReadBytes): Promise<Answer<DecryptResult>> {
  try {
    return { ok: true, ...(await decryptFile(task, readBytes)) };
  } catch (error) {
    return failed(error, faultOf(error));
  } finally {
    task.key?.fill(0);
  }
}

async function decryptFile(task: DecryptTask, readBytes: number): Promise<DecryptResult> {
  const pulse = new Pulse(task.control);
  // Without O_NONBLOCK a named pipe in the place of the file would hold the thread for good.
  const handle = await open(task.sourcePath, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new Refusal({ reason: 'NOT_A_BACKUP' });
    const file: Source = { handle, size: stat.size, readBytes, pulse };
    const seen = await examine(file, task.key);
    if (seen.answer === 'refused') throw new Refusal(seen.fault);
    try {
      return await publish(task, pulse, (part) =>
        seen.answer === 'plain' ? copyPlain(file, part) : decrypt(file, seen.opened, part),
      );
    } finally {
      if (seen.answer === 'encrypted') wipeOpened(seen.opened);
    }
  } finally {
    await handle.close();
  }
}

/** Gives the target its name when `fill` wrote a database into it; `fill` answers warnings. */
async function publish(
  task: DecryptTask,
  pulse: Pulse,
  fill: (part: PartFile) => Promise<string[]>,
): Promise<DecryptResult> {
  const part = await PartFile.open(task.targetPath, task.maxInflatedBytes, pulse);
  try {
    const warnings = await fill(part);
    const start = await part.readStart(sqliteMagic.length);
    if (!start.equals(sqliteMagic)) throw new Refusal({ reason: 'OTHER_BACKUP', content: 'unknown' });
    await part.commit();
    return { plainBytes: part.size, warnings };
  } finally {
    await part.close();
  }
}

function faultOf(error: unknown): BackupFault {
  if (error instanceof Refusal) return error.fault;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return { reason: code === 'ENOSPC' || code === 'EDQUOT' ? 'STORAGE_FULL' : 'INTERNAL' };
}

interface Source {
  handle: FileHandle;
  size: number;
  readBytes: number;
  pulse: Pulse;
}

async function examine(file: Source, key: Uint8Array | undefined): Promise<Exclude<Examination, { answer: 'more' }>> {
  let bytes = Math.min(1024, file.size);
  for (;;) {
    const seen = examineStart(await readExactly(file.handle, 0, bytes), file.size, key);
    if (seen.answer !== 'more') return seen;
    bytes = seen.bytes;
  }
}

async function copyPlain(file: Source, part: PartFile): Promise<string[]> {
  for await (const chunk of readChunks(file.handle, 0, file.size, file.readBytes, file.pulse)) await part.write(chunk);
  return [];
}

/** Answers warnings. Throws `Refusal`. */
async function decrypt(file: Source, opened: OpenedBackup, part: PartFile): Promise<string[]> {
  const { header, content } = opened;
  const sink =
    content?.kind === 'database' ? (content.deflated ? new Inflation(part) : new PlainCopy(part)) : undefined;
  try {
    const other = content && otherContent(content);
    // What is merely unknown may be a damaged database: there the tag decides.
    if (other !== undefined && content?.kind !== 'unknown') throw new Refusal(other);

    const verdict = await readThrough(file, opened, sink);
    if (verdict.trailer === undefined) throw new Refusal(whyUnverified(opened, verdict.intact));
    // The tag proves the key and every byte: whatever is wrong now was wrong before the phone encrypted it.
    if (sink === undefined) throw new Refusal({ reason: 'OTHER_BACKUP', content: 'unknown' });
    await sink.write(verdict.tail);
    await sink.finish();
    if (sink.problem !== undefined) {
      const problem = `the phone encrypted a backup that was already damaged: ${sink.problem}`;
      throw new Refusal({ reason: 'DAMAGED', problem });
    }
    const warnings = headerWarnings(header);
    if (!verdict.intact && verdict.trailer.md5At !== undefined) {
      warnings.push('the checksum (MD5) at the end of the file does not fit; the content was verified without it');
    }
    return warnings;
  } finally {
    await sink?.close();
  }
}

/** What is known when all bytes were seen. */
interface Verdict {
  /** The MD5 at the end fits: the file is as it was written. */
  intact: boolean;
  /** The trailer of which the tag verified; undefined when none did. */
  trailer: Trailer | undefined;
  /** The last of the plaintext, which only that trailer shows to be ciphertext. */
  tail: Buffer;
}

/**
 * Reads the file once, feeding the MD5, the tag and, ahead of the verdict, the sink.
 *
 * A file without a fitting MD5 is taken for a chunked one, which has none. When its tag does not fit, it may still be
 * the MD5 itself that is damaged; the tag is then elsewhere, and as a decipher cannot be rewound, that costs a second
 * pass.
 */
async function readThrough(file: Source, opened: OpenedBackup, sink: PlainSink | undefined): Promise<Verdict> {
  const { header } = opened;
  const trailers = possibleTrailers(header.kind, file.size - header.dataOffset);
  const heldBytes = Math.max(...trailers.map(({ tagAt }) => tagAt));
  const bodyEnd = file.size - heldBytes;
  const held = await readExactly(file.handle, bodyEnd, heldBytes);

  const decipher = decipherOf(opened.fileKey, header.iv);
  const md5 = createHash('md5').update(await readExactly(file.handle, 0, header.dataOffset));
  for await (const chunk of readChunks(file.handle, header.dataOffset, bodyEnd, file.readBytes, file.pulse)) {
    const plain = decipher.update(chunk);
    await sink?.write(plain);
    // After the write: inflating and hashing go on at the same time.
    md5.update(chunk);
  }

  const fitting = trailers.find((trailer) => md5Fits(md5, held, trailer));
  const [likeliest, ...others] = fitting ? [fitting] : trailers;
  const tail = likeliest && verifyTail(decipher, held, likeliest);
  if (tail !== undefined) return { intact: fitting !== undefined, trailer: likeliest, tail };
  // Without sensible content the key is wrong, and a second pass would not verify either.
  for (const trailer of opened.content === undefined ? [] : others) {
    const again = decipherOf(opened.fileKey, header.iv);
    for await (const chunk of readChunks(file.handle, header.dataOffset, bodyEnd, file.readBytes, file.pulse)) {
      again.update(chunk);
    }
    const late = verifyTail(again, held, trailer);
    if (late !== undefined) return { intact: false, trailer, tail: late };
  }
  return { intact: fitting !== undefined, trailer: undefined, tail: Buffer.alloc(0) };
}

function md5Fits(md5: Hash, held: Buffer, { md5At }: Trailer): boolean {
  if (md5At === undefined) return false;
  const at = held.length - md5At;
  return md5
    .copy()
    .update(held.subarray(0, at))
    .digest()
    .equals(held.subarray(at, at + md5Bytes));
}

/** Answers what `held` has of the plaintext, or undefined when the tag does not verify. */
function verifyTail(decipher: ReturnType<typeof decipherOf>, held: Buffer, { tagAt }: Trailer): Buffer | undefined {
  const at = held.length - tagAt;
  const tail = decipher.update(held.subarray(0, at));
  decipher.setAuthTag(held.subarray(at, at + tagBytes));
  try {
    decipher.final();
    return tail;
  } catch {
    return undefined;
  }
}

function whyUnverified(opened: OpenedBackup, intact: boolean): BackupFault {
  if (opened.content !== undefined) {
    const problem = intact
      ? 'the key is right, but the content was changed before its checksum was made'
      : 'the key is right, but the file was changed on its way or truncated';
    return { reason: 'DAMAGED', problem };
  }
  // No search for a mistyped digit in what may just be damaged: the probe has done that before the file was sent.
  return intact ? refusedKey(opened) : (namedMismatch(opened) ?? { reason: 'WRONG_KEY_OR_DAMAGED' });
}
