import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { Curve, proto, WA_CERT_DETAILS } from '@whiskeysockets/baileys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { installCertificateCheck } from '../../src/whatsapp/certificate.js';
import type { RunningLink } from '../support/whatsapp-link.js';
import { LinkBench } from '../support/whatsapp-link.js';
import type { Account } from '../support/whatsapp/account.js';
import { issueCertificates } from '../support/whatsapp/certificates.js';
import { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };
const account = { phoneJid: '491700000001@s.whatsapp.net', lid: '900000000000001@lid' };

const { verify } = Curve;
const trusted = WA_CERT_DETAILS.PUBLIC_KEY;
let whatsapp: LoopbackWhatsApp;
let bench: LinkBench;
beforeEach(async () => {
  whatsapp = await LoopbackWhatsApp.listen({ claimsPreKeys: true });
  bench = await LinkBench.open();
  installCertificateCheck();
  WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(whatsapp.rootPublicKey);
});
afterEach(async () => {
  await bench.close();
  await whatsapp.close();
  Curve.verify = verify;
  WA_CERT_DETAILS.PUBLIC_KEY = trusted;
  expect(whatsapp.errors).toEqual([]);
});

/** Pairs a device by QR. */
async function pair(): Promise<Account> {
  const link = bench.connect({ url: whatsapp.url }, { phoneNumber: '' });
  const offer = await link.offered;
  const linked = await whatsapp.scanQr(offer.kind === 'qr' ? offer.payload : '', owner);
  expect(await link.closed).toEqual({ cause: 'restart', code: 515 });
  return linked;
}

/** Pairs a device and logs it in. */
async function logIn(times = {}): Promise<{ link: RunningLink; linked: Account }> {
  const linked = await pair();
  const link = bench.connect({ url: whatsapp.url, times });
  await link.caughtUp;
  return { link, linked };
}

describe('a link', () => {
  it('pairs by QR, stores its credentials, logs in with them, and says whose device it is', async () => {
    const { link } = await logIn();
    expect(await link.opened).toMatchObject(account);
    expect(await bench.storage.getCredentials()).toBeDefined();
    link.connection.close();
    expect(await link.closed).toEqual({ cause: 'ended', code: 0 });
    const again = bench.connect({ url: whatsapp.url });
    expect(await again.opened).toMatchObject(account);
  });

  it('pairs by a code for a number', async () => {
    const link = bench.connect({ url: whatsapp.url }, { phoneNumber: owner.phone });
    const offer = await link.offered;
    await whatsapp.typeCode(offer.kind === 'code' ? offer.code : '', owner);
    expect(await link.paired).toMatchObject(account);
    expect(await link.closed).toEqual({ cause: 'restart', code: 515 });
    await bench.connect({ url: whatsapp.url }).opened;
  });

  it('announces itself as a desktop that wants all history', async () => {
    await pair();
    const payload = whatsapp.payloads[0];
    expect(payload?.devicePairingData?.deviceProps).toBeDefined();
    expect(payload?.userAgent?.appVersion).toMatchObject({ primary: 2, secondary: 3000, tertiary: 1 });
  });

  it('shows nobody as online', async () => {
    const { linked } = await logIn();
    expect(linked.otherStanzas.entries.filter(({ attrs }) => attrs.type === 'available')).toEqual([]);
  });

  it('says that there is nothing to log in with', async () => {
    expect(await bench.connect({ url: whatsapp.url }).closed).toEqual({ cause: 'not-paired', code: 0 });
  });

  it('offers each QR code until there is none any more, and leaves nothing behind', async () => {
    const times = { firstQrMs: 20, nextQrMs: 20 };
    const link = bench.connect({ url: whatsapp.url, times }, { phoneNumber: '' });
    expect(await link.closed).toEqual({ cause: 'pairing-expired', code: 408 });
    expect(link.offers).toHaveLength(6);
    expect(await bench.storage.getCredentials()).toBeUndefined();
  });

  it('leaves nothing behind of a code that nobody typed', async () => {
    const link = bench.connect({ url: whatsapp.url }, { phoneNumber: owner.phone });
    expect(await link.offered).toMatchObject({ kind: 'code' });
    link.connection.close();
    expect(await link.closed).toEqual({ cause: 'ended', code: 0 });
    expect(await bench.storage.getCredentials()).toBeUndefined();
  });

  it('logs out, and WhatsApp knows of it', async () => {
    const { link, linked } = await logIn();
    expect(await link.connection.logOut()).toBe(true);
    expect(await link.closed).toEqual({ cause: 'ended', code: 0 });
    await linked.offline();
    expect(linked.companion).toBeUndefined();
  });

  it('may be closed before it has begun, and twice', async () => {
    const link = bench.connect({ url: whatsapp.url }, { phoneNumber: '' });
    link.connection.close();
    link.connection.close();
    expect(await link.closed).toEqual({ cause: 'ended', code: 0 });
    expect(await link.connection.logOut()).toBe(false);
  });
});

describe('a connection that ends', () => {
  it.each([
    [401, 'logged-out'],
    [403, 'banned'],
    [405, 'outdated'],
    [409, 'refused'],
    [503, 'transient'],
  ] as const)('with failure %i at the login is told as %s', async (code, cause) => {
    await pair();
    whatsapp.failNextLogin(code);
    expect(await bench.connect({ url: whatsapp.url }).closed).toEqual({ cause, code });
  });

  it.each([
    [401, 'logged-out'],
    [411, 'refused'],
    [440, 'replaced'],
    [500, 'transient'],
    [503, 'transient'],
    [515, 'restart'],
  ] as const)('with stream error %i is told as %s', async (code, cause) => {
    const { link, linked } = await logIn();
    linked.endStream(code);
    expect(await link.closed).toEqual({ cause, code });
  });

  it('by a cut is told as transient', async () => {
    const { link } = await logIn();
    whatsapp.cutAll();
    expect(await link.closed).toEqual({ cause: 'transient', code: 428 });
  });

  it.each([true, false])('by a refused upgrade is told at once (closed by the server: %s)', async (closes) => {
    await pair();
    whatsapp.refuseUpgrades(401, { closes });
    // What a proxy says is not what WhatsApp says: the device is not taken for removed.
    expect(await bench.connect({ url: whatsapp.url }).closed).toEqual({ cause: 'transient', code: 503 });
  });

  it('by silence is noticed, and cut where nobody answers the end either', async () => {
    const { link, linked } = await logIn({ keepAliveMs: 200, closeMs: 100 });
    linked.connection?.freeze();
    expect(await link.closed).toEqual({ cause: 'transient', code: 408 });
  });

  it('by a login that is never answered is noticed', async () => {
    const linked = await pair();
    linked.refuses = () => 'silence';
    const link = bench.connect({ url: whatsapp.url, times: { openMs: 200 } });
    expect(await link.closed).toEqual({ cause: 'transient', code: 408 });
  });

  it('by a server that says nothing at all is noticed', async () => {
    await pair();
    const mute = createServer((socket) => socket.on('error', () => undefined).resume());
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    // Safety: it listens on TCP.
    const { port } = mute.address() as AddressInfo;
    const link = bench.connect({ url: `ws://127.0.0.1:${port}/ws/chat`, times: { connectMs: 200, closeMs: 100 } });
    expect(await link.closed).toEqual({ cause: 'transient', code: 408 });
    await new Promise((resolve) => mute.close(resolve));
  });

  it('because nobody listens is told as transient', async () => {
    await pair();
    const gone = await LoopbackWhatsApp.listen();
    const { url } = gone;
    await gone.close();
    expect(await bench.connect({ url }).closed).toEqual({ cause: 'transient', code: 408 });
  });

  it.each(['leaf', 'intermediate'] as const)('because the %s is forged is refused', async (part) => {
    const certificates = issueCertificates(part);
    WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(certificates.rootPublicKey);
    const forger = await LoopbackWhatsApp.listen({ certificates });
    const link = bench.connect({ url: forger.url }, { phoneNumber: '' });
    expect(await link.closed).toEqual({ cause: 'refused', code: 400 });
    await forger.close();
  });

  it('says whether WhatsApp told that nothing waits any more, or only nobody spoke of it', async () => {
    const { link, linked } = await logIn();
    expect(await link.caughtUp).toBe(true);
    link.connection.close();
    await link.closed;
    linked.announcesOffline = false;
    const again = bench.connect({ url: whatsapp.url, times: { syncMs: 50 } });
    expect(await again.caughtUp).toBe(false);
  });

  it('tells of each sign of life', async () => {
    const { link, linked } = await logIn();
    const before = link.heard;
    const anna = whatsapp.addPerson({ phone: '491700000002', lid: '900000000000002', name: 'Anna' });
    await linked.acknowledged(await linked.deliver(anna, { conversation: 'one' }));
    expect(link.heard).toBeGreaterThan(before);
  });

  it('while the credentials cannot be stored is told as transient', async () => {
    await pair();
    const link = bench.connect({ url: whatsapp.url });
    bench.storage.write = () => Promise.reject(new Error('no room'));
    expect(await link.closed).toMatchObject({ cause: 'transient' });
  });
});

describe('what a link stores', () => {
  it('opens the next message after a restart', async () => {
    const { link, linked } = await logIn();
    const anna = whatsapp.addPerson({ phone: '491700000002', lid: '900000000000002', name: 'Anna' });
    await linked.acknowledged(await linked.deliver(anna, { conversation: 'one' }));
    link.connection.close();
    await link.closed;
    const again = bench.connect({ url: whatsapp.url });
    await again.caughtUp;
    await linked.acknowledged(await linked.deliver(anna, { conversation: 'two' }));
    expect(linked.waiting).toEqual([]);
  });

  it('lets the next messages be read while it is being written, and WhatsApp hear of none before', async () => {
    const { linked } = await logIn();
    const anna = whatsapp.addPerson({ phone: '491700000002', lid: '900000000000002', name: 'Anna' });
    await linked.acknowledged(await linked.deliver(anna, { conversation: 'first' }));
    const { write } = bench.storage;
    let allow: () => void = () => undefined;
    const allowed = new Promise<void>((resolve) => (allow = resolve));
    let writes = 0;
    bench.storage.write = async (change) => {
      writes++;
      const written = write(change);
      await allowed;
      await written;
    };
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.push(await linked.deliver(anna, { conversation: String(n) }));
    await expect.poll(() => writes).toBeGreaterThanOrEqual(5);
    expect(linked.waiting).toEqual(ids);
    allow();
    await Promise.all(ids.map((id) => linked.acknowledged(id)));
    expect(linked.acknowledgements.entries.filter(({ kind }) => kind === 'retry')).toEqual([]);
  });

  it('ends it when it cannot be written, and WhatsApp delivers again what came after', async () => {
    const { link, linked } = await logIn();
    const anna = whatsapp.addPerson({ phone: '491700000002', lid: '900000000000002', name: 'Anna' });
    await linked.acknowledged(await linked.deliver(anna, { conversation: 'first' }));
    const { write } = bench.storage;
    bench.storage.write = () => Promise.reject(new Error('no room'));
    const id = await linked.deliver(anna, { conversation: 'second' });
    expect(await link.closed).toMatchObject({ cause: 'transient' });
    expect(linked.waiting).toEqual([id]);
    bench.storage.write = write;
    const again = bench.connect({ url: whatsapp.url });
    await again.caughtUp;
    expect(await linked.acknowledged(id)).toMatchObject({ kind: 'receipt', error: undefined });
  });

  it('lets leave what the library has sent before it closes', async () => {
    const { link, linked } = await logIn();
    const { write } = bench.storage;
    let allow: () => void = () => undefined;
    const allowed = new Promise<void>((resolve) => (allow = resolve));
    let writes = 0;
    bench.storage.write = async (change) => {
      writes++;
      await Promise.all([write(change), allowed]);
    };
    const anna = whatsapp.addPerson({ phone: '491700000002', lid: '900000000000002', name: 'Anna' });
    await linked.deliver(anna, { conversation: 'held' });
    await expect.poll(() => writes).toBeGreaterThan(0);
    const loggedOut = link.connection.logOut();
    allow();
    expect(await loggedOut).toBe(true);
    await linked.offline();
    expect(linked.companion).toBeUndefined();
  });
});

describe('older messages', () => {
  const question = {
    chatJid: '900000000000002@lid',
    before: { messageId: 'A1', fromMe: true, sentMs: 1_700_000_000_000 },
    count: 50,
  };

  it('are asked of the own phone, and of nobody else', async () => {
    const { link, linked } = await logIn();
    const asked: unknown[] = [];
    linked.script.onHistoryRequest = (request, id) => {
      asked.push([id, proto.Message.PeerDataOperationRequestMessage.HistorySyncOnDemandRequest.fromObject(request)]);
      return undefined;
    };
    // The phone opens a session with the device by its first message.
    await linked.acknowledgements.waitFor(({ type }) => type === 'hist_sync');
    const { id, sent: sending } = link.connection.requestOlder(question);
    await sending;
    const sent = await linked.sent.waitFor();
    expect(sent).toMatchObject({ id, category: 'peer', to: account.phoneJid });
    await expect.poll(() => asked.length).toBe(1);
    expect(JSON.parse(JSON.stringify(asked[0]))).toEqual([
      id,
      {
        chatJid: question.chatJid,
        oldestMsgId: 'A1',
        oldestMsgFromMe: true,
        oldestMsgTimestampMs: '1700000000000',
        onDemandMsgCount: 50,
      },
    ]);
    expect(linked.sent.entries).toHaveLength(1);
    expect(linked.otherStanzas.entries.filter(({ attrs }) => attrs.type === 'available')).toEqual([]);
  });

  it('cannot be asked for when the link has ended', async () => {
    const { link } = await logIn();
    link.connection.close();
    await link.closed;
    await expect(link.connection.requestOlder(question).sent).rejects.toThrow('not open');
  });
});
