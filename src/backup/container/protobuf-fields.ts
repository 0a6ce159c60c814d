/**
 * One field of a message: `number` for a varint, `bytes` (a view) for a length-delimited one, neither for other wire
 * types.
 */
export interface Field {
  field: number;
  number?: number;
  bytes?: Buffer;
}

// Deeper nesting than any header has; groups were retired before WhatsApp began.
const maxGroupDepth = 4;

/**
 * Walks the protobuf message at `buffer[start, end)`, one `take` per field outside of groups, in order. Answers `cut`
 * when the buffer ends before `end` and all is well so far, `malformed` when the bytes are no message or `take` returns
 * false. Never reads beyond `end`, copies no bytes, and takes at most one step per byte.
 */
export function readFields(
  buffer: Buffer,
  start: number,
  end: number,
  take: (field: Field) => boolean,
): 'complete' | 'cut' | 'malformed' {
  const groups: number[] = [];
  let at = start;
  while (at < end) {
    const tag = readVarint(buffer, at, end);
    if (typeof tag === 'string') return tag;
    at = tag.next;
    const field = Math.floor(tag.value / 8);
    const wireType = tag.value % 8;
    if (field < 1 || field > 0x1fffffff) return 'malformed';

    const found: Field = { field };
    if (wireType === 0) {
      const value = readVarint(buffer, at, end);
      if (typeof value === 'string') return value;
      at = value.next;
      found.number = value.value;
    } else if (wireType === 1 || wireType === 5) {
      at += wireType === 1 ? 8 : 4;
    } else if (wireType === 2) {
      const length = readVarint(buffer, at, end);
      if (typeof length === 'string') return length;
      at = length.next + length.value;
      if (at <= end && at <= buffer.length) found.bytes = buffer.subarray(length.next, at);
    } else if (wireType === 3) {
      if (groups.push(field) > maxGroupDepth) return 'malformed';
      continue;
    } else if (wireType === 4) {
      if (groups.pop() !== field) return 'malformed';
      continue;
    } else {
      return 'malformed';
    }

    if (at > end) return 'malformed';
    if (at > buffer.length) return 'cut';
    if (groups.length === 0 && !take(found)) return 'malformed';
  }
  return groups.length === 0 ? 'complete' : 'malformed';
}

/** At most ten bytes; beyond 2^53 the value is only roughly right, which no number of a header is. */
function readVarint(buffer: Buffer, start: number, end: number): { value: number; next: number } | 'cut' | 'malformed' {
  let value = 0;
  for (let at = start, scale = 1; at < start + 10; at++, scale *= 128) {
    if (at >= end) return 'malformed';
    const byte = buffer[at];
    if (byte === undefined) return 'cut';
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, next: at + 1 };
  }
  return 'malformed';
}
