import type { BaileysEventMap, WASocket } from '@whiskeysockets/baileys';
import { decryptMediaRetryData, encryptMediaRetryRequest, proto } from '@whiskeysockets/baileys';
import type { MediaMessage, ReuploadAnswer } from '../session/link/link-media.js';

type Update = BaileysEventMap['messages.media-update'][number];

/**
 * Asks the phone of the account to upload the file of a message again, and waits for its answer, at most `waitMs`. The library's own
 * call waits for ever, and keeps its listener. Never rejects: what cannot be asked is not answered.
 */
export async function askForReupload(
  socket: WASocket,
  message: MediaMessage,
  mediaKey: Uint8Array,
  waitMs: number,
  signal: AbortSignal,
): Promise<ReuploadAnswer> {
  const { chatJid, senderJid, fromMe, messageId } = message;
  const key = { remoteJid: chatJid, fromMe, id: messageId, ...(senderJid === '' ? {} : { participant: senderJid }) };
  const { promise, resolve } = answerSlot();
  const takeUpdates = (updates: Update[]): void => {
    for (const update of updates) {
      // By the id alone: the phone may name the chat by its other address.
      const answer = update.key.id === messageId ? read(update, mediaKey, messageId) : undefined;
      if (answer !== undefined) resolve(answer);
    }
  };
  const takeConnection = ({ connection }: BaileysEventMap['connection.update']): void => {
    if (connection === 'close') resolve(SILENT);
  };
  const giveUp = (): void => resolve(SILENT);
  const timer = setTimeout(giveUp, waitMs);
  signal.addEventListener('abort', giveUp);
  socket.ev.on('messages.media-update', takeUpdates);
  socket.ev.on('connection.update', takeConnection);
  try {
    if (signal.aborted) return SILENT;
    const ownJid = socket.authState.creds.me?.id ?? '';
    socket.sendNode(encryptMediaRetryRequest(key, Buffer.from(mediaKey), ownJid)).catch(giveUp);
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
    socket.ev.off('messages.media-update', takeUpdates);
    socket.ev.off('connection.update', takeConnection);
  }
}

/** Undefined for an answer that is about another file. */
function read(update: Update, mediaKey: Uint8Array, messageId: string): ReuploadAnswer | undefined {
  if (update.error !== undefined || update.media === undefined) return { answer: 'not-found' };
  try {
    const { result, directPath } = decryptMediaRetryData(update.media, mediaKey, messageId);
    const { SUCCESS } = proto.MediaRetryNotification.ResultType;
    if (result !== SUCCESS || !directPath?.startsWith('/')) return { answer: 'not-found' };
    return { answer: 'uploaded', directPath };
  } catch {
    // Sealed with another key: ids repeat across chats.
    return undefined;
  }
}

function answerSlot(): { promise: Promise<ReuploadAnswer>; resolve: (answer: ReuploadAnswer) => void } {
  let resolve: (answer: ReuploadAnswer) => void = () => undefined;
  const promise = new Promise<ReuploadAnswer>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

const SILENT: ReuploadAnswer = { answer: 'silent' };
