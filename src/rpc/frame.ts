/** Tag of field 1, length-delimited: `messages` of every answer that holds messages. */
const messagesTag = 0x0a;

/**
 * Returns the bytes of an answer whose field 1 is `repeated Message messages`: the stored bytes of each, as they are,
 * then `rest`, the encoded answer without messages. Protobuf reads the two as one message.
 */
export function messagesFrame(messages: readonly Uint8Array[], rest: Uint8Array): Buffer {
  let bytes = rest.length;
  for (const message of messages) bytes += 1 + varintBytes(message.length) + message.length;
  const frame = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const message of messages) {
    frame[at++] = messagesTag;
    at = writeVarint(frame, at, message.length);
    frame.set(message, at);
    at += message.length;
  }
  frame.set(rest, at);
  return frame;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest >>>= 7) bytes++;
  return bytes;
}

function writeVarint(target: Buffer, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) target[at++] = (rest & 0x7f) | 0x80;
  target[at++] = rest;
  return at;
}
