/** Tag of field 1, length-delimited: `messages` of every answer that holds messages. */
const messagesTag = 0x0a;

/** The memory in which frames of streams are joined: see `MessagesFrame`. */
let joinery = Buffer.allocUnsafeSlow(0);

/** Larger frames have memory of their own: a single message may have megabytes. */
const JOINERY_MAX_BYTES = 256 * 1024;

/** A frame of a stream whose field 1 is `repeated Message messages`: what `messagesFrame` returns, but joined only when grpc-js takes it. */
export class MessagesFrame {
  readonly #messages: readonly Uint8Array[];
  readonly #rest: Uint8Array;

  constructor(messages: readonly Uint8Array[], rest: Uint8Array) {
    this.#messages = messages;
    this.#rest = rest;
  }

  /**
   * Returns the bytes in memory that the next frame overwrites, so copy them at once, as grpc-js does with what is serialised for it. New memory
   * for each frame is what makes V8 collect the whole heap again and again during a stream: it counts such bytes, and nothing else fills up.
   */
  join(): Buffer {
    return join(this.#messages, this.#rest, (bytes) => {
      if (bytes > JOINERY_MAX_BYTES) return Buffer.allocUnsafe(bytes);
      if (bytes > joinery.length) joinery = Buffer.allocUnsafeSlow(JOINERY_MAX_BYTES);
      return joinery.subarray(0, bytes);
    });
  }
}

/**
 * Returns the bytes of an answer whose field 1 is `repeated Message messages`: the stored bytes of each, as they are,
 * then `rest`, the encoded answer without messages. Protobuf reads the two as one message.
 */
export function messagesFrame(messages: readonly Uint8Array[], rest: Uint8Array): Buffer {
  return join(messages, rest, (bytes) => Buffer.allocUnsafe(bytes));
}

function join(messages: readonly Uint8Array[], rest: Uint8Array, memory: (bytes: number) => Buffer): Buffer {
  let bytes = rest.length;
  for (const message of messages) bytes += 1 + varintBytes(message.length) + message.length;
  const frame = memory(bytes);
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
