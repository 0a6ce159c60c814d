import { addTransactionCapability, type SignalKeyStoreWithTransaction } from '@whiskeysockets/baileys';
import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import { beforeAll, describe, expect, it } from 'vitest';
import { shareContexts } from '../../src/whatsapp/share-contexts.js';
import { libraryLogger } from '../../src/whatsapp/tame-library.js';
import { MemoryKeys } from '../support/whatsapp/memory-keys.js';

const SOCKETS = 50;

function makeKeys(): SignalKeyStoreWithTransaction {
  const options = { maxCommitRetries: 1, delayBetweenTriesMs: 1 };
  return addTransactionCapability(new MemoryKeys(), libraryLogger(pino({ level: 'silent' }), 's'), options);
}

describe('the contexts of the library', () => {
  beforeAll(shareContexts);

  it('leave nothing on the promises of others, however many sockets had a transaction', async () => {
    for (let n = 0; n < SOCKETS; n++) await makeKeys().transaction(() => setImmediate(), 'chat');
    const promise = setImmediate();
    expect(Object.getOwnPropertySymbols(promise).length).toBeLessThan(SOCKETS / 2);
    await promise;
  });

  it('keep what a transaction changed for its end, and for itself before', async () => {
    const [keys, others] = [makeKeys(), makeKeys()];
    const session = (value: string) => ({ session: { a: Buffer.from(value) } });
    await keys.transaction(async () => {
      await setImmediate();
      await keys.set(session('mine'));
      // That of another socket neither sees it nor ends it.
      await others.transaction(async () => {
        await setImmediate();
        expect(await others.get('session', ['a'])).toEqual({});
        expect(await keys.get('session', ['a'])).toEqual(session('mine').session);
        await others.set(session('theirs'));
      }, 'chat');
      expect(await others.get('session', ['a'])).toEqual(session('theirs').session);
      expect(await keys.get('session', ['a'])).toEqual(session('mine').session);
    }, 'chat');
    expect(keys.isInTransaction()).toBe(false);
    expect(await keys.get('session', ['a'])).toEqual(session('mine').session);
  });

  it('are apart from each other, also where they run side by side', async () => {
    const [one, other] = [new AsyncLocalStorage<string>(), new AsyncLocalStorage<string>()];
    const look = async (): Promise<(string | undefined)[]> => {
      await setImmediate();
      return [one.getStore(), other.getStore()];
    };
    const seen = await Promise.all([
      one.run('a', look),
      other.run('b', look),
      one.run('a', () => other.run('b', () => one.run('c', look))),
      look(),
    ]);
    expect(seen).toEqual([
      ['a', undefined],
      [undefined, 'b'],
      ['c', 'b'],
      [undefined, undefined],
    ]);
  });
});
