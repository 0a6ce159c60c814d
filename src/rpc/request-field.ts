import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { invalidArgument } from '../domain/fault.js';

/** How many resources a page has unless the client says so, and at most. Part of the public contract. */
export const pageSizes = { usual: 50, max: 1_000 } as const;

/** Range of google.protobuf.Timestamp: the years 1 to 9999. */
const timestampSeconds = { min: -62_135_596_800n, max: 253_402_300_799n } as const;

const nanosPerMs = 1_000_000;

/** Returns a text that must not be empty. */
export function requiredText(field: string, text: string): string {
  if (text === '') invalidArgument(field, 'is required');
  return text;
}

/** Returns a text of at most `maxBytes` in UTF-8. */
export function boundedText(field: string, text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) > maxBytes) invalidArgument(field, `must have at most ${maxBytes} bytes`);
  return text;
}

/** Longest address of a chat or a person that is looked at, in bytes. Real ones have up to 40. */
const addressMaxBytes = 256;

/** Returns an address as a client typed it; undefined for `''`, which names none. */
export function addressOf(field: string, text: string): string | undefined {
  return text === '' ? undefined : boundedText(field, text, addressMaxBytes);
}

/** Returns a page size: 0 means the usual one, too large a one the largest. */
export function pageSizeOf(pageSize: number): number {
  if (pageSize < 0) invalidArgument('page_size', `must be 0 (for ${pageSizes.usual}) to ${pageSizes.max}`);
  return pageSize === 0 ? pageSizes.usual : Math.min(pageSize, pageSizes.max);
}

/** Returns a uint64 as a number; those beyond 2^53 − 1 are refused. */
export function safeNumber(field: string, value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) invalidArgument(field, `must be at most ${Number.MAX_SAFE_INTEGER}`);
  return Number(value);
}

/** Returns numbers of an enum as a set. Refuses 0 and numbers that this version does not know: they could fit nothing. */
export function enumSet(field: string, values: readonly number[], known: Record<string, string | number>): Set<number> {
  const set = new Set(values);
  for (const value of set) {
    if (value === 0 || known[value] === undefined) invalidArgument(field, `${value} is no kind that this server knows`);
  }
  return set;
}

/**
 * Returns inclusive bounds on a time in whole ms. Below a millisecond `from` is rounded up and `to` down, because
 * the history knows milliseconds: so each still means what it says. Refuses what is no Timestamp, and `from` after `to`.
 */
export function timeBounds(
  from: Timestamp | undefined,
  to: Timestamp | undefined,
): { fromMs: number | undefined; toMs: number | undefined } {
  if (from !== undefined) checkTimestamp('from', from);
  if (to !== undefined) checkTimestamp('to', to);
  if (from !== undefined && to !== undefined) {
    const later = from.seconds > to.seconds || (from.seconds === to.seconds && from.nanos > to.nanos);
    if (later) invalidArgument('from', 'must not be after to');
  }
  return {
    // Nothing is older than 1970, so nothing is lost, and the history need not think of negative times.
    fromMs: from && Math.max(0, Number(from.seconds) * 1_000 + Math.ceil(from.nanos / nanosPerMs)),
    toMs: to && Number(to.seconds) * 1_000 + Math.floor(to.nanos / nanosPerMs),
  };
}

/** Returns a time in whole ms, rounded up; refuses what is no Timestamp. */
export function timeOf(field: string, time: Timestamp): number {
  checkTimestamp(field, time);
  return Math.max(0, Number(time.seconds) * 1_000 + Math.ceil(time.nanos / nanosPerMs));
}

function checkTimestamp(field: string, { seconds, nanos }: Timestamp): void {
  if (seconds < timestampSeconds.min || seconds > timestampSeconds.max) {
    invalidArgument(field, 'seconds must be within the years 1 to 9999, as in 2026-02-16T18:32:39Z');
  }
  if (nanos < 0 || nanos >= 1_000 * nanosPerMs) invalidArgument(field, 'nanos must be 0 to 999999999');
}
