import { SenderKeyMessage } from '@whiskeysockets/baileys/lib/Signal/Group/sender-key-message.js';
import { verifySignature } from 'libsignal/src/curve.js';
import { createPublicKey, verify } from 'node:crypto';

/**
 * Makes the library check the signatures of messages to groups natively, for the whole process. Its own check is in JavaScript and takes
 * some 10 ms, in which all links wait: a hundred messages a second would be all that a process can take.
 */
export function speedUpSignatures(): void {
  SenderKeyMessage.prototype.verifySignature = function verifyNatively(this: SenderKeyMessage, signatureKey) {
    const bytes = this.serialize();
    const end = bytes.length - SIGNATURE_BYTES;
    if (!isSigned(signatureKey, bytes.subarray(0, end), bytes.subarray(end))) throw new Error('Invalid signature!');
  };
}

/** True for a message that was signed with the private half of a public key of Signal. What is refused natively libsignal decides. */
export function isSigned(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  return isSignedNatively(publicKey, message, signature) || verifySignature(publicKey, message, signature);
}

/**
 * XEdDSA: a key of Curve25519 signs as the key of Ed25519 that is the same point. Which of the two points with its coordinate it is stands
 * in the one bit of the signature that is always 0.
 */
export function isSignedNatively(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const point = publicKey.length === KEY_BYTES + 1 ? publicKey.subarray(1) : publicKey;
  if (point.length !== KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
  const sealed = Buffer.from(signature);
  const last = sealed[SIGNATURE_BYTES - 1] ?? 0;
  sealed[SIGNATURE_BYTES - 1] = last & ~SIGN_BIT;
  const edwards = edwardsOf(point);
  edwards[KEY_BYTES - 1] = (edwards[KEY_BYTES - 1] ?? 0) | (last & SIGN_BIT);
  const key = Buffer.concat([ED25519_PREFIX, edwards]);
  try {
    return verify(null, message, createPublicKey({ key, format: 'der', type: 'spki' }), sealed);
  } catch {
    // Bytes that are no point.
    return false;
  }
}

/** The coordinate `y = (u − 1) / (u + 1)` of the point whose coordinate on the other curve is `u`; both the lowest byte first. */
function edwardsOf(point: Uint8Array): Buffer {
  const u = numberOf(point) & ~(1n << 255n);
  const y = modulo((u - 1n) * inverse(modulo(u + 1n)));
  return Buffer.from(y.toString(16).padStart(2 * KEY_BYTES, '0'), 'hex').reverse();
}

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}

/** By Euclid: a third of the time that a power takes. Of 0, which has none, it is 0. */
function inverse(value: bigint): bigint {
  let [a, b, x, y] = [value, P, 1n, 0n];
  while (a !== 0n) {
    const quotient = b / a;
    [a, b, x, y] = [b - quotient * a, a, y - quotient * x, x];
  }
  return modulo(y);
}

function modulo(value: bigint): bigint {
  const rest = value % P;
  return rest < 0n ? rest + P : rest;
}

/** The prime of both curves. */
const P = 2n ** 255n - 19n;

const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const SIGN_BIT = 0x80;

/** What DER puts before a public key of Ed25519. */
const ED25519_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
