import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HistoryStore } from '../../src/store/history-store.js';

const options = { cacheBytes: 1024 * 1024, writeBufferBytes: 1024 * 1024 };
let directory: string;
let store: HistoryStore;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'scrollback-link-'));
  store = await HistoryStore.open(directory, options);
});
afterEach(async () => {
  await store.close();
  await rm(directory, { recursive: true });
});

describe('what a link keeps', () => {
  it('is there after the database was closed', async () => {
    await store.link.write({ credentials: Buffer.from('c'), keys: [['session/1', Buffer.from('s')]] });
    await store.close();
    store = await HistoryStore.open(directory, options);
    expect(await store.link.getCredentials()).toEqual(Buffer.from('c'));
    expect(await store.link.getKeys(['session/2', 'session/1'])).toEqual([undefined, Buffer.from('s')]);
  });

  it('changes and goes away key by key', async () => {
    await store.link.write({
      keys: [
        ['a', Buffer.from('1')],
        ['b', Buffer.from('1')],
      ],
    });
    await store.link.write({
      keys: [
        ['a', undefined],
        ['b', Buffer.from('2')],
      ],
    });
    expect(await store.link.getKeys(['a', 'b'])).toEqual([undefined, Buffer.from('2')]);
    expect(await store.link.getCredentials()).toBeUndefined();
  });

  it('is cleared as a whole, however many keys there are, and nothing else is', async () => {
    const { durable } = await store.prepare((commit) => Promise.resolve(commit.state.revision));
    await durable;
    const { revision } = store;
    const names = Array.from({ length: 1500 }, (_, i) => `pre-key/${String(i)}`);
    await store.link.write({ credentials: Buffer.from('c'), keys: names.map((name) => [name, Buffer.from('k')]) });
    await store.link.clear();
    expect(await store.link.getCredentials()).toBeUndefined();
    expect(new Set(await store.link.getKeys(names))).toEqual(new Set([undefined]));
    await store.close();
    store = await HistoryStore.open(directory, options);
    expect(store.revision).toBe(revision);
  });
});
