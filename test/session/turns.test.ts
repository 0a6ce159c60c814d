import { describe, expect, it } from 'vitest';
import { Turns } from '../../src/session/turns.js';

const never = new AbortController().signal;

describe('turns', () => {
  it('are so many at once, and come in the order in which they were asked for', async () => {
    const turns = new Turns(2);
    const came: number[] = [];
    const ends: (() => void)[] = [];
    const all = [0, 1, 2, 3].map(async (asker) => {
      const end = await turns.take(never);
      came.push(asker);
      ends[asker] = end;
    });
    await Promise.all(all.slice(0, 2));
    expect(came).toEqual([0, 1]);
    ends[1]?.();
    ends[1]?.();
    await all[2];
    expect(came).toEqual([0, 1, 2]);
    ends[0]?.();
    await all[3];
    expect(came).toEqual([0, 1, 2, 3]);
  });

  it('are not taken by those who have left', async () => {
    const turns = new Turns(1);
    const end = await turns.take(never);
    const leaving = new AbortController();
    const left = turns.take(leaving.signal);
    const next = turns.take(never);
    leaving.abort();
    // What it returns ends nothing.
    (await left)();
    (await turns.take(leaving.signal))();
    let came = false;
    const coming = next.then(() => (came = true));
    await Promise.resolve();
    expect(came).toBe(false);
    end();
    await coming;
  });
});
