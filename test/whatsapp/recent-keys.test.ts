import { describe, expect, it } from 'vitest';
import { RecentKeys } from '../../src/whatsapp/recent-keys.js';

const value = (text: string): Buffer => Buffer.from(text);

describe('the keys of late', () => {
  it('are what was written last, and also those that are known not to be there', () => {
    const recent = new RecentKeys();
    expect(recent.find('a')).toBeUndefined();
    recent.note('a', undefined, recent.puts);
    expect(recent.find('a')).toMatchObject({ value: undefined });
    recent.put('a', value('1'));
    recent.put('a', value('2'));
    recent.written('a');
    expect(recent.find('a')).toMatchObject({ value: value('2') });
  });

  it('are never what was read before something was written', () => {
    const recent = new RecentKeys();
    const { puts } = recent;
    recent.put('a', value('new'));
    recent.written('a');
    recent.note('a', value('old'), puts);
    recent.note('b', value('old'), puts);
    expect(recent.find('a')).toMatchObject({ value: value('new') });
    expect(recent.find('b')).toBeUndefined();
  });

  it('go when there are too many, those that were not used first, and not before they are written', () => {
    const recent = new RecentKeys();
    const large = Buffer.alloc(100_000);
    recent.put('unwritten', large);
    recent.note('old', large, recent.puts);
    recent.note('older', large, recent.puts);
    expect(recent.find('old')).toBeUndefined();
    recent.find('older');
    recent.put('more', large);
    recent.put('more still', large);
    expect(['unwritten', 'older', 'more', 'more still'].filter((name) => recent.find(name))).toEqual([
      'unwritten',
      'more',
      'more still',
    ]);
    for (const name of ['unwritten', 'more', 'more still']) recent.written(name);
    expect(['unwritten', 'more', 'more still'].filter((name) => recent.find(name))).toEqual(['more', 'more still']);
  });
});
