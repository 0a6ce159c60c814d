/** Crockford's base 32 in lower case: sorts as its value does, and no letter looks like a digit. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * Makes an id that sorts by time: 10 characters of milliseconds since 1970, 16 of chance (the layout of a ULID, in lower case).
 * Only ids made here become names of files.
 */
export function makeServerId(nowMs: number, random: Uint8Array): string {
  let time = '';
  for (let rest = nowMs, i = 0; i < 10; i++, rest = Math.floor(rest / 32)) time = ALPHABET.charAt(rest % 32) + time;
  let chance = '';
  for (let i = 0; i < 16; i++) chance += ALPHABET.charAt((random[i] ?? 0) % 32);
  return time + chance;
}

/** Tells whether a text has the form of an id made here. */
export function isServerId(text: string): boolean {
  return /^[0-9a-hjkmnp-tv-z]{26}$/.test(text);
}
