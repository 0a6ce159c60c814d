import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Curve, proto, WA_CERT_DETAILS } from '@whiskeysockets/baileys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BaileysClient, linkClient, newClientState } from '../support/whatsapp/baileys-client.js';
import { isSignedBy, issueCertificates } from '../support/whatsapp/certificates.js';
import { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };

let whatsapp: LoopbackWhatsApp;
beforeEach(async () => {
  whatsapp = await LoopbackWhatsApp.listen();
});
afterEach(async () => {
  await whatsapp.close();
  expect(whatsapp.errors).toEqual([]);
});

describe('a client that is not linked', () => {
  it('is linked by its QR code and logs in afterwards', async () => {
    const state = newClientState();
    const first = new BaileysClient(whatsapp, state);
    const account = await whatsapp.scanQr(await first.qr(), owner);
    expect(await first.closed()).toBe(515);
    expect(state.creds.me).toMatchObject({ id: '491700000001:1@s.whatsapp.net', lid: '900000000000001:1@lid' });

    const second = new BaileysClient(whatsapp, state);
    await second.opened();
    const history = await second.next('messaging-history.set');
    expect(history.syncType).toBe(proto.HistorySync.HistorySyncType.INITIAL_BOOTSTRAP);
    await account.acknowledgements.waitFor(({ type }) => type === 'hist_sync');
    // One of the 812 went into the session with the own phone.
    expect(account.companion?.preKeysLeft).toBe(811);
    expect(second.socket.user).toMatchObject({ lid: '900000000000001:1@lid' });
    await second.end();
  });

  it('is linked by the code that it shows', async () => {
    const state = newClientState();
    const first = new BaileysClient(whatsapp, state);
    await first.qr();
    const code = await first.socket.requestPairingCode(owner.phone);
    expect(code).toMatch(/^\w{8}$/);
    await whatsapp.typeCode(code, owner);
    expect(await first.closed()).toBe(515);
    expect(state.creds.registered).toBe(true);

    const second = new BaileysClient(whatsapp, state);
    await second.opened();
    await second.end();
  });

  it('is not linked by another code', async () => {
    const client = new BaileysClient(whatsapp, newClientState());
    await client.qr();
    await client.socket.requestPairingCode(owner.phone, 'AAAAAAAA');
    await expect(whatsapp.typeCode('BBBBBBBB', owner)).rejects.toThrow('another code');
    expect(whatsapp.account(owner.phone).companion).toBeUndefined();
    await client.end();
  });

  it('says at registration what it is and how much history it wants', async () => {
    const client = new BaileysClient(whatsapp, newClientState());
    await client.qr();
    const [payload] = whatsapp.payloads;
    const props = proto.DeviceProps.decode(payload?.devicePairingData?.deviceProps ?? new Uint8Array());
    expect(props).toMatchObject({ os: 'Mac OS', requireFullSync: true });
    await client.end();
  });

  it('gives up with 408 when nobody scans', async () => {
    const client = new BaileysClient(whatsapp, newClientState(), { qrTimeout: 5 });
    expect(await client.closed()).toBe(408);
    const codes = new Set(client.seen('connection.update').flatMap(({ qr }) => qr ?? []));
    expect(codes.size).toBe(6);
  });

  it('cannot be scanned once it is gone', async () => {
    const client = new BaileysClient(whatsapp, newClientState());
    const qr = await client.qr();
    const gone = whatsapp.disconnection();
    await client.end();
    await gone;
    await expect(whatsapp.scanQr(qr, owner)).rejects.toThrow('no client that waits');
  });
});

describe('a linked client', () => {
  it('logs in again with the keys it has', async () => {
    const { client, account, state } = await linkClient(whatsapp, owner);
    await client.end();
    const again = new BaileysClient(whatsapp, state);
    await again.opened();
    const payload = whatsapp.payloads.at(-1);
    expect([String(payload?.username), payload?.device]).toEqual([owner.phone, 1]);
    expect(account.companion?.preKeysLeft).toBeGreaterThan(800);
    await again.end();
  });

  it('is refused when somebody else linked the account since', async () => {
    const { client, state } = await linkClient(whatsapp, owner);
    await client.end();
    const other = await linkClient(whatsapp, owner);
    expect(other.state.creds.me?.id).toBe('491700000001:2@s.whatsapp.net');
    await other.client.end();
    const refused = new BaileysClient(whatsapp, state);
    expect(await refused.closed()).toBe(401);
  });

  it('is replaced with 440 when its credentials log in elsewhere', async () => {
    const { client, state } = await linkClient(whatsapp, owner);
    const elsewhere = new BaileysClient(whatsapp, state);
    expect(await client.closed()).toBe(440);
    await elsewhere.opened();
    await elsewhere.end();
  });

  it('is told with 401 that the phone removed it, now and at the next login', async () => {
    const { client, account, state } = await linkClient(whatsapp, owner);
    account.unlink();
    expect(await client.closed()).toBe(401);
    expect(await new BaileysClient(whatsapp, state).closed()).toBe(401);
  });

  it('leaves the account by logging out', async () => {
    const { client, account, state } = await linkClient(whatsapp, owner);
    await client.socket.logout();
    expect(await client.closed()).toBe(401);
    await account.offline();
    expect(account.companion).toBeUndefined();
    expect(await new BaileysClient(whatsapp, state).closed()).toBe(401);
  });
});

describe('a strict check of certificates', () => {
  const { verify } = Curve;
  const trusted = WA_CERT_DETAILS.PUBLIC_KEY;
  beforeEach(() => {
    Curve.verify = isSignedBy;
  });
  afterEach(() => {
    Curve.verify = verify;
    WA_CERT_DETAILS.PUBLIC_KEY = trusted;
  });

  it('passes when it is given the root', async () => {
    WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(whatsapp.rootPublicKey);
    const { client } = await linkClient(whatsapp, owner);
    await client.end();
  });

  it('passes in another process that is made to trust', async () => {
    const module = new URL('../support/whatsapp/trust-loopback.js', import.meta.url).pathname;
    const { url } = await whatsapp.media.upload(Buffer.alloc(1000), 'image');
    const script = `
      const { WA_CERT_DETAILS } = await import('@whiskeysockets/baileys');
      const response = await fetch(${JSON.stringify(url)});
      console.log(WA_CERT_DETAILS.PUBLIC_KEY.toString('hex'), (await response.arrayBuffer()).byteLength);`;
    const env = { ...process.env, ...whatsapp.childEnvironment };
    const args = ['--import', module, '--input-type=module', '--eval', script];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env });
    expect(stdout.trim()).toBe(`${whatsapp.rootPublicKey.toString('hex')} 1018`);
  });

  it('fails with 400 when it is not', async () => {
    expect(await new BaileysClient(whatsapp, newClientState()).closed()).toBe(400);
    expect(whatsapp.payloads).toEqual([]);
  });

  it.each(['leaf', 'intermediate'] as const)('fails with 400 for a forged %s', async (part) => {
    const certificates = issueCertificates(part);
    WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(certificates.rootPublicKey);
    const forger = await LoopbackWhatsApp.listen({ certificates });
    expect(await new BaileysClient(forger, newClientState()).closed()).toBe(400);
    await forger.close();
    expect(forger.errors).toEqual([]);
  });
});
