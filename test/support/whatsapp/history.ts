import { deflateSync } from 'node:zlib';
import { proto } from '@whiskeysockets/baileys';
import type { MediaServer } from './media-server.js';

/** Wraps a chunk of history in the message that announces it: the chunk itself, or a file to download. */
export async function announceHistory(
  chunk: proto.IHistorySync,
  media: MediaServer | undefined,
  requestId?: string,
): Promise<proto.IMessage> {
  const deflated = deflateSync(proto.HistorySync.encode(chunk).finish());
  const content =
    media === undefined
      ? { initialHistBootstrapInlinePayload: deflated }
      : await media.upload(deflated, 'md-msg-hist').then(({ url: _url, ...reference }) => reference);
  return {
    protocolMessage: {
      type: proto.Message.ProtocolMessage.Type.HISTORY_SYNC_NOTIFICATION,
      historySyncNotification: {
        syncType: toNotificationType(chunk.syncType ?? proto.HistorySync.HistorySyncType.FULL),
        chunkOrder: chunk.chunkOrder ?? 0,
        progress: chunk.progress ?? 0,
        ...(requestId === undefined ? {} : { peerDataRequestSessionId: requestId }),
        ...content,
      },
    },
  };
}

/** Two enums with the same names and numbers: one of the content, one of its announcement. */
function toNotificationType(type: number): proto.Message.HistorySyncType {
  return type;
}
