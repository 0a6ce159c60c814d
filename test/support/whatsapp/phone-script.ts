import type { proto } from '@whiskeysockets/baileys';

/** A file that the phone has uploaded again. */
export interface Reuploaded {
  /** The key that the message has; it also seals the answer. */
  mediaKey: Uint8Array;
  directPath: string;
}

/** What an own phone answers to its linked device. What is missing or returns undefined stays without an answer. */
export interface PhoneScript {
  /** Older messages of a chat, before the one that is named. */
  onHistoryRequest?: (
    request: proto.Message.PeerDataOperationRequestMessage.IHistorySyncOnDemandRequest,
    requestId: string,
  ) => proto.IHistorySync | undefined;
  /** Messages that reached the device without content. */
  onPlaceholderRequest?: (keys: proto.IMessageKey[]) => proto.IWebMessageInfo[] | undefined;
  /**
   * A file that the media server has dropped, and how the request names its message; undefined says that the phone does not have it
   * either, `silence` that it does not answer.
   */
  onReuploadRequest?: (messageId: string, about: Record<string, string>) => Reuploaded | 'silence' | undefined;
}
