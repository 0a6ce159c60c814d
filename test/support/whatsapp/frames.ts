import { NOISE_WA_HEADER } from '@whiskeysockets/baileys';

const LENGTH_BYTES = 3;
// "ED", two bytes of version and three of length stand before the routing information.
const ROUTING_MARK = Buffer.from('ED\0\x01', 'latin1');
const ROUTING_BYTES_MAX = 1024;

/**
 * Cuts what a client sends into frames. WebSocket messages and frames have nothing to do with each other: a message may
 * hold parts of frames, or several.
 *
 *     [ED 00 01 | length:3 | routing] | WA 06 03 | length:3 | frame | length:3 | frame …
 */
export class FrameReader {
  #bytes: Buffer = Buffer.alloc(0);
  #introduced = false;

  /** Returns the frames that these bytes complete. Throws when the connection does not begin as it must. */
  push(bytes: Buffer): Buffer[] {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
    if (!this.#introduced && !this.#takeIntroduction()) return [];
    const frames: Buffer[] = [];
    while (this.#bytes.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + this.#bytes.readUIntBE(0, LENGTH_BYTES);
      if (this.#bytes.length < end) break;
      frames.push(this.#bytes.subarray(LENGTH_BYTES, end));
      this.#bytes = this.#bytes.subarray(end);
    }
    return frames;
  }

  #takeIntroduction(): boolean {
    let start = 0;
    if (startsLike(this.#bytes, ROUTING_MARK)) {
      const lengthEnd = ROUTING_MARK.length + LENGTH_BYTES;
      if (this.#bytes.length < lengthEnd) return false;
      const length = this.#bytes.readUIntBE(ROUTING_MARK.length, LENGTH_BYTES);
      if (length > ROUTING_BYTES_MAX) throw new Error(`${length} bytes of routing information`);
      start = lengthEnd + length;
    }
    const introduction = this.#bytes.subarray(start, start + NOISE_WA_HEADER.length);
    if (!startsLike(introduction, NOISE_WA_HEADER)) throw new Error('the connection does not begin with WA');
    if (introduction.length < NOISE_WA_HEADER.length) return false;
    this.#bytes = this.#bytes.subarray(start + NOISE_WA_HEADER.length);
    this.#introduced = true;
    return true;
  }
}

/** Whether the bytes are the mark, as far as they have come. */
function startsLike(bytes: Buffer, mark: Buffer): boolean {
  const length = Math.min(bytes.length, mark.length);
  return bytes.subarray(0, length).equals(mark.subarray(0, length));
}

/** Puts its length before a frame. */
export function frame(bytes: Uint8Array): Buffer {
  const header = Buffer.alloc(LENGTH_BYTES);
  header.writeUIntBE(bytes.length, 0, LENGTH_BYTES);
  return Buffer.concat([header, bytes]);
}
