import { createHmac, randomBytes, randomInt } from 'node:crypto';
import type { BinaryNode } from '@whiskeysockets/baileys';
import { Curve, proto, WA_ADV_ACCOUNT_SIG_PREFIX, WA_ADV_DEVICE_SIG_PREFIX } from '@whiskeysockets/baileys';
import type { Account } from './account.js';
import { isSignedBy } from './certificates.js';
import { Companion, readRegistration } from './companion.js';
import type { Registration } from './companion.js';
import type { Client, Connection } from './connection.js';
import { bytesAt, find, node, nowSeconds, SERVER_JID } from './nodes.js';
import { PairingCode } from './pairing-code.js';

// As many as the real server sends; a client shows each for 20 s.
const REFS = 6;

/** A client that has connected without an account and waits for a phone. */
export interface Candidate {
  readonly connection: Connection;
  readonly registration: Registration;
  readonly refs: string[];
  /** The code that its user reads to the phone, once it has asked for one. */
  code?: PairingCode;
  /** What was vouched for and has to be signed by the device. */
  vow?: Vow;
}

interface Vow {
  stanzaId: string;
  account: Account;
  device: number;
  details: Uint8Array;
  done: () => void;
  fail: (error: unknown) => void;
}

/** Links devices to accounts, from the first connection to the moment when the device has to log in. */
export class Pairing {
  readonly #candidates = new Map<Connection, Candidate>();
  #awaitingCode: { phone: string; resolve: (candidate: Candidate) => void }[] = [];

  /** The clients that wait, by connection. */
  find(connection: Connection): Candidate | undefined {
    return this.#candidates.get(connection);
  }

  /** Takes a client that has no account yet, and gives it what it needs for QR codes. */
  register(connection: Connection, client: Client): void {
    const registration = readRegistration(client.payload, client.noiseKey);
    const refs = Array.from({ length: REFS }, () => `2@${randomBytes(24).toString('base64')}`);
    this.#candidates.set(connection, { connection, registration, refs });
    const content = refs.map((ref) => node('ref', {}, Buffer.from(ref)));
    connection.send(setIq(nextId(), [node('pair-device', {}, content)]));
  }

  /** Reads a QR code with the phone of an account. Resolves when the device is linked and has to log in. */
  async scan(qr: string, account: Account): Promise<void> {
    const [ref = '', noise = '', identity = '', secret = ''] = qr.slice(qr.indexOf('#') + 1).split(',');
    const candidate = [...this.#candidates.values()].find((each) => each.refs.includes(ref));
    if (candidate === undefined) throw new Error('the QR code belongs to no client that waits');
    const { identityKey, noiseKey } = candidate.registration;
    if (!identityKey.equals(Buffer.from(identity, 'base64')) || !noiseKey.equals(Buffer.from(noise, 'base64'))) {
      throw new Error('the keys of the QR code are not those of the client');
    }
    await this.#vouch(candidate, account, Buffer.from(secret, 'base64'));
  }

  /**
   * Types a code into the phone of an account, once a client has asked for one for its number. Throws when the client
   * shows another code.
   */
  async type(typed: string, account: Account): Promise<void> {
    const candidate = await this.#codeFor(account.phone.phone ?? '');
    const { code, connection } = candidate;
    if (code === undefined) throw new Error('the client shows no code any more');
    const hello = await code.typed(typed, account.phone.identityKeys);
    const attributes = { from: SERVER_JID, type: 'link_code_companion_reg', id: nextId(), t: String(nowSeconds()) };
    connection.send(node('notification', attributes, [hello]));
    await this.#vouch(candidate, account, await code.secret);
  }

  /** Takes a query of a client that is not linked. */
  take(candidate: Candidate, query: BinaryNode): void {
    const request = find(query, 'link_code_companion_reg');
    if (request?.attrs.stage === 'companion_hello') this.#takeHello(candidate, new PairingCode(request));
    if (request?.attrs.stage === 'companion_finish') candidate.code?.finish(request, candidate.registration);
  }

  /** Takes the device's signature. Throws when it is not the device's own. */
  takeResult(candidate: Candidate, result: BinaryNode): void {
    const { vow, registration, connection } = candidate;
    if (vow === undefined || result.attrs.id !== vow.stanzaId) return;
    const signed = proto.ADVSignedDeviceIdentity.decode(bytesAt(result, 'pair-device-sign', 'device-identity'));
    const { account, details } = vow;
    const accountKey = account.phone.identityKeys.public;
    const content = Buffer.concat([WA_ADV_DEVICE_SIG_PREFIX, details, registration.identityKey, accountKey]);
    if (!signed.deviceSignature || !isSignedBy(registration.identityKey, content, signed.deviceSignature)) {
      const error = new Error('the device has not signed its identity');
      vow.fail(error);
      throw error;
    }
    account.link(new Companion(account.phone.phone ?? '', vow.device, registration));
    connection.sendLast(node('stream:error', { code: '515' }));
    vow.done();
  }

  /** The connection is gone. */
  disconnected(connection: Connection): void {
    const candidate = this.#candidates.get(connection);
    this.#candidates.delete(connection);
    const error = new Error('the client went away');
    candidate?.code?.fail(error);
    candidate?.vow?.fail(error);
  }

  #takeHello(candidate: Candidate, code: PairingCode): void {
    candidate.code = code;
    const ready = this.#awaitingCode.filter(({ phone }) => phone === code.phone);
    this.#awaitingCode = this.#awaitingCode.filter((waiting) => !ready.includes(waiting));
    for (const { resolve } of ready) resolve(candidate);
  }

  /** A client knows its code before the server hears that there is one. */
  #codeFor(phone: string): Promise<Candidate> {
    const candidate = [...this.#candidates.values()].find((each) => each.code?.phone === phone);
    if (candidate !== undefined) return Promise.resolve(candidate);
    return new Promise((resolve) => this.#awaitingCode.push({ phone, resolve }));
  }

  #vouch(candidate: Candidate, account: Account, secret: Buffer): Promise<void> {
    const phone = account.phone.identityKeys;
    const details = proto.ADVDeviceIdentity.encode({
      rawId: randomInt(1, 2 ** 31 - 1),
      timestamp: nowSeconds(),
      keyIndex: 1,
    }).finish();
    const vouched = Buffer.concat([WA_ADV_ACCOUNT_SIG_PREFIX, details, candidate.registration.identityKey]);
    const signed = proto.ADVSignedDeviceIdentity.encode({
      details,
      accountSignatureKey: phone.public,
      accountSignature: Curve.sign(phone.private, vouched),
    }).finish();
    const container = proto.ADVSignedDeviceIdentityHMAC.encode({
      details: signed,
      hmac: createHmac('sha256', secret).update(signed).digest(),
    }).finish();
    const device = account.nextDevice();
    const suffix = `:${device}@`;
    const stanzaId = nextId();
    const success = node('pair-success', {}, [
      node('device-identity', {}, container),
      node('device', {
        jid: account.phone.jid('pn').replace('@', suffix),
        lid: account.phone.jid('lid').replace('@', suffix),
      }),
      node('platform', { name: 'android' }),
    ]);
    return new Promise((done, fail) => {
      candidate.vow = { stanzaId, account, device, details, done, fail };
      candidate.connection.send(setIq(stanzaId, [success], { t: String(nowSeconds()) }));
    });
  }
}

function setIq(id: string, content: BinaryNode[], more: Record<string, string> = {}): BinaryNode {
  return node('iq', { from: SERVER_JID, type: 'set', id, xmlns: 'md', ...more }, content);
}

function nextId(): string {
  return `loopback-${randomBytes(6).toString('hex')}`;
}
