import { createDecipheriv } from 'node:crypto';
import { isDatabaseStart } from './content.js';
import { deriveFileKey, keyDigits } from './key.js';

/**
 * Finds the one digit (1–64) of a refused root key that was probably mistyped: the only one-digit change with which the
 * start of the file decrypts to a database, or else the first digit of the only pair of neighbours whose exchange does.
 * Tries 960 + 63 keys, which takes about 20 ms. `start` is the beginning of the ciphertext, `root` is not changed.
 */
export function findMistypedDigit(root: Buffer, iv: Buffer, start: Buffer): number | undefined {
  const guess = Buffer.from(root);
  try {
    const slips: number[] = [];
    const exchanges: number[] = [];
    for (let digit = 0; digit < keyDigits; digit++) {
      const original = digitAt(root, digit);
      for (let other = 0; other < 16; other++) {
        if (other === original) continue;
        setDigit(guess, digit, other);
        if (opens(guess, iv, start)) slips.push(digit + 1);
      }
      setDigit(guess, digit, original);
    }
    if (slips.length > 0) return slips.length === 1 ? slips[0] : undefined;

    for (let digit = 0; digit + 1 < keyDigits; digit++) {
      const first = digitAt(root, digit);
      const second = digitAt(root, digit + 1);
      if (first === second) continue;
      setDigit(guess, digit, second);
      setDigit(guess, digit + 1, first);
      if (opens(guess, iv, start)) exchanges.push(digit + 1);
      setDigit(guess, digit, first);
      setDigit(guess, digit + 1, second);
    }
    return exchanges.length === 1 ? exchanges[0] : undefined;
  } finally {
    guess.fill(0);
  }
}

function digitAt(key: Buffer, digit: number): number {
  const byte = key[digit >> 1] ?? 0;
  return digit % 2 === 0 ? byte >> 4 : byte & 0x0f;
}

function setDigit(key: Buffer, digit: number, value: number): void {
  const byte = key[digit >> 1] ?? 0;
  key[digit >> 1] = digit % 2 === 0 ? (byte & 0x0f) | (value << 4) : (byte & 0xf0) | value;
}

function opens(root: Buffer, iv: Buffer, start: Buffer): boolean {
  const fileKey = deriveFileKey(root);
  const decipher = createDecipheriv('aes-256-gcm', fileKey, iv, { authTagLength: 16 });
  fileKey.fill(0);
  return isDatabaseStart(decipher.update(start));
}
