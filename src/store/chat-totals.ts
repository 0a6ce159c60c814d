/**
 * What is counted for a chat. It has a key of its own beside the `ChatRecord`, because each commit of an import rewrites
 * it for every chat that it touches. On disk: four float64, big-endian, in the order of the fields.
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
