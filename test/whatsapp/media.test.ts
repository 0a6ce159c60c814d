import { randomBytes } from 'node:crypto';
import { WA_CERT_DETAILS } from '@whiskeysockets/baileys';
import { type Dispatcher, getGlobalDispatcher, setGlobalDispatcher } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MediaLink, MediaSource } from '../../src/session/link/link-media.js';
import { downloadMedia } from '../../src/whatsapp/download-media.js';
import { LinkBench } from '../support/whatsapp-link.js';
import type { Account } from '../support/whatsapp/account.js';
import { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';
import type { MediaReference } from '../support/whatsapp/media-server.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };
const forever = new AbortController().signal;

const trusted = WA_CERT_DETAILS.PUBLIC_KEY;
let whatsapp: LoopbackWhatsApp;
let bench: LinkBench;
let account: Account;
let media: MediaLink;
let dispatcher: Dispatcher;
beforeEach(async () => {
  whatsapp = await LoopbackWhatsApp.listen({ claimsPreKeys: true });
  bench = await LinkBench.open();
  WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(whatsapp.rootPublicKey);
  dispatcher = getGlobalDispatcher();
  setGlobalDispatcher(whatsapp.media.dispatcher);
  const pairing = bench.connect({ url: whatsapp.url }, { phoneNumber: '' });
  const offer = await pairing.offered;
  account = await whatsapp.scanQr(offer.kind === 'qr' ? offer.payload : '', owner);
  await pairing.closed;
  const link = bench.connect({ url: whatsapp.url, times: { reuploadMs: 2000 } });
  await link.caughtUp;
  media = link.connection.media;
});
afterEach(async () => {
  await bench.close();
  setGlobalDispatcher(dispatcher);
  await whatsapp.close();
  WA_CERT_DETAILS.PUBLIC_KEY = trusted;
  expect(whatsapp.errors).toEqual([]);
});

const sourceOf = (file: MediaReference): MediaSource => ({
  kind: 'image',
  directPath: file.directPath,
  url: file.url,
  mediaKey: file.mediaKey,
  encryptedSha256: file.fileEncSha256,
});

async function download(source: MediaSource, signal = forever): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of media.download(source, signal)) parts.push(part);
  return Buffer.concat(parts);
}

describe('a download', () => {
  const picture = randomBytes(123_457);

  it('goes by the path, or by the address where there is none', async () => {
    const source = sourceOf(await whatsapp.media.upload(picture, 'image'));
    expect((await download(source)).equals(picture)).toBe(true);
    expect((await download({ ...source, directPath: '' })).equals(picture)).toBe(true);
    expect((await download({ ...source, url: '', encryptedSha256: new Uint8Array() })).equals(picture)).toBe(true);
  });

  it('of an empty file is empty', async () => {
    expect(await download(sourceOf(await whatsapp.media.upload(Buffer.alloc(0), 'image')))).toHaveLength(0);
  });

  it('of a file that is not encrypted is what came', async () => {
    // The server has only encrypted files: what it has is then the content.
    const file = await whatsapp.media.upload(picture, 'image');
    const source = { ...sourceOf(file), mediaKey: new Uint8Array(), encryptedSha256: new Uint8Array() };
    expect((await download(source)).length).toBeGreaterThan(picture.length);
  });

  it.each([
    ['another host', { directPath: '', url: 'https://files.example.org/v/1.enc' }],
    ['a host that only ends like it', { directPath: '', url: 'https://mmg.evil-whatsapp.net.example/v/1.enc' }],
    ['plain HTTP', { directPath: '', url: 'http://mmg.whatsapp.net/v/1.enc' }],
    ['another port', { directPath: '', url: 'https://mmg.whatsapp.net:8443/v/1.enc' }],
    ['no address at all', { directPath: 'v/1.enc', url: 'no address' }],
  ])('never goes to %s', async (_, place) => {
    const source = sourceOf(await whatsapp.media.upload(picture, 'image'));
    await expect(download({ ...source, ...place })).rejects.toMatchObject({ trouble: 'dropped' });
    expect(whatsapp.media.requests).toEqual([]);
  });

  it.each([
    [404, 'dropped'],
    [410, 'dropped'],
    [403, 'dropped'],
    [503, 'unreachable'],
    ['half', 'unreachable'],
    ['short', 'damaged'],
    ['garbage', 'damaged'],
  ] as const)('that is answered by %s ends as %s', async (fault, trouble) => {
    const source = sourceOf(await whatsapp.media.upload(picture, 'image'));
    whatsapp.media.failNext(fault);
    await expect(download(source)).rejects.toMatchObject({ trouble });
  });

  it('from a server that falls silent in the middle is given up', async () => {
    const source = sourceOf(await whatsapp.media.upload(picture, 'image'));
    whatsapp.media.failNext('silent');
    const parts = downloadMedia(source, fetch, 100, forever)[Symbol.asyncIterator]();
    const end = async (): Promise<void> => {
      while ((await parts.next()).done !== true);
    };
    await expect(end()).rejects.toMatchObject({ trouble: 'unreachable' });
  });

  it('with the key of another file, or the hash of another, ends as damaged', async () => {
    const source = sourceOf(await whatsapp.media.upload(picture, 'image'));
    await expect(download({ ...source, mediaKey: randomBytes(32) })).rejects.toMatchObject({ trouble: 'damaged' });
    await expect(download({ ...source, kind: 'video' })).rejects.toMatchObject({ trouble: 'damaged' });
    await expect(download({ ...source, encryptedSha256: randomBytes(32) })).rejects.toMatchObject({
      trouble: 'damaged',
    });
  });

  it('ends when it is stopped', async () => {
    const source = sourceOf(await whatsapp.media.upload(picture, 'image'));
    const stop = new AbortController();
    for await (const part of media.download(source, stop.signal)) {
      expect(part.length).toBeGreaterThan(0);
      break;
    }
    stop.abort(new Error('enough'));
    await expect(download(source, stop.signal)).rejects.toThrow('enough');
  });
});

describe('asking the phone', () => {
  const message = { chatJid: '49170@s.whatsapp.net', senderJid: '', fromMe: true, messageId: 'M1' };

  it('tells where the file is now', async () => {
    const file = await whatsapp.media.upload(randomBytes(10), 'image');
    const named: unknown[] = [];
    account.script.onReuploadRequest = (id, about) => {
      named.push({ id, ...about });
      return { mediaKey: file.mediaKey, directPath: '/v/again.enc' };
    };
    const answer = await media.askPhone(message, file.mediaKey, forever);
    expect(answer).toEqual({ answer: 'uploaded', directPath: '/v/again.enc' });
    expect(named).toEqual([{ id: 'M1', jid: '49170@s.whatsapp.net', from_me: 'true' }]);
  });

  it('tells that it is not there, that nobody answers, and that somebody answered with another key', async () => {
    const mediaKey = randomBytes(32);
    account.script.onReuploadRequest = () => undefined;
    expect(await media.askPhone(message, mediaKey, forever)).toEqual({ answer: 'not-found' });
    account.script.onReuploadRequest = () => 'silence';
    expect(await media.askPhone(message, mediaKey, forever)).toEqual({ answer: 'silent' });
    account.script.onReuploadRequest = () => ({ mediaKey: randomBytes(32), directPath: '/v/other.enc' });
    expect(await media.askPhone(message, mediaKey, forever)).toEqual({ answer: 'silent' });
  });

  it('ends with the connection', async () => {
    account.script.onReuploadRequest = () => {
      whatsapp.cutAll();
      return 'silence';
    };
    expect(await media.askPhone(message, randomBytes(32), forever)).toEqual({ answer: 'silent' });
    expect(await media.askPhone(message, randomBytes(32), forever)).toEqual({ answer: 'silent' });
  });
});
