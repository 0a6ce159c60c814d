/**
 * Walks the fields of an encoded message without decoding them: a chunk of history is one message of many megabytes, of which a
 * part is wanted. Allocates nothing. Throws when the bytes are no message.
 */
export class WireFields {
  /** The number of the field that `next` has found. */
  field = 0;
  /** Where the field begins, with its tag. */
  tagStart = 0;
  /** Where the content of a length-delimited field begins; of another one, where the field ends. */
  start = 0;
  /** Where the field ends. */
  end: number;
  /** The value of a varint; 0 for other types. */
  value = 0;

  constructor(
    private readonly bytes: Uint8Array,
    from: number,
    private readonly to: number,
  ) {
    this.end = from;
  }

  /** Goes to the next field. Returns false after the last one. */
  next(): boolean {
    if (this.end === this.to) return false;
    this.tagStart = this.end;
    const tag = this.#varint();
    this.field = Math.floor(tag / 8);
    this.value = 0;
    switch (tag % 8) {
      case VARINT:
        this.value = this.#varint();
        break;
      case FIXED64:
        this.end += 8;
        break;
      case FIXED32:
        this.end += 4;
        break;
      case DELIMITED: {
        const length = this.#varint();
        this.start = this.end;
        this.end += length;
        break;
      }
      default:
        throw new Error('a field has a type that no field has');
    }
    if (tag % 8 !== DELIMITED) this.start = this.end;
    if (this.end > this.to || this.field === 0) throw new Error('a field reaches beyond its message');
    return true;
  }

  /** Reads at `end` and moves it. */
  #varint(): number {
    let value = 0;
    for (let scale = 1; this.end < this.to; scale *= 128) {
      const byte = this.bytes[this.end++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      if (scale > MAX_SCALE) break;
    }
    throw new Error('a number has no end');
  }
}

const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
const FIXED32 = 5;

/** A varint has ten bytes at most. */
const MAX_SCALE = 128 ** 8;
