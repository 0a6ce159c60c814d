import { describe, expect, it } from 'vitest';
import { resolveAddress } from '../../src/cli/address.js';
import { UsageError } from '../../src/cli/failure.js';
import { parseTime } from '../../src/cli/time-argument.js';

const nowMs = Date.parse('2026-02-16T12:00:00.500Z');

describe('a time on the command line', () => {
  it('as a day stands for the whole day', () => {
    expect(parseTime('2026-02-16', 'from', nowMs)).toEqual({ seconds: 1771200000n, nanos: 0 });
    expect(parseTime('2026-02-16', 'to', nowMs)).toEqual({ seconds: 1771286399n, nanos: 999_999_999 });
  });

  it('as RFC 3339 keeps its fraction and its zone', () => {
    expect(parseTime('2026-02-16T18:32:39Z', 'from', nowMs)).toEqual({ seconds: 1771266759n, nanos: 0 });
    expect(parseTime('2026-02-16t19:32:39.123456789+01:00', 'to', nowMs)).toEqual({
      seconds: 1771266759n,
      nanos: 123_456_789,
    });
  });

  it('as an age counts back from now', () => {
    const at = (text: string): number => Number(parseTime(text, 'from', nowMs).seconds);
    expect(at('30m')).toBe(Date.parse('2026-02-16T11:30:00Z') / 1000);
    expect(at('1d12h')).toBe(Date.parse('2026-02-15T00:00:00Z') / 1000);
    expect(at('2w')).toBe(Date.parse('2026-02-02T12:00:00Z') / 1000);
    expect(parseTime('0d', 'to', nowMs).nanos).toBe(500_000_000);
  });

  it('is refused when it could mean anything else', () => {
    const wrong = ['', 'yesterday', '7', '7x', '2026-02-30', '2026-13-01', '2026-02-16T18:32:39', '16.02.2026', '-7d'];
    for (const text of wrong) expect(() => parseTime(text, 'from', nowMs), text).toThrow('RFC 3339');
  });
});

describe('the address of the daemon', () => {
  it('is the flag, else the environment, else the default', () => {
    expect(resolveAddress('127.0.0.1:1', { SCROLLBACK_ADDRESS: '127.0.0.1:2' })).toBe('127.0.0.1:1');
    expect(resolveAddress(undefined, { SCROLLBACK_ADDRESS: 'unix:/run/scrollback/socket' })).toBe(
      'unix:/run/scrollback/socket',
    );
    expect(resolveAddress(undefined, {})).toBe('127.0.0.1:50051');
    expect(resolveAddress('[::1]:50051', {})).toBe('[::1]:50051');
  });

  it('never leaves this machine, for nothing is encrypted on the way', () => {
    for (const address of ['10.0.0.7:50051', 'example.com:50051', '0.0.0.0:50051', 'localhost.example.com:1']) {
      expect(() => resolveAddress(address, {}), address).toThrow(UsageError);
    }
    for (const address of ['localhost', ':50051', 'unix:', '127.0.0.1:0', '127.0.0.1:70000']) {
      expect(() => resolveAddress(address, {}), address).toThrow(UsageError);
    }
  });
});
