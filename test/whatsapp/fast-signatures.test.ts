import { Curve, generateSignalPubKey } from '@whiskeysockets/baileys';
import { SenderKeyMessage } from '@whiskeysockets/baileys/lib/Signal/Group/sender-key-message.js';
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isSigned, isSignedNatively, speedUpSignatures } from '../../src/whatsapp/fast-signatures.js';

/** A message signed as libsignal signs. */
function signed(): { key: Uint8Array; message: Buffer; signature: Buffer } {
  const { public: publicKey, private: privateKey } = Curve.generateKeyPair();
  const message = randomBytes(100);
  const signature = Buffer.from(Curve.sign(privateKey, message));
  return { key: generateSignalPubKey(publicKey), message, signature };
}

/** The same bytes with one bit changed. */
function damaged(bytes: Uint8Array, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

describe('a signature of Signal', () => {
  it('is good natively, of whichever sign its key is', () => {
    const signs = new Set<number>();
    for (let n = 0; n < 40; n++) {
      const { key, message, signature } = signed();
      signs.add((signature.at(-1) ?? 0) >> 7);
      expect(isSignedNatively(key, message, signature)).toBe(true);
      expect(isSignedNatively(key.subarray(1), message, signature)).toBe(true);
    }
    expect([...signs].sort()).toEqual([0, 1]);
  });

  it('is refused when the key, the message or the signature is another', () => {
    const { key, message, signature } = signed();
    expect(isSigned(key, damaged(message, 0), signature)).toBe(false);
    expect(isSigned(damaged(key, 5), message, signature)).toBe(false);
    for (const at of [0, 31, 32, 62]) expect(isSigned(key, message, damaged(signature, at))).toBe(false);
    expect(isSigned(key, message, Buffer.alloc(64))).toBe(false);
  });

  it('of a key without a point on the other curve is left to libsignal', () => {
    const { message, signature } = signed();
    const minusOne = Buffer.from(`05ec${'ff'.repeat(30)}7f`, 'hex');
    expect(isSignedNatively(minusOne, message, signature)).toBe(false);
    expect(isSigned(minusOne, message, signature)).toBe(false);
  });
});

describe('a message to a group', () => {
  it('is taken with its author’s key alone', () => {
    speedUpSignatures();
    const { public: publicKey, private: privateKey } = Curve.generateKeyPair();
    const sent = new SenderKeyMessage(7, 1, Buffer.from('content'), Buffer.from(privateKey), undefined).serialize();
    const received = new SenderKeyMessage(null, null, null, null, sent);
    expect(() => received.verifySignature(Buffer.from(generateSignalPubKey(publicKey)))).not.toThrow();
    const other = generateSignalPubKey(Curve.generateKeyPair().public);
    expect(() => received.verifySignature(Buffer.from(other))).toThrow('Invalid signature!');
  });
});
