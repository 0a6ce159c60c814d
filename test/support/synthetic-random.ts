/**
 * A small seeded generator of numbers (splitmix32's mixing). It can be set to any point in one step, so that every message
 * is the same whichever part of an account is written.
 */
export class Random {
  #state = 0;

  /** Sets the generator to the start of the stream that belongs to three numbers. */
  start(seed: number, item: number, stream: number): void {
    this.#state = mix(mix(seed ^ 0x9e3779b9) ^ mix(item + Math.imul(stream, 0x85ebca6b)));
  }

  /** Returns an unsigned 32-bit number. */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    return mix(this.#state) >>> 0;
  }

  /** Returns a whole number from 0 up to, not including, `limit`. */
  below(limit: number): number {
    return Math.floor((this.next() / 2 ** 32) * limit);
  }

  /** Returns true in `share` of 10,000 cases. */
  chance(share: number): boolean {
    return this.next() % 10_000 < share;
  }

  /** Returns one of the values. */
  pick<T>(values: readonly T[]): T {
    const value = values[this.next() % values.length];
    if (value === undefined) throw new Error('nothing to pick from');
    return value;
  }
}

function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
  h = Math.imul(h ^ (h >>> 15), 0x735a2d97);
  return h ^ (h >>> 15);
}

const HEX = Array.from({ length: 65_536 }, (_, n) => n.toString(16).toUpperCase().padStart(4, '0'));

/** Returns `words` × 8 upper-case hex digits. */
export function hexDigits(random: Random, words: number): string {
  let digits = '';
  for (let n = 0; n < words; n++) {
    const word = random.next();
    digits += `${HEX[word >>> 16] ?? ''}${HEX[word & 0xffff] ?? ''}`;
  }
  return digits;
}

/** Returns `length` random bytes; the length is a multiple of 4. */
export function randomBytes(random: Random, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at += 4) bytes.writeUInt32LE(random.next(), at);
  return bytes;
}
