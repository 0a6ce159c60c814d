import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openHistory, type TemporaryHistory } from '../support/history.js';

let history: TemporaryHistory;
beforeEach(async () => {
  history = await openHistory();
});
afterEach(() => history.remove());

describe('what a link writes', () => {
  it('is durable in the order in which it was taken, keys never before the record that came before them', async () => {
    const { inbox, link } = history.store;
    await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        void inbox.append(Buffer.from(`record ${n}`));
        await link.write({ keys: [['session/a', Buffer.from(`${n}`)]] });
        const durable = await inbox.read('live', 100, 1e6);
        expect(durable.length, `before keys ${n}`).toBeGreaterThan(n);
      }),
    );
    expect(await link.getKeys(['session/a'])).toEqual([Buffer.from('19')]);
  });

  it('tells of a record that is taken before it is durable, and not while there is no room', async () => {
    const { inbox } = history.store;
    let taken = 0;
    const records = Array.from({ length: 4096 }, () => inbox.append(Buffer.alloc(1), () => taken++));
    expect(taken).toBe(4096);
    const late = inbox.append(Buffer.from('late'), () => taken++);
    late.catch(() => undefined);
    await Promise.all(records);
    expect(taken).toBe(4096);
    await inbox.close();
    await expect(late).rejects.toThrow('closed');
    expect(taken).toBe(4096);
  });

  it('is found in the inbox also when there is more of it than is kept in memory', async () => {
    const { store } = history;
    const large = Buffer.alloc(300_000);
    for (let n = 0; n < 5; n++) await store.inbox.append(Buffer.concat([Buffer.from([n]), large]));
    const drained: number[] = [];
    for (let rounds = 0; drained.length < 7; rounds++) {
      const records = await store.inbox.read('live', 2, 1e9);
      drained.push(...records.map(({ payload }) => payload[0] ?? -1));
      await store.commit(async (commit) => store.inbox.remove(commit, records));
      store.inbox.settled('live', records);
      // What comes meanwhile is behind what waits, wherever that is.
      if (rounds < 2) await store.inbox.append(Buffer.from([5 + rounds]));
    }
    expect(drained).toEqual([0, 1, 2, 3, 4, 5, 6]);
    await store.inbox.append(Buffer.from([7]));
    expect((await store.inbox.read('live', 2, 1e9)).map(({ payload }) => payload[0])).toEqual([7]);
    expect(store.inbox.waiting('live')).toBe(1);
  });
});
