import { hkdfSync, randomBytes } from 'node:crypto';
import type { BinaryNode } from '@whiskeysockets/baileys';
import { aesDecryptCTR, aesDecryptGCM, aesEncryptCTR, Curve, derivePairingCodeKey } from '@whiskeysockets/baileys';
import type { CurveKeys } from './certificates.js';
import { generateCurveKeys } from './certificates.js';
import type { Registration } from './companion.js';
import { bytesAt, node } from './nodes.js';

const SALT_BYTES = 32;
const KEY_BYTES = 32;
const CTR_IV_BYTES = 16;
const GCM_IV_BYTES = 12;

/**
 * The exchange behind a code of eight characters: both sides wrap a one-time key with it, and agree by these and by their
 * identities on the secret that a QR code would have carried.
 */
export class PairingCode {
  /** The number that the client asks to be linked with. */
  readonly phone: string;
  /** Resolves to the secret when the client has finished; rejects when it has another code. */
  readonly secret: Promise<Buffer>;
  readonly #wrapped: Buffer;
  readonly #ephemeral = generateCurveKeys();
  #identity: CurveKeys | undefined;
  #shared: Buffer | undefined;
  #resolve: (secret: Buffer) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  /** Takes the client's hello. */
  constructor(hello: BinaryNode) {
    this.phone = (hello.attrs.jid ?? '').replace(/@.*$/, '');
    this.#wrapped = bytesAt(hello, 'link_code_pairing_wrapped_companion_ephemeral_pub');
    this.secret = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Nobody waits for it unless the code is typed.
    this.secret.catch(() => undefined);
  }

  /** The user has typed a code: returns what the phone says then. */
  async typed(code: string, identity: CurveKeys): Promise<BinaryNode> {
    const theirs = await unwrap(this.#wrapped, code);
    this.#identity = identity;
    this.#shared = Buffer.from(Curve.sharedKey(this.#ephemeral.private, theirs));
    return node('link_code_companion_reg', { stage: 'primary_hello' }, [
      node('link_code_pairing_wrapped_primary_ephemeral_pub', {}, await wrap(this.#ephemeral.public, code)),
      node('primary_identity_pub', {}, identity.public),
      node('link_code_pairing_ref', {}, randomBytes(16)),
    ]);
  }

  /** The client answers with its identity, sealed by the key that both have. */
  finish(finish: BinaryNode, registration: Registration): void {
    try {
      this.#resolve(this.#derive(bytesAt(finish, 'link_code_pairing_wrapped_key_bundle'), registration));
    } catch (cause) {
      this.#reject(new Error('the client shows another code', { cause }));
    }
  }

  /** The client is gone, or will not finish. */
  fail(error: unknown): void {
    this.#reject(error);
  }

  #derive(bundle: Buffer, registration: Registration): Buffer {
    if (this.#shared === undefined || this.#identity === undefined) throw new Error('no code was typed');
    const salt = bundle.subarray(0, SALT_BYTES);
    const iv = bundle.subarray(SALT_BYTES, SALT_BYTES + GCM_IV_BYTES);
    const info = 'link_code_pairing_key_bundle_encryption_key';
    const key = Buffer.from(hkdfSync('sha256', this.#shared, salt, info, KEY_BYTES));
    const plain = aesDecryptGCM(bundle.subarray(SALT_BYTES + GCM_IV_BYTES), key, iv, Buffer.alloc(0));
    const companion = plain.subarray(0, KEY_BYTES);
    const primary = plain.subarray(KEY_BYTES, 2 * KEY_BYTES);
    const random = plain.subarray(2 * KEY_BYTES);
    if (!companion.equals(registration.identityKey) || !primary.equals(this.#identity.public)) {
      throw new Error('the bundle names other identities');
    }
    const identities = Curve.sharedKey(this.#identity.private, companion);
    const material = Buffer.concat([this.#shared, identities, random]);
    return Buffer.from(hkdfSync('sha256', material, '', 'adv_secret', KEY_BYTES));
  }
}

/** `salt ‖ IV ‖ AES-256-CTR(key)` */
async function wrap(key: Buffer, code: string): Promise<Buffer> {
  const salt = randomBytes(SALT_BYTES);
  const iv = randomBytes(CTR_IV_BYTES);
  return Buffer.concat([salt, iv, aesEncryptCTR(key, await derivePairingCodeKey(code, salt), iv)]);
}

async function unwrap(wrapped: Buffer, code: string): Promise<Buffer> {
  const salt = wrapped.subarray(0, SALT_BYTES);
  const iv = wrapped.subarray(SALT_BYTES, SALT_BYTES + CTR_IV_BYTES);
  const key = await derivePairingCodeKey(code, salt);
  return aesDecryptCTR(wrapped.subarray(SALT_BYTES + CTR_IV_BYTES, SALT_BYTES + CTR_IV_BYTES + KEY_BYTES), key, iv);
}
