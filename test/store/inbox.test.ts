import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openHistory, type TemporaryHistory } from '../support/history.js';

let history: TemporaryHistory;
beforeEach(async () => {
  history = await openHistory();
});
afterEach(() => history.remove());

const payloads = async (lane: 'live' | 'history' | 'unread' = 'live') =>
  (await history.store.inbox.read(lane, 100, 1e6)).map(({ payload }) => payload.toString());

describe('the inbox', () => {
  it('keeps the order of what came at the same time', async () => {
    const { inbox } = history.store;
    const names = Array.from({ length: 50 }, (_, n) => String(n));
    await Promise.all(names.map((name) => inbox.append(Buffer.from(name))));
    expect(await payloads()).toEqual(names);
  });

  it('is there when the store is opened again, and goes on behind what was left', async () => {
    await history.store.inbox.append(Buffer.from('a'));
    await history.store.close();
    history = await openHistory(history.directory);
    expect(history.store.inbox.waiting('live')).toBe(1);
    await history.store.inbox.append(Buffer.from('b'));
    expect(await payloads()).toEqual(['a', 'b']);
  });

  it('loses a record only in the commit that records it', async () => {
    const { store } = history;
    await store.inbox.append(Buffer.from('a'));
    const records = await store.inbox.read('live', 1, 1);
    const failed = store.commit((commit) => {
      store.inbox.remove(commit, records);
      return Promise.reject(new Error('no'));
    });
    await expect(failed).rejects.toThrow('no');
    expect(await payloads()).toEqual(['a']);
    await store.commit(async (commit) => store.inbox.move(commit, records[0]!, 'unread'));
    store.inbox.settled('live', records, 'unread');
    expect([await payloads(), await payloads('unread')]).toEqual([[], ['a']]);
  });

  it('makes whoever delivers wait when too much waits already', async () => {
    const { store } = history;
    await Promise.all(Array.from({ length: 4096 }, () => store.inbox.append(Buffer.alloc(1))));
    let appended = false;
    const late = store.inbox.append(Buffer.from('late')).then(() => (appended = true));
    await store.inbox.read('live', 1, 1);
    expect([store.inbox.full, appended]).toEqual([true, false]);
    const records = await store.inbox.read('live', 10, 1000);
    await store.commit(async (commit) => store.inbox.remove(commit, records));
    store.inbox.settled('live', records);
    await late;
    expect(store.inbox.waiting('live')).toBe(4087);
  });
});

describe('what is put aside', () => {
  const put = async (sizes: number[]): Promise<number> => {
    const { store } = history;
    for (const size of sizes) await store.inbox.append(Buffer.alloc(size));
    const records = await store.inbox.read('live', 1000, 1e9);
    const aside = records.slice(0, store.inbox.roomAside(records));
    await store.commit(async (commit) => {
      store.inbox.remove(commit, records);
      for (const record of aside) store.inbox.move(commit, record, 'unread');
    });
    store.inbox.settled('live', aside, 'unread');
    store.inbox.settled('live', records.slice(aside.length));
    return aside.length;
  };

  it('is bounded by its bytes, also after a restart', async () => {
    const megabyte = 1024 * 1024;
    expect(await put([...Array<number>(31).fill(megabyte), 10])).toBe(32);
    await history.store.close();
    history = await openHistory(history.directory);
    expect(await put([megabyte, 10])).toBe(0);
    expect(await put([10, megabyte])).toBe(1);
    expect(history.store.inbox.waiting('unread')).toBe(33);
    expect(history.store.inbox.waiting('live')).toBe(0);
  });
});
