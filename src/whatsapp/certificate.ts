import { Curve } from '@whiskeysockets/baileys';
import { verifySignature } from 'libsignal/src/curve.js';

/**
 * Makes the library check signatures, for the whole process. Its own `Curve.verify` ignores the answer of libsignal, so that it takes
 * 64 zero bytes for WhatsApp's signature: whoever is on the way could answer in WhatsApp's place, and vouch for a phone. A genuine
 * chain of WhatsApp passes; a forged one ends the handshake with 400.
 */
export function installCertificateCheck(): void {
  Curve.verify = isSignedBy;
}

function isSignedBy(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const key = publicKey.length === 33 ? publicKey : Buffer.concat([KEY_TYPE, publicKey]);
  try {
    return verifySignature(key, message, signature);
  } catch {
    // Bytes of the wrong length.
    return false;
  }
}

/** What Signal puts before a key of Curve25519. */
const KEY_TYPE = Buffer.of(5);
