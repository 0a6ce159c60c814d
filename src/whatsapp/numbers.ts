import { FOR_GOOD_MS } from '../domain/live-event.js';

/** A number of the wire: the library gives large ones as objects. */
export type WireNumber = number | { toNumber(): number } | null | undefined;

/** The number; 0 for none and for what is no whole number of a time or a size. */
export function numberOf(value: WireNumber): number {
  const number = typeof value === 'object' && value !== null ? value.toNumber() : (value ?? 0);
  return Number.isFinite(number) && number > 0 ? number : 0;
}

/** Milliseconds since 1970 of seconds on the wire. */
export function msOfSeconds(value: WireNumber): number {
  return numberOf(value) * 1000;
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
