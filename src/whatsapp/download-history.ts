import { createDecipheriv, createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { inflate as inflateWithCallback } from 'node:zlib';
import { getMediaKeys, proto } from '@whiskeysockets/baileys';
import { HistoryGone } from '../domain/history-gone.js';

const inflate = promisify(inflateWithCallback);

/** As the global `fetch`, which a test leads elsewhere. */
export type Fetch = (url: string, init: { signal: AbortSignal }) => Promise<Response>;

/**
 * Fetches the chunk that a notification announces: what lies in it, or a file, whose length, seal and hashes are checked. The library's
 * own download checks none of them, is not tried again, and ends the process when the connection breaks in the middle.
 */
export async function fetchHistory(
  notification: proto.Message.IHistorySyncNotification,
  fetch: Fetch,
  signal: AbortSignal,
): Promise<proto.HistorySync> {
  const inline = notification.initialHistBootstrapInlinePayload;
  const deflated = inline && inline.length > 0 ? inline : await download(notification, fetch, signal);
  try {
    return proto.HistorySync.decode(await inflate(deflated, { maxOutputLength: MAX_INFLATED_BYTES }));
  } catch (error) {
    // It is what the phone sealed: asking again gives the same.
    throw new HistoryGone('a chunk of history cannot be read', { cause: error });
  }
}

async function download(
  notification: proto.Message.IHistorySyncNotification,
  fetch: Fetch,
  signal: AbortSignal,
): Promise<Buffer> {
  const { directPath, mediaKey, fileSha256, fileEncSha256 } = notification;
  if (!directPath?.startsWith('/') || !mediaKey || mediaKey.length === 0) {
    throw new HistoryGone('an announcement of history says neither what nor where');
  }
  const limited = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const response = await fetch(`https://${MEDIA_HOST}${directPath}`, { signal: limited });
  if (response.status === 404 || response.status === 410) {
    await response.body?.cancel();
    throw new HistoryGone('WhatsApp has dropped a chunk of history');
  }
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`the server of media answers ${String(response.status)}`);
  }
  const file = await readBody(response);
  if (fileEncSha256 && fileEncSha256.length > 0 && !sha256(file).equals(fileEncSha256)) {
    throw new Error('the file of a chunk of history is not whole');
  }
  const plain = await open(file, mediaKey);
  if (fileSha256 && fileSha256.length > 0 && !sha256(plain).equals(fileSha256)) {
    throw new Error('the content of a chunk of history is not what was announced');
  }
  return plain;
}

async function readBody(response: Response): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  // Safety: a body of fetch yields bytes.
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += part.length;
    if (bytes > MAX_FILE_BYTES) throw new HistoryGone('a chunk of history is larger than any is');
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Checks the seal, then decrypts. */
async function open(file: Buffer, mediaKey: Uint8Array): Promise<Buffer> {
  const { iv, cipherKey, macKey } = await getMediaKeys(mediaKey, 'md-msg-hist');
  if (macKey === undefined || macKey === null) throw new Error('a media key gives no key for the seal');
  const ciphertext = file.subarray(0, -MAC_BYTES);
  const seal = createHmac('sha256', macKey).update(iv).update(ciphertext).digest().subarray(0, MAC_BYTES);
  const mac = file.subarray(-MAC_BYTES);
  if (mac.length !== seal.length || !timingSafeEqual(mac, seal))
    throw new Error('a chunk of history is not sealed by its key');
  const decipher = createDecipheriv('aes-256-cbc', cipherKey, iv);
  return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

const MEDIA_HOST = 'mmg.whatsapp.net';
const MAC_BYTES = 10;
const TIMEOUT_MS = 5 * 60_000;

/** Chunks that were seen have some MB; a deflated text may grow tenfold. */
const MAX_FILE_BYTES = 128 * 1024 * 1024;
const MAX_INFLATED_BYTES = 512 * 1024 * 1024;
