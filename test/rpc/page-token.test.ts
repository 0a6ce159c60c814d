import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PageTokens } from '../../src/rpc/page-token.js';

const tokens = new PageTokens('listMessages', ['session-a', undefined, 1]);
const invalid = expect.objectContaining({ fault: { reason: 'INVALID_PAGE_TOKEN' } }) as unknown;

describe('a page token', () => {
  it('gives back the cursor it was made of', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const token = tokens.encode(Buffer.from(bytes));
        expect(token).toMatch(/^[\w-]+$/);
        expect(tokens.decode(token)).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it('is empty for no cursor, and the other way round', () => {
    expect(tokens.encode(undefined)).toBe('');
    expect(tokens.decode('')).toBeUndefined();
  });

  it('is refused for another session, another filter and another method', () => {
    const token = tokens.encode(Buffer.from('cursor'));
    for (const other of [
      new PageTokens('listMessages', ['session-b', undefined, 1]),
      new PageTokens('listMessages', ['session-a', undefined, 2]),
      new PageTokens('readMessages', ['session-a', undefined, 1]),
    ]) {
      expect(() => other.decode(token)).toThrow(invalid);
    }
  });

  it('is refused when any one character is changed, left out or added', () => {
    const token = tokens.encode(Buffer.from('cursor'));
    for (let at = 0; at < token.length; at++) {
      for (const letter of ['A', 'b', '7', '_', '=', ' ', '/']) {
        const changed = token.slice(0, at) + letter + token.slice(at + 1);
        if (changed !== token) expect(() => tokens.decode(changed), changed).toThrow(invalid);
        expect(() => tokens.decode(token.slice(0, at) + letter + token.slice(at)), `added ${at}`).toThrow(invalid);
      }
      expect(() => tokens.decode(token.slice(0, at) + token.slice(at + 1)), `left out ${at}`).toThrow(invalid);
    }
  });

  it('is refused when it is any other text', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 300, unit: 'binary' }), (text) => {
        expect(() => tokens.decode(text)).toThrow(invalid);
      }),
    );
    expect(() => tokens.decode('A'.repeat(4_000_000))).toThrow(invalid);
  });
});
