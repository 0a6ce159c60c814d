import { createDecipheriv, createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { createInflate } from 'node:zlib';
import { Pulse } from '../backup/pulse.js';
import { failed, Refusal } from '../backup/refusal.js';
import type { Answer } from '../backup/task.js';
import type { HistorySeal, OpenHistoryResult, OpenHistoryTask } from './history-task.js';

/**
 * Checks the seal and the hashes of a chunk of history, decrypts and inflates it, piece by piece, so that it can be stopped at any
 * time. Never throws. DAMAGED is what the phone itself sealed: asking again would give the same.
 */
export async function openHistory(task: OpenHistoryTask): Promise<Answer<OpenHistoryResult>> {
  const pulse = new Pulse(task.control);
  try {
    const deflated = task.seal === undefined ? task.pieces : unseal(task.pieces, task.seal, pulse);
    return { ok: true, state: 'open', content: await inflate(deflated, task.maxInflatedBytes, pulse) };
  } catch (error) {
    if (error instanceof Broken) return { ok: true, state: 'broken', problem: error.message };
    return failed(error, error instanceof Refusal ? error.fault : { reason: 'INTERNAL' });
  }
}

function unseal(pieces: Uint8Array[], { mediaKey, sha256, encryptedSha256 }: HistorySeal, pulse: Pulse): Buffer[] {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0) - SEAL_BYTES;
  if (length < 0) throw new Broken('the file of a chunk of history is not whole');
  const keys = Buffer.from(hkdfSync('sha256', mediaKey, '', 'WhatsApp History Keys', 112));
  const iv = keys.subarray(0, 16);
  const fileHash = createHash('sha256');
  const sealed = createHmac('sha256', keys.subarray(48, 80)).update(iv);
  const seal: Uint8Array[] = [];
  let left = length;
  for (const piece of pieces) {
    pulse.beat();
    const body = piece.subarray(0, left);
    left -= body.length;
    fileHash.update(piece);
    sealed.update(body);
    if (body.length < piece.length) seal.push(piece.subarray(body.length));
  }
  checkHash(encryptedSha256, fileHash.digest(), 'the file of a chunk of history is not whole');
  // Nothing is decrypted whose seal is not right: what comes out of it is only believed afterwards.
  const mac = Buffer.concat(seal);
  if (!timingSafeEqual(mac, sealed.digest().subarray(0, SEAL_BYTES))) {
    throw new Broken('a chunk of history is not sealed by its key');
  }
  return decrypt(pieces, length, keys, sha256, pulse);
}

function decrypt(pieces: Uint8Array[], length: number, keys: Buffer, sha256: Uint8Array, pulse: Pulse): Buffer[] {
  const decipher = createDecipheriv('aes-256-cbc', keys.subarray(16, 48), keys.subarray(0, 16));
  const hash = createHash('sha256');
  const plain: Buffer[] = [];
  let left = length;
  const take = (bytes: Buffer): void => {
    hash.update(bytes);
    plain.push(bytes);
  };
  for (const piece of pieces) {
    pulse.beat();
    const body = piece.subarray(0, left);
    left -= body.length;
    take(decipher.update(body));
  }
  try {
    take(decipher.final());
  } catch {
    throw new Broken('a chunk of history does not end as it should');
  }
  checkHash(sha256, hash.digest(), 'the content of a chunk of history is not what was announced');
  return plain;
}

/** Inflates on libuv's threads, and stops a bomb: zlib's own limit does nothing in a stream. */
async function inflate(deflated: Uint8Array[], maxBytes: number, pulse: Pulse): Promise<SharedArrayBuffer> {
  const inflater = createInflate({ chunkSize: INFLATE_BYTES });
  const feeding = feed(inflater, deflated);
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    // Safety: a stream that is not in object mode and has no encoding yields buffers.
    for await (const piece of inflater as AsyncIterable<Buffer>) {
      pulse.beat();
      bytes += piece.length;
      if (bytes > maxBytes) throw new Refusal({ reason: 'BACKUP_TOO_LARGE', limitBytes: maxBytes });
      pieces.push(piece);
    }
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal({ reason: 'DAMAGED', problem: 'a chunk of history cannot be inflated' });
  } finally {
    inflater.destroy();
    await feeding;
  }
  const content = new Uint8Array(new SharedArrayBuffer(bytes));
  let at = 0;
  for (const piece of pieces) {
    content.set(piece, at);
    at += piece.length;
  }
  return content.buffer;
}

/** Resolves when everything was taken, or nothing will be any more. */
async function feed(inflater: ReturnType<typeof createInflate>, pieces: Uint8Array[]): Promise<void> {
  for (const piece of pieces) {
    if (inflater.destroyed) return;
    // zlib calls back for what it has taken, and with an error when it is destroyed.
    await new Promise<void>((resolve) => inflater.write(piece, () => resolve()));
  }
  inflater.end();
}

function checkHash(expected: Uint8Array, found: Buffer, problem: string): void {
  if (expected.length > 0 && !found.equals(expected)) throw new Broken(problem);
}

/** The bytes are not what was announced. */
class Broken extends Error {}

/** How much of the seal follows the encrypted content. */
const SEAL_BYTES = 10;

const INFLATE_BYTES = 512 * 1024;
