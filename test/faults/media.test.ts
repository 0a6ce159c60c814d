import { createHash, randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LinkState, MediaPolicy } from '../../src/gen/scrollback/v1/session_service_pb.js';
import { findStrayFiles } from '../support/backfill-walk.js';
import { LinkedDaemon } from '../support/linked-daemon.js';
import { readMedia, storedMedia } from '../support/read-media.js';
import { canMount, SmallDisk } from '../support/small-disk.js';
import { Random } from '../support/synthetic-random.js';
import type { Account } from '../support/whatsapp/account.js';
import type { MediaReference } from '../support/whatsapp/media-server.js';
import type { Peer } from '../support/whatsapp/peer.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };

let linked: LinkedDaemon;
let account: Account;
let anna: Peer;
beforeEach(async () => {
  linked = await LinkedDaemon.start(undefined, { env: { SCROLLBACK_LOG_LEVEL: 'trace' } });
  account = await linked.link('a', owner);
  await linked.until('a', LinkState.ONLINE);
  anna = linked.whatsapp.addPerson({ phone: '491700000002', name: 'Anna' });
});
afterEach(async () => {
  await linked.remove();
  expect(linked.whatsapp.errors).toEqual([]);
});

const media = (): Promise<string[]> => storedMedia(linked.daemon.dataDirectory);
const nameOf = ({ fileSha256 }: MediaReference): string => fileSha256.toString('hex');

async function deliver(size: number): Promise<{ id: string; file: MediaReference; bytes: Buffer }> {
  const bytes = randomBytes(size);
  const file = await linked.whatsapp.media.upload(bytes, 'video');
  const id = await account.deliver(anna, { videoMessage: { ...file, mimetype: 'video/mp4' } });
  return { id, file, bytes };
}

describe.runIf(canMount)('on a full disk', () => {
  test('what was read before gives way, and what still does not fit is refused', async () => {
    const disk = await SmallDisk.mount(160);
    const other = await LinkedDaemon.start(undefined, { dataDirectory: join(disk.path, 'data'), wrap: disk.wrap });
    try {
      const device = await other.link('b', owner);
      await other.until('b', LinkState.ONLINE);
      const person = other.whatsapp.addPerson({ phone: '491700000002', name: 'Anna' });
      const sizes = [2_000_000, 2_000_001, 9_000_000];
      const files = await Promise.all(sizes.map((size) => other.whatsapp.media.upload(randomBytes(size), 'video')));
      const ids: string[] = [];
      for (const file of files)
        ids.push(await device.deliver(person, { videoMessage: { ...file, mimetype: 'video/mp4' } }));
      await device.settled();
      const read = (at: number) => readMedia(other.daemon.client, { sessionId: 'b', messageId: ids[at] ?? '' });
      const stored = () => storedMedia(disk.outside('data'));
      await expect.poll(() => read(0).then(({ bytes }) => bytes.length, String), { timeout: 10_000 }).toBe(sizes[0]);
      await disk.fill(1_000_000);
      expect((await read(1)).bytes.length).toBe(sizes[1]);
      expect(await stored()).toEqual(files.slice(1, 2).map(nameOf));
      await expect(read(2)).rejects.toMatchObject({ reason: 'STORAGE_FULL' });
      // Nothing gave way in vain, and nothing is left of it.
      expect(await stored()).toEqual(files.slice(1, 2).map(nameOf));
      await disk.empty();
      expect((await read(2)).bytes.length).toBe(sizes[2]);
    } finally {
      await other.remove();
      await disk.unmount();
    }
    expect(other.whatsapp.errors).toEqual([]);
  });
});

describe('files of messages', () => {
  test(
    'are all there and whole after kill -9 at moments of chance, and nothing else is',
    { timeout: 280_000 },
    async () => {
      await linked.daemon.client.sessions.updateSession({ sessionId: 'a', mediaPolicy: MediaPolicy.ALL });
      const random = new Random();
      random.start(77, 1, 1);
      const delivered: Awaited<ReturnType<typeof deliver>>[] = [];
      for (let round = 0; round < 12; round++) {
        linked.whatsapp.media.failNext(...(round % 2 === 0 ? (['slow'] as const) : []));
        for (let n = 0; n < 3; n++) delivered.push(await deliver(200_000));
        // Somewhere between the receipts, the download and the renaming.
        const steps = random.next() % 400;
        for (let step = 0; step < steps; step++) await new Promise((resolve) => setImmediate(resolve));
        await linked.daemon.kill9();
        for (const name of (await media()).filter((found) => !found.endsWith('.part'))) {
          expect(delivered.map(({ file }) => nameOf(file))).toContain(name);
        }
        await linked.daemon.restart();
        await linked.until('a', LinkState.ONLINE);
      }
      const names = delivered.map(({ file }) => nameOf(file)).sort();
      await expect.poll(media, { timeout: 60_000 }).toEqual(names);
      for (const { id, bytes } of delivered) {
        const read = await readMedia(linked.daemon.client, { sessionId: 'a', messageId: id });
        expect(createHash('sha256').update(read.bytes).digest('hex')).toBe(
          createHash('sha256').update(bytes).digest('hex'),
        );
      }
    },
  );

  test('leave neither keys nor addresses nor names in the log, and are for their owner only', async () => {
    const { id, file } = await deliver(50_000);
    await account.acknowledged(id);
    linked.whatsapp.media.failNext(503, 'half', 'garbage');
    const read = () => readMedia(linked.daemon.client, { sessionId: 'a', messageId: id });
    await expect
      .poll(() => read().catch((error: unknown) => String(error)), { timeout: 10_000 })
      .toContain('not the file');
    linked.whatsapp.media.drop(file.directPath);
    account.script.onReuploadRequest = () => undefined;
    await expect(read()).rejects.toMatchObject({ reason: 'MEDIA_GONE' });
    const moved = linked.whatsapp.media.restore(file.directPath);
    account.script.onReuploadRequest = () => ({ mediaKey: file.mediaKey, directPath: moved });
    await read();
    const key = file.mediaKey;
    const secrets = [key.toString('base64'), key.toString('hex'), file.directPath, moved, nameOf(file)];
    for (const secret of secrets) expect(linked.daemon.log.includes(secret), secret).toBe(false);
    const stray = (await findStrayFiles(linked.daemon.dataDirectory)).filter(({ path }) => path.includes('media'));
    expect(stray.map(({ mode }) => mode & 0o777)).toEqual([0o600]);
    const directory = join(linked.daemon.dataDirectory, stray[0]?.path ?? '', '..');
    expect((await stat(directory)).mode & 0o077).toBe(0);
  });
});
