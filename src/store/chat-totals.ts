/**
 * What is counted for a chat. A commit says it in its log entry, and only every `SAVE_EVERY_REVISIONS` it is written to a record of
 * its own for each chat: those records were a tenth of all that an import wrote. In such a record: four float64, big-endian, in the
 * order of the fields.
 */
export interface ChatTotals {
  messageCount: number;
  /** When the oldest and the newest message were sent, in ms since 1970; 0 while there is none or none has a time. */
  firstMs: number;
  lastMs: number;
  /** The revision that changed the chat last. */
  revision: number;
}

/** Totals of a chat without messages. */
export function noTotals(): ChatTotals {
  return { messageCount: 0, firstMs: 0, lastMs: 0, revision: 0 };
}

/** Encodes totals. */
export function encodeTotals(totals: ChatTotals): Buffer {
  const bytes = Buffer.allocUnsafe(32);
  bytes.writeDoubleBE(totals.messageCount, 0);
  bytes.writeDoubleBE(totals.firstMs, 8);
  bytes.writeDoubleBE(totals.lastMs, 16);
  bytes.writeDoubleBE(totals.revision, 24);
  return bytes;
}

/** Decodes totals; those of a chat that has none when absent. */
export function decodeTotals(bytes: Buffer | undefined): ChatTotals {
  if (bytes === undefined) return noTotals();
  return {
    messageCount: bytes.readDoubleBE(0),
    firstMs: bytes.readDoubleBE(8),
    lastMs: bytes.readDoubleBE(16),
    revision: bytes.readDoubleBE(24),
  };
}

/** Encodes the totals of several chats for the log entry of the revision that changed them: number, count, first, last. */
export function encodeTotalsList(list: readonly (readonly [chatNumber: number, ChatTotals])[]): Buffer {
  const bytes = Buffer.allocUnsafe(list.length * LISTED_BYTES);
  let at = 0;
  for (const [chatNumber, { messageCount, firstMs, lastMs }] of list) {
    bytes.writeUInt32BE(chatNumber, at);
    bytes.writeUIntBE(messageCount, at + 4, 6);
    bytes.writeUIntBE(firstMs, at + 10, 6);
    bytes.writeUIntBE(lastMs, at + 16, 6);
    at += LISTED_BYTES;
  }
  return bytes;
}

/** Decodes what `encodeTotalsList` made. */
export function* decodeTotalsList(bytes: Buffer, revision: number): Generator<[chatNumber: number, ChatTotals]> {
  for (let at = 0; at < bytes.length; at += LISTED_BYTES) {
    yield [
      bytes.readUInt32BE(at),
      {
        messageCount: bytes.readUIntBE(at + 4, 6),
        firstMs: bytes.readUIntBE(at + 10, 6),
        lastMs: bytes.readUIntBE(at + 16, 6),
        revision,
      },
    ];
  }
}

const LISTED_BYTES = 22;

/** So many log entries are read when a history is opened, at most. */
export const SAVE_EVERY_REVISIONS = 64;

/** Chats whose totals are only in the log, at most, and by one commit more: they are kept in memory. */
export const MAX_UNSAVED_CHATS = 8192;
