import type { Value } from './schema.js';

/** The last millisecond of the year 9999, the end of protobuf's timestamps. */
const MAX_TIME_MS = 253_402_300_799_999;

const MAX_UINT32 = 2 ** 32 - 1;

/** Returns a whole number that is exact in a double, or 0. */
export function wholeOf(value: Value | undefined): number {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : 0;
}

/** Returns a number that fits 32 bits without sign, or 0. */
export function uint32Of(value: Value | undefined): number {
  const whole = wholeOf(value);
  return whole > 0 && whole <= MAX_UINT32 ? whole : 0;
}

/** Returns a number that fits 32 bits with sign, or 0. */
export function int32Of(value: Value | undefined): number {
  const whole = wholeOf(value);
  return whole === (whole | 0) ? whole : 0;
}

/** Returns a finite number, or 0. */
export function doubleOf(value: Value | undefined): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

/** Returns a time in ms, or 0 when it is absent or outside 1970 to 9999. */
export function timeOf(value: Value | undefined): number {
  const whole = wholeOf(value);
  return whole > 0 && whole <= MAX_TIME_MS ? whole : 0;
}

/**
 * Returns a time in ms that a message states of something, as `timeOf` does. The protocol has such times in seconds, and no file was seen
 * that proves that they are stored as ms like all others: what would be before 1973 is taken for seconds.
 */
export function statedTimeOf(value: Value | undefined): number {
  const time = timeOf(value);
  return time < FIRST_MS ? time * 1000 : time;
}

/** Returns a text, or '' when it is absent or too long. */
export function textOf(value: Value | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** Returns bytes, or undefined. */
export function bytesOf(value: Value | undefined): Buffer | undefined {
  return Buffer.isBuffer(value) && value.length > 0 ? value : undefined;
}

/** Returns a SHA-256 that is kept in base64, or undefined when it is not 32 bytes. */
export function sha256Of(value: Value | undefined): Buffer | undefined {
  if (typeof value !== 'string' || value.length < 43 || value.length > 64) return undefined;
  const bytes = Buffer.from(value, 'base64');
  return bytes.length === 32 ? bytes : undefined;
}

/** The year 1973 in milliseconds, 5138 in seconds. */
const FIRST_MS = 1e11;
