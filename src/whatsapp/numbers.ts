import { FOR_GOOD_MS } from '../domain/live-event.js';

/** A number of the wire: the library gives large ones as objects. */
export type WireNumber = number | { toNumber(): number } | null | undefined;

/**
 * The whole number; 0 for none and for what is no number of a time or a size. Whoever writes a message chooses the numbers in it: what is
 * larger than any size is the largest, so that everything can be encoded that comes of it.
 */
export function numberOf(value: WireNumber): number {
  const number = typeof value === 'object' && value !== null ? value.toNumber() : (value ?? 0);
  return Number.isFinite(number) && number > 0 ? Math.min(Math.floor(number), Number.MAX_SAFE_INTEGER) : 0;
}

/** A duration in seconds, as large as a field of our own can be. */
export function durationOf(value: WireNumber): number {
  return Math.min(numberOf(value), MAX_UINT32);
}

/** Milliseconds since 1970 of milliseconds on the wire; 0 for what no timestamp can name, as for a backup. */
export function msOf(value: WireNumber): number {
  const ms = numberOf(value);
  return ms > FOR_GOOD_MS ? 0 : ms;
}

/** Milliseconds since 1970 of seconds on the wire, or of milliseconds where somebody's program took them for seconds; 0 like `msOf`. */
export function msOfSeconds(value: WireNumber): number {
  const number = numberOf(value);
  return msOf(number > MAX_SECONDS ? number : number * 1000);
}

/**
 * Milliseconds since 1970 of a time that is in seconds where history tells it and in milliseconds where the app state does, for good
 * where it is −1 or beyond all calendars, and 0 for none.
 */
export function msOfEither(value: WireNumber): number {
  if (value === -1) return FOR_GOOD_MS;
  const number = numberOf(value);
  return Math.min(number > MAX_SECONDS ? number : number * 1000, FOR_GOOD_MS);
}

/** The year 5138 in seconds, 1973 in milliseconds. */
const MAX_SECONDS = 1e11;

const MAX_UINT32 = 2 ** 32 - 1;
