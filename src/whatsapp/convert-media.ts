import type { proto } from '@whiskeysockets/baileys';
import type { LiveContent, LiveMedia } from '../domain/live-event.js';
import { messageKind } from '../domain/message-kind.js';
import { numberOf, type WireNumber } from './numbers.js';

/** What messages with files have in common. */
interface WireMedia {
  mimetype?: string | null;
  fileSha256?: Uint8Array | null;
  fileEncSha256?: Uint8Array | null;
  mediaKey?: Uint8Array | null;
  fileLength?: WireNumber;
  directPath?: string | null;
  url?: string | null;
  width?: number | null;
  height?: number | null;
  seconds?: number | null;
  fileName?: string | null;
}

/** What a message with a file says. */
export type MediaPart = Pick<LiveContent, 'kind' | 'waType'> &
  Partial<LiveContent> & { context: proto.IContextInfo | null | undefined };

/** Converts the message's file, if it has one; metadata only. */
export function convertMedia(message: proto.IMessage, viewOnce: boolean): MediaPart | undefined {
  const { imageMessage, videoMessage, ptvMessage, audioMessage, documentMessage, stickerMessage } = message;
  if (imageMessage) {
    const once = viewOnce || imageMessage.viewOnce === true;
    return part(messageKind.image, once ? 42 : 1, imageMessage, imageMessage.contextInfo, once, imageMessage.caption);
  }
  if (videoMessage) {
    const once = viewOnce || videoMessage.viewOnce === true;
    const gif = videoMessage.gifPlayback === true && !once;
    const kind = gif ? messageKind.gif : messageKind.video;
    const waType = once ? 43 : gif ? 13 : 3;
    return part(kind, waType, videoMessage, videoMessage.contextInfo, once, videoMessage.caption);
  }
  if (ptvMessage) return part(messageKind.videoNote, 81, ptvMessage, ptvMessage.contextInfo, false, ptvMessage.caption);
  if (audioMessage) {
    const once = viewOnce || audioMessage.viewOnce === true;
    const kind = audioMessage.ptt === true || once ? messageKind.voice : messageKind.audio;
    return part(kind, once ? 82 : 2, audioMessage, audioMessage.contextInfo, once);
  }
  if (documentMessage) {
    const { contextInfo, caption } = documentMessage;
    const named = { ...documentMessage, fileName: documentMessage.fileName ?? documentMessage.title ?? null };
    return part(messageKind.document, 9, named, contextInfo, false, caption);
  }
  if (stickerMessage) return part(messageKind.sticker, 20, stickerMessage, stickerMessage.contextInfo, false);
  return undefined;
}

function part(
  kind: number,
  waType: number,
  file: WireMedia,
  context: proto.IContextInfo | null | undefined,
  viewOnce: boolean,
  caption?: string | null,
): MediaPart {
  return { kind, waType, text: caption ?? '', media: mediaOf(file), viewOnce, context };
}

function mediaOf(file: WireMedia): LiveMedia {
  return {
    mimeType: file.mimetype ?? '',
    fileName: file.fileName ?? '',
    sizeBytes: numberOf(file.fileLength),
    sha256: file.fileSha256 ?? EMPTY,
    encryptedSha256: file.fileEncSha256 ?? EMPTY,
    mediaKey: file.mediaKey ?? EMPTY,
    directPath: file.directPath ?? '',
    url: file.url ?? '',
    durationSeconds: file.seconds ?? 0,
    width: file.width ?? 0,
    height: file.height ?? 0,
  };
}

const EMPTY = new Uint8Array();
