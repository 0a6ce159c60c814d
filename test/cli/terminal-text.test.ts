import { describe, expect, it } from 'vitest';
import { columnsOf, padEnd, visible, visibleJson } from '../../src/cli/terminal-text.js';

describe('a foreign text on a terminal', () => {
  it('cannot send control sequences, forge lines or reorder what stands beside it', () => {
    expect(visible('a\u001b[2Jb')).toBe('a\\u{1b}[2Jb');
    expect(visible('one\r\ntwo\tthree')).toBe('one\\r\\ntwo\\tthree');
    expect(visible('\u009b31m \u202egnp.exe \u2066x\u2069 \u2028')).toBe(
      '\\u{9b}31m \\u{202e}gnp.exe \\u{2066}x\\u{2069} \\u{2028}',
    );
    expect(visible('nul \0 del \u007f')).toBe('nul \\u{0} del \\u{7f}');
  });

  it('keeps every script and joined emoji as they are', () => {
    const text = 'Grüße, привет, 你好, שלום, 👩‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿';
    expect(visible(text)).toBe(text);
  });

  it('is the same value in JSON after the escape', () => {
    const value = { text: 'a\u009bb\u202ec\u007f\u2028"\\' };
    const json = visibleJson(JSON.stringify(value));
    expect(json).toMatch(/^[\x20-\x7e]*$/);
    expect(JSON.parse(json)).toEqual(value);
  });

  it('is padded by the columns it takes', () => {
    expect(columnsOf('abc')).toBe(3);
    expect(columnsOf('你好')).toBe(4);
    expect(columnsOf('e\u0301')).toBe(1);
    expect(columnsOf('👩‍👩‍👧')).toBe(2);
    expect(padEnd('你', 4)).toBe('你  ');
    expect(padEnd('longer', 3)).toBe('longer');
  });
});
