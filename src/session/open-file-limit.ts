import { readFileSync } from 'node:fs';

/** How many files this process may have open at once, as Linux tells it; undefined where nothing tells. Node raises it as far as it may. */
export function openFileLimit(): number | undefined {
  try {
    return parseLimit(readFileSync('/proc/self/limits', 'utf8'));
  } catch {
    return undefined;
  }
}

/** Reads the soft limit of open files from the text of `/proc/PID/limits`; undefined for none. */
export function parseLimit(limits: string): number | undefined {
  const digits = /^Max open files +(\d+) /m.exec(limits)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
