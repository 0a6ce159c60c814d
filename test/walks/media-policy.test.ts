import { randomBytes } from 'node:crypto';
import { readdir, readFile, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { MessageKind } from '../../src/gen/scrollback/v1/message_pb.js';
import { LinkState, MediaPolicy } from '../../src/gen/scrollback/v1/session_service_pb.js';
import { importWhole, reasonOf } from '../support/backfill-walk.js';
import { LinkedDaemon } from '../support/linked-daemon.js';
import { readMedia, storedMedia } from '../support/read-media.js';
import { withDirectory } from '../support/small-backup.js';
import { buildDatabase } from '../support/synthetic-backup.js';
import type { Account } from '../support/whatsapp/account.js';
import type { MediaReference } from '../support/whatsapp/media-server.js';
import type { Peer } from '../support/whatsapp/peer.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };

let linked: LinkedDaemon;
let account: Account;
let anna: Peer;
beforeAll(async () => {
  linked = await LinkedDaemon.start();
});
afterEach(() => linked.renew());
afterAll(() => linked.remove());

/** Links a session `a`, with other settings of the daemon if need be. */
async function start(env?: Record<string, string>): Promise<void> {
  if (env !== undefined) await linked.restartWith(env);
  account = await linked.link('a', owner);
  await linked.until('a', LinkState.ONLINE);
  anna = linked.whatsapp.addPerson({ phone: '491700000002', name: 'Anna' });
}

const policy = (mediaPolicy: MediaPolicy) =>
  linked.daemon.client.sessions.updateSession({ sessionId: 'a', mediaPolicy });
const read = (messageId: string) => readMedia(linked.daemon.client, { sessionId: 'a', messageId });
const media = (): Promise<string[]> => storedMedia(linked.daemon.dataDirectory);
const names = (...files: MediaReference[]): string[] =>
  files.map(({ fileSha256 }) => fileSha256.toString('hex')).sort();
const soon = { timeout: 20_000 };

async function deliver(size = 5000): Promise<{ id: string; file: MediaReference }> {
  const file = await linked.whatsapp.media.upload(randomBytes(size), 'image');
  const id = await account.deliver(anna, { imageMessage: { ...file, mimetype: 'image/jpeg' } });
  return { id, file };
}

/** Resolves when a message can be read. */
async function stored(messageId: string): Promise<void> {
  const find = () => linked.daemon.client.history.getMessage({ sessionId: 'a', messageId });
  await expect
    .poll(
      () =>
        find().then(
          ({ messages }) => messages.length,
          () => 0,
        ),
      soon,
    )
    .toBe(1);
}

describe('a session that fetches all files', () => {
  it('has those of the messages that come from then on, also after kill -9', async () => {
    await start();
    const before = await deliver();
    await stored(before.id);
    await policy(MediaPolicy.ALL);
    const first = await deliver();
    await expect.poll(media, soon).toEqual(names(first.file));
    const others = [await deliver(), await deliver()];
    await linked.daemon.kill9();
    others.push(await deliver());
    await linked.daemon.restart();
    await expect.poll(media, soon).toEqual(names(first.file, ...others.map(({ file }) => file)));
  });

  it('records messages while a file is waited for, and goes on when it cannot be had', async () => {
    await start();
    await policy(MediaPolicy.ALL);
    const lost = await linked.whatsapp.media.upload(randomBytes(5000), 'image');
    linked.whatsapp.media.drop(lost.directPath);
    linked.whatsapp.media.failNext('slow');
    const slow = await deliver(100_000);
    await account.deliver(anna, { imageMessage: { ...lost, mimetype: 'image/jpeg' } });
    const text = await account.deliver(anna, { conversation: 'in the meantime' });
    const last = await deliver();
    await stored(text);
    await expect.poll(media, soon).toEqual(names(slow.file, last.file));
  });
});

describe('a session that fetches none', () => {
  it('says so, and still reads what is here until it is deleted', async () => {
    await start();
    const here = await deliver();
    await stored(here.id);
    await read(here.id);
    await policy(MediaPolicy.NONE);
    const other = await deliver();
    await stored(other.id);
    expect(await reasonOf(read(other.id))).toBe('MEDIA_POLICY');
    expect((await read(here.id)).bytes.length).toBe(5000);
    expect(linked.whatsapp.media.requests).toHaveLength(1);
    await linked.daemon.client.sessions.deleteSession({ sessionId: 'a' });
    expect(await media()).toEqual([]);
  });
});

describe('the room for files', () => {
  it('is that of the quota: the one that was read least recently goes', async () => {
    await start({ SCROLLBACK_MEDIA_QUOTA_MB: '1' });
    const [one, two] = [await deliver(600_000), await deliver(600_000)];
    const huge = await deliver(1_100_000);
    for (const { id } of [one, two, huge]) await stored(id);
    await read(one.id);
    await read(two.id);
    expect(await media()).toEqual(names(two.file));
    expect(await reasonOf(read(huge.id))).toBe('MEDIA_TOO_LARGE');
    await read(one.id);
    expect(linked.whatsapp.media.requests).toHaveLength(3);
  });

  it('is given back when nobody has read a file for long, and the file comes back when somebody does', async () => {
    await start({ SCROLLBACK_MEDIA_RETENTION_DAYS: '2' });
    const [old, young] = [await deliver(), await deliver()];
    for (const { id } of [old, young]) {
      await stored(id);
      await read(id);
    }
    await linked.daemon.stop();
    await age(names(old.file)[0] ?? '', 3);
    await linked.daemon.restart();
    await expect.poll(media, soon).toEqual(names(young.file));
    await linked.until('a', LinkState.ONLINE);
    expect((await read(old.id)).bytes.length).toBe(5000);
  });
});

/** Makes a file look as if it was read some days ago. */
async function age(name: string, days: number): Promise<void> {
  const sessions = join(linked.daemon.dataDirectory, 'sessions');
  for (const session of await readdir(sessions)) {
    const then = Date.now() / 1000 - days * 24 * 3600;
    await utimes(join(sessions, session, 'media', name), then, then);
  }
}

describe('a file that only a backup describes', () => {
  it('is fetched through the link', async () => {
    await start();
    const picture = randomBytes(70_000);
    const file = await linked.whatsapp.media.upload(picture, 'image');
    await withDirectory(async (directory) => {
      const path = join(directory, 'msgstore.db');
      buildDatabase(path, { messages: 400 });
      describeImages(path, file);
      await importWhole(linked.daemon.client, 'a', await readFile(path));
    });
    const kinds = [MessageKind.IMAGE];
    const { messages } = await linked.daemon.client.history.listMessages({ sessionId: 'a', kinds, pageSize: 1 });
    const key = messages[0]?.key;
    const request = { sessionId: 'a', chat: key?.chatJid ?? '', messageId: key?.messageId ?? '' };
    const { bytes } = await readMedia(linked.daemon.client, request);
    expect(bytes.equals(picture)).toBe(true);
  });
});

/** Lets all pictures of a backup be one that WhatsApp has. */
function describeImages(path: string, file: MediaReference): void {
  const database = new Database(path);
  try {
    const { changes } = database
      .prepare(
        `UPDATE message_media SET media_key = ?, direct_path = ?, file_hash = ?, enc_file_hash = ?, message_url = NULL
         WHERE message_row_id IN (SELECT _id FROM message WHERE message_type = 1)`,
      )
      .run(file.mediaKey, file.directPath, file.fileSha256.toString('base64'), file.fileEncSha256.toString('base64'));
    expect(changes).toBeGreaterThan(0);
  } finally {
    database.close();
  }
}
