import { describe, expect, it } from 'vitest';
import { disconnectOf } from '../../src/whatsapp/disconnect.js';

const linked = { awaitsPhone: false };

describe('the end of a connection', () => {
  it.each([
    [515, 'restart'],
    [428, 'transient'],
    [408, 'transient'],
    [500, 'transient'],
    [503, 'transient'],
    [599, 'transient'],
    [440, 'replaced'],
    [401, 'logged-out'],
    [402, 'banned'],
    [403, 'banned'],
    [405, 'outdated'],
    [411, 'refused'],
    [406, 'refused'],
    [409, 'refused'],
    [413, 'refused'],
    [414, 'refused'],
    [415, 'refused'],
    [418, 'refused'],
    [400, 'refused'],
  ] as const)('with %i means %s', (code, cause) => {
    expect(disconnectOf(code, linked)).toEqual({ cause, code });
  });

  it('without a code is our own doing', () => {
    expect(disconnectOf(undefined, linked)).toEqual({ cause: 'ended', code: 0 });
  });

  it('with 408 means that nobody scanned the code, when one was shown', () => {
    expect(disconnectOf(408, { awaitsPhone: true })).toEqual({ cause: 'pairing-expired', code: 408 });
  });
});
