import type { MessageInitShape } from '@bufbuild/protobuf';
import type { TimestampSchema } from '@bufbuild/protobuf/wkt';
import { InvalidArgumentError } from 'commander';

/** A point in time, as requests hold it. */
export type Instant = MessageInitShape<typeof TimestampSchema> & { seconds: bigint; nanos: number };

const unitMs: Readonly<Record<string, number>> = { w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 };

/** What the arguments accept, for `--help` and for errors. */
export const timeForms = 'RFC 3339 (2026-02-16T18:32:39Z), a day (2026-02-16, UTC), or how long ago (7d, 12h, 30m)';

/**
 * Parses `--from` or `--to`. A day stands for the whole of it: its first instant as `from`, its last as `to`; days are
 * days of UTC, as all times are printed. `30m` are minutes; `w`, `d`, `h`, `m`, `s` may be combined (`1d12h`).
 */
export function parseTime(text: string, end: 'from' | 'to', nowMs: number): Instant {
  const value = text.trim();
  return parseDay(value, end) ?? parseInstant(value) ?? parseAge(value, nowMs) ?? refuse();
}

function parseDay(value: string, end: 'from' | 'to'): Instant | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(value)) return undefined;
  const startMs = Date.parse(`${value}T00:00:00Z`);
  // An engine may roll 30 February over to March.
  if (Number.isNaN(startMs) || !new Date(startMs).toISOString().startsWith(value)) refuse();
  const seconds = BigInt(startMs / 1000);
  return end === 'from' ? { seconds, nanos: 0 } : { seconds: seconds + 86_399n, nanos: 999_999_999 };
}

function parseInstant(value: string): Instant | undefined {
  const match = /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})$/.exec(value);
  if (match === null) return undefined;
  const [, day = '', time = '', fraction = '', zone = ''] = match;
  const ms = Date.parse(`${day}T${time}${zone.toUpperCase()}`);
  if (Number.isNaN(ms) || parseDay(day, 'from') === undefined) refuse();
  return { seconds: BigInt(ms / 1000), nanos: Number(fraction.padEnd(9, '0')) };
}

function parseAge(value: string, nowMs: number): Instant | undefined {
  if (!/^(?:\d{1,7}[wdhms])+$/.test(value)) return undefined;
  let ageMs = 0;
  for (const [, count = '', unit = ''] of value.matchAll(/(\d+)([wdhms])/g))
    ageMs += Number(count) * (unitMs[unit] ?? 0);
  const ms = Math.max(0, nowMs - ageMs);
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1_000_000 };
}

function refuse(): never {
  throw new InvalidArgumentError(`It is ${timeForms}.`);
}
