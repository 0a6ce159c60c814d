import { createHash, hkdfSync } from 'node:crypto';
import { aesDecryptGCM, aesEncryptGCM, Curve, NOISE_MODE, NOISE_WA_HEADER, proto } from '@whiskeysockets/baileys';
import type { Certificates } from './certificates.js';
import { generateCurveKeys } from './certificates.js';

const NOTHING = Buffer.alloc(0);

/**
 * The answering side of a Noise XX handshake, then the cipher of the connection:
 *
 *     client                                server
 *     e                             ──▶
 *                                   ◀──     e, ee, s, es, certificates
 *     s, se, ClientPayload          ──▶
 *     frames sealed                 ◀─▶     frames sealed
 */
export class NoiseResponder {
  readonly #certificates: Certificates;
  readonly #ephemeral = generateCurveKeys();
  #hash: Buffer = Buffer.from(NOISE_MODE);
  #chainingKey = this.#hash;
  #key = this.#hash;
  #counter = 0;
  #incoming: Cipher | undefined;
  #outgoing: Cipher | undefined;

  constructor(certificates: Certificates) {
    this.#certificates = certificates;
    this.#mixHash(NOISE_WA_HEADER);
  }

  /** Whether frames are sealed from now on. */
  get established(): boolean {
    return this.#incoming !== undefined;
  }

  /** Takes the first frame of a client and returns the answer to it. Throws when it is no hello. */
  answerHello(frame: Uint8Array): Uint8Array {
    const { clientHello } = proto.HandshakeMessage.decode(frame);
    const theirs = expectBytes(clientHello?.ephemeral, 'the ephemeral key of a client hello');
    const { serverKeys, chain } = this.#certificates;
    this.#mixHash(theirs);
    this.#mixHash(this.#ephemeral.public);
    this.#mixKey(Curve.sharedKey(this.#ephemeral.private, theirs));
    const encryptedStatic = this.#encrypt(serverKeys.public);
    this.#mixKey(Curve.sharedKey(serverKeys.private, theirs));
    const payload = this.#encrypt(chain);
    return proto.HandshakeMessage.encode({
      serverHello: { ephemeral: this.#ephemeral.public, static: encryptedStatic, payload },
    }).finish();
  }

  /** Takes the second frame and returns who it is. Throws when it does not decrypt. */
  finish(frame: Uint8Array): { payload: proto.ClientPayload; clientKey: Buffer } {
    const { clientFinish } = proto.HandshakeMessage.decode(frame);
    const clientKey = this.#decrypt(expectBytes(clientFinish?.static, 'the static key of a client finish'));
    this.#mixKey(Curve.sharedKey(this.#ephemeral.private, clientKey));
    const payload = this.#decrypt(expectBytes(clientFinish?.payload, 'the payload of a client finish'));
    const [incoming, outgoing] = this.#derive(NOTHING);
    this.#incoming = new Cipher(incoming);
    this.#outgoing = new Cipher(outgoing);
    return { payload: proto.ClientPayload.decode(payload), clientKey };
  }

  /** Encrypts a frame for the client. */
  seal(plain: Uint8Array): Buffer {
    if (this.#outgoing === undefined) throw new Error('nothing can be sealed before the handshake is complete');
    return this.#outgoing.seal(plain);
  }

  /** Decrypts a frame of the client. */
  open(sealed: Uint8Array): Buffer {
    if (this.#incoming === undefined) throw new Error('nothing can be opened before the handshake is complete');
    return this.#incoming.open(sealed);
  }

  #mixHash(data: Uint8Array): void {
    this.#hash = createHash('sha256').update(this.#hash).update(data).digest();
  }

  #mixKey(secret: Uint8Array): void {
    [this.#chainingKey, this.#key] = this.#derive(secret);
    this.#counter = 0;
  }

  #derive(secret: Uint8Array): [Buffer, Buffer] {
    const derived = Buffer.from(hkdfSync('sha256', secret, this.#chainingKey, NOTHING, 64));
    return [derived.subarray(0, 32), derived.subarray(32)];
  }

  #encrypt(plain: Uint8Array): Buffer {
    const sealed = aesEncryptGCM(plain, this.#key, nonce(this.#counter++), this.#hash);
    this.#mixHash(sealed);
    return sealed;
  }

  #decrypt(sealed: Uint8Array): Buffer {
    const plain = aesDecryptGCM(sealed, this.#key, nonce(this.#counter++), this.#hash);
    this.#mixHash(sealed);
    return plain;
  }
}

/** One direction of an established connection. */
class Cipher {
  readonly #key: Buffer;
  #counter = 0;

  constructor(key: Buffer) {
    this.#key = key;
  }

  seal(plain: Uint8Array): Buffer {
    return aesEncryptGCM(plain, this.#key, nonce(this.#counter++), NOTHING);
  }

  open(sealed: Uint8Array): Buffer {
    return aesDecryptGCM(sealed, this.#key, nonce(this.#counter++), NOTHING);
  }
}

function nonce(counter: number): Buffer {
  const iv = Buffer.alloc(12);
  iv.writeUInt32BE(counter, 8);
  return iv;
}

function expectBytes(bytes: Uint8Array | null | undefined, what: string): Uint8Array {
  if (bytes === null || bytes === undefined || bytes.length === 0) throw new Error(`${what} is missing`);
  return bytes;
}
