import { addTransactionCapability } from '@whiskeysockets/baileys';
import { ProtocolAddress, SessionCipher } from 'libsignal';
import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { bindJobs } from '../../src/whatsapp/bind-jobs.js';
import { MemoryKeys } from '../support/whatsapp/memory-keys.js';

/** What of libsignal's class is used here. */
interface Cipher {
  queueJob: (job: () => Promise<unknown>) => Promise<unknown>;
}

it('What is decrypted of one person for two accounts at once changes the keys of each in its own transaction', async () => {
  bindJobs();
  const stored = [new MemoryKeys(), new MemoryKeys()];
  const seen: unknown[] = [];
  const options = { maxCommitRetries: 1, delayBetweenTriesMs: 1 };
  await Promise.all(
    stored.map((memory) => {
      const keys = addTransactionCapability(memory, pino({ level: 'silent' }), options);
      // Safety: the method is there, the types leave it out.
      const cipher = new SessionCipher({} as never, new ProtocolAddress('1', 0)) as unknown as Cipher;
      return keys.transaction(async () => {
        await cipher.queueJob(async () => {
          await setImmediate();
          await keys.set({ session: { '1.0': Buffer.from('changed') } });
        });
        seen.push(memory.values.session);
      }, '1@s.whatsapp.net');
    }),
  );
  expect(seen).toEqual([undefined, undefined]);
  for (const { values } of stored) expect(values.session).toEqual({ '1.0': Buffer.from('changed') });
});
