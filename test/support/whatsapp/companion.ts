import type { BinaryNode, proto, SignalRepository } from '@whiskeysockets/baileys';
import { generateSignalPubKey } from '@whiskeysockets/baileys';
import { isSignedBy } from './certificates.js';
import { bytesAt, childrenOf, find, numberAt } from './nodes.js';

type Session = Parameters<SignalRepository['injectE2ESession']>[0]['session'];
type SignedPreKey = Session['signedPreKey'];
type PreKey = NonNullable<Session['preKey']>;

/** What a device tells of itself when it registers. */
export interface Registration {
  identityKey: Buffer;
  noiseKey: Buffer;
  registrationId: number;
  signedPreKey: SignedPreKey;
}

/** Reads the pairing data of a client that is not linked yet. Throws when a key is missing or its signature is wrong. */
export function readRegistration(payload: proto.ClientPayload, noiseKey: Buffer): Registration {
  const data = payload.devicePairingData;
  if (!data?.eIdent || !data.eRegid || !data.eSkeyId || !data.eSkeyVal || !data.eSkeySig) {
    throw new Error('the pairing data of the client is incomplete');
  }
  const identityKey = Buffer.from(data.eIdent);
  return {
    identityKey,
    noiseKey,
    registrationId: Buffer.from(data.eRegid).readUInt32BE(),
    signedPreKey: checkSignedPreKey(identityKey, {
      keyId: Buffer.from(data.eSkeyId).readUIntBE(0, 3),
      publicKey: Buffer.from(data.eSkeyVal),
      signature: Buffer.from(data.eSkeySig),
    }),
  };
}

function checkSignedPreKey(identityKey: Buffer, key: SignedPreKey): SignedPreKey {
  const publicKey = generateSignalPubKey(Buffer.from(key.publicKey));
  if (!isSignedBy(identityKey, publicKey, key.signature)) throw new Error('the signed pre-key has a wrong signature');
  return { ...key, publicKey };
}

/** The linked device of an account, as the server knows it: its address and its public keys. */
export class Companion {
  /** `<number>:<device>@s.whatsapp.net` */
  readonly address: string;
  readonly device: number;
  readonly registration: Registration;
  #signedPreKey: SignedPreKey;
  readonly #preKeys: PreKey[] = [];

  constructor(phone: string, device: number, registration: Registration) {
    this.address = `${phone}:${device}@s.whatsapp.net`;
    this.device = device;
    this.registration = registration;
    this.#signedPreKey = registration.signedPreKey;
  }

  /** How many one-time keys are left. */
  get preKeysLeft(): number {
    return this.#preKeys.length;
  }

  /** Keeps the keys of an upload, `iq > registration, type, identity, list > key, skey`. */
  upload(iq: BinaryNode): void {
    if (!bytesAt(iq, 'identity').equals(this.registration.identityKey)) throw new Error('keys of another identity');
    for (const key of childrenOf(find(iq, 'list'))) {
      this.#preKeys.push({ keyId: numberAt(key, 'id'), publicKey: generateSignalPubKey(bytesAt(key, 'value')) });
    }
    this.rotate(iq);
  }

  /** Takes a new signed pre-key, `… > skey`. */
  rotate(parent: BinaryNode): void {
    this.#signedPreKey = checkSignedPreKey(this.registration.identityKey, {
      keyId: numberAt(parent, 'skey', 'id'),
      publicKey: bytesAt(parent, 'skey', 'value'),
      signature: bytesAt(parent, 'skey', 'signature'),
    });
  }

  /** What a sender needs for a new session. Each one-time key is handed out once; without any the session does without. */
  takeBundle(): Session {
    const preKey = this.#preKeys.shift();
    return {
      registrationId: this.registration.registrationId,
      identityKey: generateSignalPubKey(this.registration.identityKey),
      signedPreKey: this.#signedPreKey,
      ...(preKey === undefined ? {} : { preKey }),
    };
  }
}
