import type { proto } from '@whiskeysockets/baileys';
import { HistoryGone } from '../domain/history-gone.js';
import type { OpenHistoryTask } from './history-task.js';
import { type Fetch, MEDIA_HOST } from './media-host.js';

/**
 * Fetches the chunk that a notification announces, as it is: what lies in it, or a file. The library's own download checks nothing of it,
 * is not tried again, and ends the process when the connection breaks in the middle.
 */
export async function fetchHistory(
  notification: proto.Message.IHistorySyncNotification,
  fetch: Fetch,
  signal: AbortSignal,
): Promise<Pick<OpenHistoryTask, 'pieces' | 'seal'>> {
  const inline = notification.initialHistBootstrapInlinePayload;
  if (inline && inline.length > 0) return { pieces: [shared(inline)], seal: undefined };
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
  const pieces = await readBody(response);
  const seal = { mediaKey, sha256: fileSha256 ?? NOTHING, encryptedSha256: fileEncSha256 ?? NOTHING };
  return { pieces, seal };
}

async function readBody(response: Response): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  // Safety: a body of fetch yields bytes.
  for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += piece.length;
    if (bytes > MAX_FILE_BYTES) throw new HistoryGone('a chunk of history is larger than any is');
    pieces.push(shared(piece));
  }
  return pieces;
}

/** Memory that threads share. A whole file is never put together here: copying one would stop everybody else. */
function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

const NOTHING = new Uint8Array();
const TIMEOUT_MS = 5 * 60_000;

/** Chunks that were seen have some MB. */
const MAX_FILE_BYTES = 128 * 1024 * 1024;
