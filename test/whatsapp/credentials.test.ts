import { BufferJSON } from '@whiskeysockets/baileys';
import { SenderKeyRecord } from '@whiskeysockets/baileys/lib/Signal/Group/sender-key-record.js';
import { SenderMessageKey } from '@whiskeysockets/baileys/lib/Signal/Group/sender-message-key.js';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HistoryStore } from '../../src/store/history-store.js';
import { Credentials } from '../../src/whatsapp/credentials.js';

let directory: string;
let store: HistoryStore;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'scrollback-credentials-'));
  store = await HistoryStore.open(directory, { cacheBytes: 1024 * 1024, writeBufferBytes: 1024 * 1024 });
});
afterEach(async () => {
  await store.close();
  await rm(directory, { recursive: true });
});

const NAME = '1@g.us::2::0';

/** What the library hands over of a group's key, and what it gets back from the disk. */
async function keep(given: Buffer): Promise<Uint8Array> {
  await Credentials.fresh(store.link).keys.set({ 'sender-key': { [NAME]: given } });
  const { [NAME]: found } = await Credentials.fresh(store.link).keys.get('sender-key', [NAME]);
  if (found === undefined) throw new Error('it was not kept');
  return found;
}

describe('the key of a group', () => {
  it('is kept as the library has it, and read with every byte, those of messages that were passed over too', async () => {
    const [chain, signing] = [randomBytes(32), randomBytes(33)];
    const seeds = [
      Buffer.from([0]),
      Buffer.from([255, 0, 10]),
      Buffer.alloc(0),
      ...Array.from({ length: 20 }, () => randomBytes(32)),
    ];
    const record = new SenderKeyRecord();
    record.addSenderKeyState(7, 100, chain, signing);
    for (const [n, seed] of seeds.entries()) {
      record.getSenderKeyState(7)?.addSenderMessageKey(new SenderMessageKey(n, seed));
    }
    const given = Buffer.from(JSON.stringify(record.serialize()));
    const found = SenderKeyRecord.deserialize(await keep(given)).getSenderKeyState(7);
    expect(found?.getSenderChainKey().getSeed()).toEqual(chain);
    expect(found?.getSigningKeyPublic()).toEqual(signing);
    expect(found?.getSigningKeyPrivate()).toEqual(Buffer.alloc(0));
    expect(seeds.map((_, n) => found?.removeSenderMessageKey(n)?.getSeed())).toEqual(seeds);
    const [stored] = await store.link.getKeys([`sender-key/${NAME}`]);
    expect(stored?.toString()).toBe(JSON.stringify(given, BufferJSON.replacer));
  });

  it('stays as it is where it has no list of bytes', async () => {
    const text = JSON.stringify([{ seed: { type: 'Buffer', data: 'AQID' }, name: '{"type":"Buffer","data":[1]}' }]);
    expect(Buffer.from(await keep(Buffer.from(text))).toString()).toBe(text);
  });
});
