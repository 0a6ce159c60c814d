import { type DescMessage, type MessageShape, toBinary } from '@bufbuild/protobuf';
import type { Timestamp } from '@bufbuild/protobuf/wkt';

/** For each actor the greatest entry, in ascending order of actors. */
export function latestOf<T>(entries: T[], keyOf: (entry: T) => string, compare: (a: T, b: T) => number): T[] {
  const latest = new Map<string, T>();
  for (const entry of entries) {
    const key = keyOf(entry);
    const known = latest.get(key);
    if (known === undefined || compare(entry, known) > 0) latest.set(key, entry);
  }
  return [...latest].sort((x, y) => compareText(x[0], y[0])).map(([, entry]) => entry);
}

/** Sorts people before the owner, as the API promises. */
export function actorKey(fromMe: boolean, jid: string): string {
  return (fromMe ? '1' : '0') + jid;
}

/** Later is greater; absent is the smallest. */
export function compareTimes(a: Timestamp | undefined, b: Timestamp | undefined): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  if (a.seconds !== b.seconds) return a.seconds > b.seconds ? 1 : -1;
  return a.nanos - b.nanos;
}

/** The greater one, or the one that is there. */
export function maxBy<T>(a: T | undefined, b: T | undefined, compare: (a: T, b: T) => number): T | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return compare(a, b) >= 0 ? a : b;
}

/** The richer of two messages. */
export function maxMessage<D extends DescMessage>(
  schema: D,
  a: MessageShape<D> | undefined,
  b: MessageShape<D> | undefined,
): MessageShape<D> | undefined {
  return maxBy(a, b, (x, y) => compareEncoded(schema, x, y));
}

/** The richer of two lists. */
export function maxList<D extends DescMessage>(
  schema: D,
  a: MessageShape<D>[],
  b: MessageShape<D>[],
): MessageShape<D>[] {
  const encode = (list: MessageShape<D>[]) => Buffer.concat(list.map((item) => toBinary(schema, item)));
  return compareBytes(encode(a), encode(b)) >= 0 ? a : b;
}

/** Compares by what is stored: longer is greater. */
export function compareEncoded<D extends DescMessage>(schema: D, a: MessageShape<D>, b: MessageShape<D>): number {
  return compareBytes(toBinary(schema, a), toBinary(schema, b));
}

/** Longer is greater, so that the richer of two wins. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return a.length !== b.length ? a.length - b.length : Buffer.compare(a, b);
}

/** The longer one, else the greater one. */
export function maxBytes(a: Uint8Array, b: Uint8Array): Uint8Array {
  return compareBytes(a, b) >= 0 ? a : b;
}

/** Compares texts by their code units. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The longer one, else the greater one. */
export function maxText(a: string, b: string): string {
  if (a.length !== b.length) return a.length > b.length ? a : b;
  return a >= b ? a : b;
}

/** What is in one of two lists or in both, once, in order. */
export function union<T>(a: T[], b: T[], compare: (a: T, b: T) => number): T[] {
  return [...new Set([...a, ...b])].sort(compare);
}

/** Sets or removes an optional field: with exact optional types, an absent field is not one that is undefined. */
export function assign<T extends object, K extends keyof T>(target: T, key: K, value: T[K] | undefined): void {
  if (value === undefined) delete target[key];
  else target[key] = value;
}
