/**
 * Where a message stands in time, as bytes whose order is the order of reading.
 *
 * ```
 *   0        6         12         20          24            25
 *   ┌────────┬─────────┬──────────┬───────────┬─────────────┐
 *   │ sent   │ ordinal │ tie hash │ chat      │ kind × 2    │   all big-endian, unsigned
 *   │ ms 6 B │ 6 B     │ 8 B      │ number 4 B│ + from_me   │
 *   └────────┴─────────┴──────────┴───────────┴─────────────┘
 * ```
 *
 * - sent ms: 0 when a message has no time. 48 bits last until the year 10889.
 * - ordinal: the phone's own order (`sort_id`, else `_id`) of messages of one instant; 0 when no source told it. Many
 *   received messages carry whole seconds only, so this decides what a person sees as the order of a conversation.
 * - tie hash: of the message's identity without the chat (see `tieHash`), so that two messages that no source ordered
 *   still have one order, whichever arrived first.
 * - chat number: the session's own number of the chat.
 * - kind and direction: so that a read can filter by them without decoding anything.
 */
export const POSITION_BYTES = 25;

/** Offset of the chat number in a position. */
export const POSITION_CHAT_OFFSET = 20;

/** Offset of the byte with kind and direction in a position. */
export const POSITION_KIND_OFFSET = 24;

/** The largest time or ordinal that a position can hold; larger ones are clamped to it. */
export const POSITION_MAX = 2 ** 48 - 1;

/** What a position is made of. */
export interface Position {
  /** Milliseconds since 1970, 0 for none. */
  sentMs: number;
  /** The phone's own order, 0 for none. */
  ordinal: number;
  /** Upper and lower half of the tie hash, unsigned. */
  tieHigh: number;
  tieLow: number;
  chatNumber: number;
  kind: number;
  fromMe: boolean;
}

/** Writes a position into `target` at `offset`. Out-of-range times and ordinals are clamped. */
export function writePosition(target: Buffer, offset: number, position: Position): void {
  target.writeUIntBE(clamp(position.sentMs), offset, 6);
  target.writeUIntBE(clamp(position.ordinal), offset + 6, 6);
  target.writeUInt32BE(position.tieHigh >>> 0, offset + 12);
  target.writeUInt32BE(position.tieLow >>> 0, offset + 16);
  target.writeUInt32BE(position.chatNumber >>> 0, offset + POSITION_CHAT_OFFSET);
  target[offset + POSITION_KIND_OFFSET] = position.kind * 2 + (position.fromMe ? 1 : 0);
}

/** Reads the position at `offset` of `source`. */
export function readPosition(source: Buffer, offset: number): Position {
  const kindByte = source.readUInt8(offset + POSITION_KIND_OFFSET);
  return {
    sentMs: source.readUIntBE(offset, 6),
    ordinal: source.readUIntBE(offset + 6, 6),
    tieHigh: source.readUInt32BE(offset + 12),
    tieLow: source.readUInt32BE(offset + 16),
    chatNumber: source.readUInt32BE(offset + POSITION_CHAT_OFFSET),
    kind: kindByte >> 1,
    fromMe: (kindByte & 1) === 1,
  };
}

const clamp = (value: number): number => (value > POSITION_MAX ? POSITION_MAX : value > 0 ? Math.floor(value) : 0);

/** Result of `hash64`: reused by every call, so read it before the next one. */
export const hashResult = { high: 0, low: 0 };

/**
 * Hashes `bytes[start, end)` into the two halves of `hashResult`. Two lanes of MurmurHash3's 32-bit mixing with different
 * seeds (Austin Appleby, public domain; chosen because it needs 32-bit multiplications only). Not for secrets: it
 * decides ties and detects unchanged content, where 64 well-mixed bits are enough.
 */
export function hash64(bytes: Buffer, start: number, end: number): void {
  let high = 0x9747b28c;
  let low = 0x5bd1e995;
  let i = start;
  for (; i + 4 <= end; i += 4) {
    // Safety: i + 3 < end <= bytes.length, so the four bytes exist.
    const word = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    const k = Math.imul(word, 0xcc9e2d51);
    const mixed = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
    high ^= mixed;
    high = (Math.imul((high << 13) | (high >>> 19), 5) + 0xe6546b64) | 0;
    low = Math.imul(low ^ word, 0x85ebca6b);
    low = ((low << 17) | (low >>> 15)) ^ (high >>> 3);
  }
  for (; i < end; i++) {
    high = Math.imul(high ^ bytes[i]!, 0x01000193);
    low = Math.imul(low ^ bytes[i]!, 0xc2b2ae35) + 0x27d4eb2f;
  }
  const length = end - start;
  hashResult.high = finish(high ^ length) >>> 0;
  hashResult.low = finish(low ^ Math.imul(length, 0x9e3779b1)) >>> 0;
}

function finish(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
