import { create } from '@bufbuild/protobuf';
import { TimestampSchema } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { MessageKind } from '../../src/gen/scrollback/v1/message_pb.js';
import { addressOf, boundedText, enumSet, pageSizeOf, safeNumber, timeBounds } from '../../src/rpc/request-field.js';

const at = (seconds: number | bigint, nanos = 0) => create(TimestampSchema, { seconds: BigInt(seconds), nanos });

function refusal(field: string): unknown {
  return expect.objectContaining({ fault: expect.objectContaining({ reason: 'INVALID_ARGUMENT', field }) as unknown });
}

describe('the bounds of a time', () => {
  it('are whole milliseconds, `from` rounded up and `to` rounded down', () => {
    expect(timeBounds(at(1, 2_000_000), at(3, 4_000_000))).toEqual({ fromMs: 1_002, toMs: 3_004 });
    expect(timeBounds(at(1, 2_000_001), at(3, 4_999_999))).toEqual({ fromMs: 1_003, toMs: 3_004 });
    expect(timeBounds(undefined, undefined)).toEqual({ fromMs: undefined, toMs: undefined });
  });

  it('may be one instant', () => {
    expect(timeBounds(at(1, 5_000_000), at(1, 5_000_000))).toEqual({ fromMs: 1_005, toMs: 1_005 });
  });

  it('may lie before 1970', () => {
    expect(timeBounds(at(-10), at(-5, 999_999_999))).toEqual({ fromMs: 0, toMs: -4_001 });
  });

  it('are refused when `from` is after `to`, also by a nanosecond', () => {
    expect(() => timeBounds(at(1, 1), at(1, 0))).toThrow(refusal('from'));
    expect(() => timeBounds(at(2), at(1, 999_999_999))).toThrow(refusal('from'));
  });

  it('are refused beyond what a Timestamp may hold', () => {
    expect(() => timeBounds(at(253_402_300_800n), undefined)).toThrow(refusal('from'));
    expect(() => timeBounds(undefined, at(-62_135_596_801n))).toThrow(refusal('to'));
    expect(() => timeBounds(at(0, -1), undefined)).toThrow(refusal('from'));
    expect(() => timeBounds(undefined, at(0, 1_000_000_000))).toThrow(refusal('to'));
  });
});

describe('a page size', () => {
  it('is 50 when not stated, at most 1000, and never negative', () => {
    expect([0, 1, 1_000, 1_001, 2_147_483_647].map(pageSizeOf)).toEqual([50, 1, 1_000, 1_000, 1_000]);
    expect(() => pageSizeOf(-1)).toThrow(refusal('page_size'));
  });
});

describe('other fields', () => {
  it('are counted in bytes, not in characters', () => {
    expect(boundedText('name', 'ää', 4)).toBe('ää');
    expect(() => boundedText('name', 'ää', 3)).toThrow(refusal('name'));
  });

  it('are addresses of any usual length, or none', () => {
    expect(addressOf('chat', '')).toBeUndefined();
    expect(addressOf('chat', '+49 170 1234567')).toBe('+49 170 1234567');
    expect(() => addressOf('chat', '1'.repeat(257))).toThrow(refusal('chat'));
  });

  it('are refused beyond the safe integers', () => {
    expect(safeNumber('n', 2n ** 53n - 1n)).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => safeNumber('n', 2n ** 53n)).toThrow(refusal('n'));
  });

  it('are refused when they name a kind that does not exist', () => {
    expect(enumSet('kinds', [2, 1, 2], MessageKind)).toEqual(new Set([1, 2]));
    for (const kind of [0, 99, -1]) expect(() => enumSet('kinds', [kind], MessageKind)).toThrow(refusal('kinds'));
  });
});
