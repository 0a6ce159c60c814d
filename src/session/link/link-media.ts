/** The file of a message as its message describes it. What is not known is empty. */
export interface MediaSource {
  /** What the file was sent as: its keys depend on it. */
  kind: 'image' | 'video' | 'audio' | 'document';
  directPath: string;
  url: string;
  /** Empty for what was sent unencrypted, as files of channels are. */
  mediaKey: Uint8Array;
  encryptedSha256: Uint8Array;
}

/** The message whose file the phone is to upload again, by one of the addresses that its chat and its sender have. */
export interface MediaMessage {
  chatJid: string;
  /** `''` in direct chats, and when `fromMe`. */
  senderJid: string;
  fromMe: boolean;
  messageId: string;
}

/** What a phone answers: where the file is now, that it does not have it, or nothing in time. */
export type ReuploadAnswer =
  { answer: 'uploaded'; directPath: string } | { answer: 'not-found' } | { answer: 'silent' };

/** What a connection can do for files of messages. */
export interface MediaLink {
  /**
   * Downloads a file and decrypts it on the way. What comes is right only if the iteration ends by itself: the seal is at the end.
   * Throws `MediaFailure`.
   */
  download(source: MediaSource, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Asks the phone of the account to upload a file again, and waits for it. Never rejects. */
  askPhone(message: MediaMessage, mediaKey: Uint8Array, signal: AbortSignal): Promise<ReuploadAnswer>;
}
