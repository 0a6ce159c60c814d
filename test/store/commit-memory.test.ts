import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keyspace, textKey } from '../../src/store/keyspaces.js';
import { RecentRecords } from '../../src/store/recent-records.js';
import { openHistory, type TemporaryHistory } from '../support/history.js';
import { aKey, aLiveMessage, recordAll } from '../support/live-events.js';

const ANNA = '491700000002@s.whatsapp.net';

let history: TemporaryHistory;
beforeEach(async () => {
  history = await openHistory();
});
afterEach(() => history.remove());

describe('what commits remember', () => {
  it('is nothing of a commit that was dropped', async () => {
    const { store } = history;
    const dropped = store.commit(async (commit) => {
      await store.recordLive(commit, [aLiveMessage(aKey(ANNA, 'A1'))], () => undefined);
      throw new Error('dropped');
    });
    await expect(dropped).rejects.toThrow('dropped');
    expect(await store.getChat(ANNA)).toBeUndefined();
    await recordAll(store, [aLiveMessage(aKey(ANNA, 'A1'))]);
    expect(await store.getChat(ANNA)).toMatchObject({ jid: ANNA });
  });

  it('is of few people and chats, those that came last, and nothing of messages', () => {
    const records = new RecentRecords();
    const names = Array.from({ length: 2000 }, (_, n) => textKey(keyspace.contact, String(n)).toString('latin1'));
    for (const name of names) records.built(new Map([[name, undefined]]));
    const others = [keyspace.message, keyspace.identity, keyspace.group].map((prefix) =>
      textKey(prefix, 'x').toString('latin1'),
    );
    records.built(new Map(others.map((name) => [name, Buffer.of(1)])));
    expect(names.filter((name) => records.has(name))).toEqual(names.slice(-512));
    expect(others.filter((name) => records.has(name))).toEqual([]);
  });

  it('is as the last commit left it', () => {
    const records = new RecentRecords();
    const name = textKey(keyspace.contact, ANNA).toString('latin1');
    records.built(new Map([[name, Buffer.of(1)]]));
    records.built(new Map([[name, undefined]]));
    expect([records.has(name), records.get(name)]).toEqual([true, undefined]);
    records.built(new Map([[name, Buffer.alloc(5000)]]));
    expect(records.has(name)).toBe(false);
  });
});
