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
