import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { reasonOf } from '../support/backfill-walk.js';
import { CallError } from '../../src/cli/call-error.js';
import { LinkState } from '../../src/gen/scrollback/v1/session_service_pb.js';
import { LinkedDaemon } from '../support/linked-daemon.js';
import { readMedia, storedMedia } from '../support/read-media.js';
import type { Account } from '../support/whatsapp/account.js';
import type { MediaReference } from '../support/whatsapp/media-server.js';
import type { Peer } from '../support/whatsapp/peer.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };
const ANNA = '491700000002@s.whatsapp.net';

let linked: LinkedDaemon;
let account: Account;
let anna: Peer;
beforeAll(async () => {
  linked = await LinkedDaemon.start();
});
beforeEach(async () => {
  account = await linked.link('a', owner);
  await linked.until('a', LinkState.ONLINE);
  anna = linked.whatsapp.addPerson({ phone: '491700000002', name: 'Anna' });
});
afterEach(() => linked.renew());
afterAll(() => linked.remove());

/** A picture on WhatsApp's servers, and the message that it came with, when it is stored. */
async function deliverImage(
  bytes: Buffer,
  from: Peer = anna,
  chat?: Parameters<Account['deliver']>[2],
): Promise<{ id: string; file: MediaReference }> {
  const file = await linked.whatsapp.media.upload(bytes, 'image');
  const image = { ...file, mimetype: 'image/jpeg', caption: 'look' };
  const id = await account.deliver(from, { imageMessage: image }, chat);
  await stored(id);
  return { id, file };
}

/** Resolves when a message can be read. */
async function stored(messageId: string): Promise<void> {
  for await (const { messages } of linked.daemon.client.history.watchMessages({ sessionId: 'a' })) {
    if (messages.some(({ key }) => key?.messageId === messageId)) return;
    const found = await linked.daemon.client.history.getMessage({ sessionId: 'a', messageId }).catch(() => undefined);
    if (found !== undefined) return;
  }
}

const read = (messageId: string, more = {}) => readMedia(linked.daemon.client, { sessionId: 'a', messageId, ...more });
const requests = (): number[] => linked.whatsapp.media.requests.map(({ status }) => status);
const media = (): Promise<string[]> => storedMedia(linked.daemon.dataDirectory);

/** Removes all files of messages, as if nobody had read them for long. */
async function removeMedia(): Promise<void> {
  const sessions = join(linked.daemon.dataDirectory, 'sessions');
  for (const session of await readdir(sessions)) await rm(join(sessions, session, 'media'), { recursive: true });
}

/** A file on the phone, which has dropped from the server and comes back when the phone is asked. */
function phoneHas(file: MediaReference, named?: Record<string, string>[]): void {
  linked.whatsapp.media.drop(file.directPath);
  account.script.onReuploadRequest = (_, about) => {
    named?.push(about);
    return { mediaKey: file.mediaKey, directPath: linked.whatsapp.media.restore(file.directPath) };
  };
}

describe('the file of a message', () => {
  it('is downloaded once, and then read without the link, whole or in part', async () => {
    const picture = randomBytes(300_000);
    const { id, file } = await deliverImage(picture);
    const first = await read(id, { chat: ANNA });
    expect(first.file).toMatchObject({ mimeType: 'image/jpeg', fileName: '', sizeBytes: 300_000n });
    expect(Buffer.from(first.file.sha256)).toEqual(file.fileSha256);
    expect(first.bytes.equals(picture)).toBe(true);
    expect(Math.max(...first.frames)).toBe(64 * 1024);

    await linked.daemon.client.sessions.unlinkSession({ sessionId: 'a' });
    expect((await read(id)).bytes.equals(picture)).toBe(true);
    const part = await read(id, { offset: 100_000n, length: 150_000n });
    expect(part.bytes.equals(picture.subarray(100_000, 250_000))).toBe(true);
    expect(part.file.sizeBytes).toBe(300_000n);
    expect((await read(id, { offset: 299_990n, length: 500n })).bytes.equals(picture.subarray(299_990))).toBe(true);
    expect((await read(id, { offset: 300_000n })).frames).toEqual([]);
    await expect(read(id, { offset: 300_001n })).rejects.toMatchObject({
      reason: 'MEDIA_OFFSET',
      metadata: { size_bytes: '300000' },
    });
    expect(requests()).toEqual([200]);
    expect(await media()).toEqual([file.fileSha256.toString('hex')]);
  });

  it('is there once for readers at the same time, and for messages that share it', async () => {
    const picture = randomBytes(100_000);
    const { id, file } = await deliverImage(picture);
    const again = await account.deliver(anna, { imageMessage: { ...file, mimetype: 'image/jpeg' } });
    await stored(again);
    linked.whatsapp.media.failNext('slow');
    const all = await Promise.all([read(id), read(id), read(again), read(id, { offset: 99_000n })]);
    expect(all.map(({ bytes }) => bytes.length)).toEqual([100_000, 100_000, 100_000, 1000]);
    expect(requests()).toEqual([200]);
  });

  it('comes from a group, and from a person who has only a LID', async () => {
    const lena = linked.whatsapp.addPerson({ lid: '900000000000007', name: 'Lena' });
    const members = [account.phone, lena];
    const group = linked.whatsapp.groups.create({ subject: 'Group', creator: lena, members, addressing: 'lid' });
    const inGroup = await deliverImage(randomBytes(5000), lena, { chat: group.jid });
    const direct = await deliverImage(randomBytes(6000), lena);
    const named: Record<string, string>[] = [];
    for (const { id, file } of [inGroup, direct]) {
      phoneHas(file, named);
      expect((await read(id)).bytes.length).toBe(file.fileLength);
    }
    expect(named).toEqual([
      { jid: group.jid, from_me: 'false', participant: '900000000000007@lid' },
      { jid: '900000000000007@lid', from_me: 'false' },
    ]);
  });

  it('is as it was sent, whatever kind it has', async () => {
    const bytes = randomBytes(40_001);
    const audio = await linked.whatsapp.media.upload(bytes, 'ptt');
    const video = await linked.whatsapp.media.upload(bytes, 'video');
    const paper = await linked.whatsapp.media.upload(bytes, 'document');
    const sticker = await linked.whatsapp.media.upload(bytes, 'sticker');
    const messages = [
      { audioMessage: { ...audio, ptt: true, mimetype: 'audio/ogg; codecs=opus' } },
      { videoMessage: { ...video, mimetype: 'video/mp4' } },
      { documentMessage: { ...paper, mimetype: 'application/pdf', fileName: 'tax/../2025.pdf' } },
      { stickerMessage: { ...sticker, mimetype: 'image/webp' } },
    ];
    const files = [];
    for (const message of messages) {
      const id = await account.deliver(anna, message);
      await stored(id);
      files.push(await read(id));
      // They all have the same content: only the first would be fetched.
      await linked.daemon.kill9();
      await removeMedia();
      await linked.daemon.restart();
      await linked.until('a', LinkState.ONLINE);
    }
    expect(files.map(({ bytes: got }) => got.equals(bytes))).toEqual([true, true, true, true]);
    expect(files.map(({ file }) => file.fileName)).toEqual(['', '', 'tax/../2025.pdf', '']);
  });

  it('is not there for a text, a message that was deleted, or one that nobody knows', async () => {
    const text = await account.deliver(anna, { conversation: 'no file' });
    const { id } = await deliverImage(randomBytes(1000));
    const key = { remoteJid: ANNA, fromMe: true, id };
    await account.deliver(anna, { protocolMessage: { type: 0, key } });
    const revoked = async (): Promise<boolean> => {
      const { messages } = await linked.daemon.client.history.getMessage({ sessionId: 'a', messageId: id });
      return messages[0]?.revocation !== undefined;
    };
    await expect.poll(revoked, { timeout: 10_000 }).toBe(true);
    expect(await reasonOf(read(text))).toBe('MEDIA_NOT_FOUND');
    expect(await reasonOf(read(id))).toBe('MEDIA_NOT_FOUND');
    expect(await reasonOf(read('nobody'))).toBe('MESSAGE_NOT_FOUND');
    expect(requests()).toEqual([]);
  });
});

describe('a file that the server has dropped', () => {
  it('is asked of the phone, and then fetched', async () => {
    const picture = randomBytes(10_000);
    const { id, file } = await deliverImage(picture);
    phoneHas(file);
    expect((await read(id)).bytes.equals(picture)).toBe(true);
    expect(requests()).toEqual([404, 200]);
  });

  it('is asked by the other address of the chat when the phone does not know the first', async () => {
    const picture = randomBytes(10_000);
    const bert = linked.whatsapp.addPerson({ phone: '491700000003', lid: '900000000000003', name: 'Bert' });
    const { id, file } = await deliverImage(picture, bert, { addressing: 'lid' });
    linked.whatsapp.media.drop(file.directPath);
    const named: string[] = [];
    account.script.onReuploadRequest = (_, { jid = '' }) => {
      named.push(jid);
      if (!jid.endsWith('@lid')) return undefined;
      return { mediaKey: file.mediaKey, directPath: linked.whatsapp.media.restore(file.directPath) };
    };
    expect((await read(id)).bytes.equals(picture)).toBe(true);
    expect(named).toEqual(['491700000003@s.whatsapp.net', '900000000000003@lid']);
  });

  it('is gone when the phone does not have it either', async () => {
    const { id, file } = await deliverImage(randomBytes(10_000));
    linked.whatsapp.media.drop(file.directPath);
    account.script.onReuploadRequest = () => undefined;
    await expect(read(id)).rejects.toMatchObject({ reason: 'MEDIA_GONE', metadata: { phone_answered: 'true' } });
    expect(await media()).toEqual([]);
  });
});

describe('what is not the file that was sent', () => {
  it('is refused, and nothing of it stays', async () => {
    const { id } = await deliverImage(randomBytes(100_000));
    linked.whatsapp.media.failNext('garbage', 'short', 'garbage');
    expect(await reasonOf(read(id))).toBe('MEDIA_DAMAGED');
    expect(requests()).toEqual([200, 200, 200]);
    expect(await media()).toEqual([]);
  });

  it('is refused also when it is sealed as it should be', async () => {
    const file = await linked.whatsapp.media.upload(randomBytes(1000), 'image');
    const id = await account.deliver(anna, { imageMessage: { ...file, fileSha256: randomBytes(32) } });
    await stored(id);
    expect(await reasonOf(read(id))).toBe('MEDIA_DAMAGED');
    expect(await media()).toEqual([]);
  });

  it('is asked for again when a connection breaks or the server is in trouble', async () => {
    const picture = randomBytes(100_000);
    const { id } = await deliverImage(picture);
    linked.whatsapp.media.failNext('half', 503);
    expect((await read(id)).bytes.equals(picture)).toBe(true);
    linked.whatsapp.media.failNext(500, 502, 503);
    const other = await deliverImage(randomBytes(1000));
    await expect(read(other.id)).rejects.toMatchObject({ reason: 'MEDIA_UNREACHABLE', metadata: { code: '503' } });
  });
});

describe('without a link', () => {
  it('only what is here can be read, and the rest says what to do', async () => {
    const { id } = await deliverImage(randomBytes(1000));
    await linked.daemon.client.sessions.unlinkSession({ sessionId: 'a' });
    const error: unknown = await read(id).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CallError);
    expect(error).toMatchObject({ reason: 'MEDIA_NOT_AVAILABLE', metadata: { link_state: 'unlinked' } });
    expect(requests()).toEqual([]);
  });
});
