import { createHash } from 'node:crypto';
import { messageKind } from '../../domain/message-kind.js';
import type { Message } from '../../gen/scrollback/v1/message_pb.js';
import type { MediaMessage, MediaSource } from '../link/link-media.js';

/** What a file is called on the disk: its SHA-256 in hex or, where none was stated, `k` and a hash of the key that opens it. */
export type MediaId = string & { readonly brand: 'MediaId' };

/** The file that a message tells of, and all that helps to get it. */
export interface WantedMedia {
  id: MediaId;
  /** As stated; 0 where not known. */
  sizeBytes: number;
  mimeType: string;
  fileName: string;
  source: MediaSource;
  message: MediaMessage;
}

/** Whether the name of a file was made here. */
export function isMediaId(name: string): name is MediaId {
  return /^k?[0-9a-f]{64}$/.test(name);
}

/** Returns the file of a message; undefined when it has none, or nothing is known that could fetch it. */
export function wantedMedia({ key, kind, media }: Message): WantedMedia | undefined {
  if (media === undefined || key === undefined) return undefined;
  const { mediaKey, directPath, url, sha256, encryptedSha256, mimeType, fileName } = media;
  // Channels send their files as they are; everywhere else, without the key there is only noise.
  const isOpen = key.chatJid.endsWith('@newsletter') && sha256.length === SHA256_BYTES && directPath !== '';
  if (mediaKey.length === 0 && !isOpen) return undefined;
  return {
    id: idOf(sha256, mediaKey),
    sizeBytes: Number(media.sizeBytes),
    mimeType,
    fileName,
    source: { kind: sourceKind(kind, mimeType), directPath, url, mediaKey, encryptedSha256 },
    message: { chatJid: key.chatJid, senderJid: senderOf(key), fromMe: key.fromMe, messageId: key.messageId },
  };
}

function idOf(sha256: Uint8Array, mediaKey: Uint8Array): MediaId {
  const name =
    sha256.length === SHA256_BYTES
      ? Buffer.from(sha256).toString('hex')
      : `k${createHash('sha256').update(mediaKey).digest('hex')}`;
  // Safety: both forms are those that `isMediaId` accepts.
  return name as MediaId;
}

function senderOf({ chatJid, senderJid, fromMe }: NonNullable<Message['key']>): string {
  return fromMe || senderJid === chatJid ? '' : senderJid;
}

function sourceKind(kind: number, mimeType: string): MediaSource['kind'] {
  const known = KINDS[kind];
  if (known !== undefined) return known;
  const [family] = mimeType.split('/');
  return family === 'image' || family === 'video' || family === 'audio' ? family : 'document';
}

const KINDS: Readonly<Record<number, MediaSource['kind']>> = {
  [messageKind.image]: 'image',
  [messageKind.sticker]: 'image',
  [messageKind.product]: 'image',
  [messageKind.video]: 'video',
  [messageKind.gif]: 'video',
  [messageKind.videoNote]: 'video',
  [messageKind.audio]: 'audio',
  [messageKind.voice]: 'audio',
  [messageKind.document]: 'document',
};

const SHA256_BYTES = 32;
