import { describe, expect, it } from 'vitest';
import { makeLogger } from '../src/log.js';

/** What the logger writes for some fields. */
function logged(fields: object): Record<string, unknown> {
  const lines: string[] = [];
  makeLogger('info', { write: (line) => void lines.push(line) }).error(fields, 'it failed');
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0] ?? '') as Record<string, unknown>;
}

/** An error as a library throws it: with a code, with what it was given, and with a text of several lines. */
function libraryError(): Error {
  return Object.assign(new RangeError('no room for\nAre you coming tonight?'), { code: 'ERR_ROOM', given: 'a key' });
}

describe('an error in the log', () => {
  it('has its class, code, text and frames, and those of its cause, and no field of its own', () => {
    const { err } = logged({ err: new Error('reading failed', { cause: libraryError() }) });
    expect(err).toMatchObject({
      type: 'Error',
      message: 'reading failed',
      stack: expect.stringMatching(/^ +at .*log\.test/) as string,
      cause: { type: 'RangeError', code: 'ERR_ROOM', message: 'no room for\nAre you coming tonight?' },
    });
    expect(JSON.stringify(err)).not.toContain('a key');
  });

  it('that may hold what somebody wrote has its class, code and frames, also of its cause, and no text', () => {
    const line = logged({ wordlessErr: new Error('Are you coming tonight?', { cause: libraryError() }) });
    expect(line.wordlessErr).toMatchObject({
      type: 'Error',
      stack: expect.stringMatching(/^ +at .*log\.test/) as string,
      cause: { type: 'RangeError', code: 'ERR_ROOM', stack: expect.stringMatching(/^ +at /) as string },
    });
    expect(JSON.stringify(line)).not.toContain('tonight');
  });

  it('may be anything that can be thrown', () => {
    expect(logged({ err: 'Are you coming tonight?', wordlessErr: undefined }).err).toEqual({ type: 'string' });
  });
});

it('keys and texts are removed wherever they are logged by mistake', () => {
  const line = logged({ key: '00ff', message: { text: 'Are you coming tonight?', id: 'A' } });
  expect(line).toMatchObject({ key: '[removed]', message: { text: '[removed]', id: 'A' } });
});
