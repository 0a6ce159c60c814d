import { create } from '@bufbuild/protobuf';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SessionRecordSchema } from '../../src/gen/scrollback/store/v1/record_pb.js';
import { makeLogger } from '../../src/log.js';
import { IdleStores } from '../../src/session/idle-stores.js';
import { Session } from '../../src/session/session.js';
import { HistoryStore } from '../../src/store/history-store.js';

let directory: string;
let nowMs: number;
let sessions: Record<'a' | 'b' | 'c' | 'd', Session>;

/** The store of a session; another object when it was closed since the last time. */
const storeOf = (session: Session): Promise<HistoryStore> => session.use((store) => Promise.resolve(store));

beforeEach(async () => {
  nowMs = 1_800_000_000_000;
  directory = await mkdtemp(join(tmpdir(), 'scrollback-idle-'));
  const dependencies = { now: () => nowMs, log: makeLogger('silent'), idleStores: new IdleStores(2) };
  const make = async (sessionId: string): Promise<Session> => {
    await mkdir(join(directory, sessionId));
    return new Session(create(SessionRecordSchema, { sessionId }), join(directory, sessionId), dependencies);
  };
  sessions = { a: await make('a'), b: await make('b'), c: await make('c'), d: await make('d') };
});

afterEach(async () => {
  await Promise.all(Object.values(sessions).map((session) => session.close()));
  await rm(directory, { recursive: true });
});

describe('stores that nobody uses', () => {
  it('are closed when there are too many of them, those first whose use is the longest ago', async () => {
    const { a, b, c } = sessions;
    const [firstOfA, firstOfB] = [await storeOf(a), await storeOf(b)];
    // It was used last now.
    expect(await storeOf(a)).toBe(firstOfA);
    await storeOf(c);
    expect(await storeOf(a)).toBe(firstOfA);
    expect(await storeOf(b)).not.toBe(firstOfB);
  });

  it('do not count while they are used', async () => {
    const { a, b, c, d } = sessions;
    let leave = (): void => undefined;
    const used = a.use((store) => new Promise<HistoryStore>((resolve) => (leave = () => resolve(store))));
    const [ofB, ofC] = [await storeOf(b), await storeOf(c)];
    leave();
    const ofA = await used;
    expect(await storeOf(a)).toBe(ofA);
    expect(await storeOf(c)).toBe(ofC);
    expect(await storeOf(b)).not.toBe(ofB);
    await storeOf(d);
    // Closed stores are opened again whoever asks.
    expect((await storeOf(a)).failure).toBeUndefined();
  });

  it('are not opened again to tell what they hold', async () => {
    const { a, b, c } = sessions;
    const name = (ownerName: string): Promise<unknown> =>
      a.commit((building) => {
        building.state.ownerName = ownerName;
        building.touch();
        return Promise.resolve();
      });
    for (const [revision, ownerName] of ['Anna', 'Anna B.'].entries()) {
      await name(ownerName);
      expect(await a.counts()).toMatchObject({ revision: revision + 1, ownerName });
      await storeOf(b);
      await storeOf(c);
      // Whoever has the database open keeps everybody else from opening it.
      const holder = await openWhenClosed(join(directory, 'a', 'history'));
      await expect(storeOf(a)).rejects.toThrow('SESSION_UNAVAILABLE');
      await holder.close();
      nowMs += 600_000;
      await storeOf(a);
      await storeOf(b);
      await storeOf(c);
      const again = await openWhenClosed(join(directory, 'a', 'history'));
      expect(await a.counts()).toMatchObject({ revision: revision + 1, ownerName });
      await again.close();
    }
  });
});

/** Opens a history that another one has open and closes soon. */
async function openWhenClosed(path: string): Promise<HistoryStore> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await HistoryStore.open(path, { cacheBytes: 1 << 20, writeBufferBytes: 1 << 20 });
    } catch (error) {
      if (attempt === 200) throw error;
      await delay(10);
    }
  }
}
