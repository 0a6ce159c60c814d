import { Curve, proto } from '@whiskeysockets/baileys';
import { verifySignature } from 'libsignal/src/curve.js';

/** A key pair of Curve25519 as Baileys makes them; the library insists on buffers. */
export interface CurveKeys {
  public: Buffer;
  private: Buffer;
}

/** What a server shows in the handshake, and the root that vouches for it. */
export interface Certificates {
  /** What a client has to trust, as WhatsApp's own key in `WA_CERT_DETAILS.PUBLIC_KEY`. */
  rootPublicKey: Buffer;
  serverKeys: CurveKeys;
  /** An encoded `CertChain`. */
  chain: Uint8Array;
}

const VALID_MS = 365 * 24 * 3_600_000;

/** Makes a root, an intermediate and a leaf. `forged` puts zeros where the named signature belongs. */
export function issueCertificates(forged?: 'leaf' | 'intermediate'): Certificates {
  const root = generateCurveKeys();
  const intermediate = generateCurveKeys();
  const server = generateCurveKeys();
  const intermediateDetails = encodeDetails(1, 0, intermediate.public);
  const leafDetails = encodeDetails(2, 1, server.public);
  const noSignature = Buffer.alloc(64);
  const chain = proto.CertChain.encode({
    intermediate: {
      details: intermediateDetails,
      signature: forged === 'intermediate' ? noSignature : Curve.sign(root.private, intermediateDetails),
    },
    leaf: {
      details: leafDetails,
      signature: forged === 'leaf' ? noSignature : Curve.sign(intermediate.private, leafDetails),
    },
  }).finish();
  return { rootPublicKey: root.public, serverKeys: server, chain };
}

function encodeDetails(serial: number, issuerSerial: number, key: Buffer): Uint8Array {
  const now = Date.now();
  return proto.CertChain.NoiseCertificate.Details.encode({
    serial,
    issuerSerial,
    key,
    notBefore: Math.floor((now - VALID_MS) / 1000),
    notAfter: Math.floor((now + VALID_MS) / 1000),
  }).finish();
}

/** Makes a key pair. */
export function generateCurveKeys(): CurveKeys {
  const { public: publicKey, private: privateKey } = Curve.generateKeyPair();
  return { public: Buffer.from(publicKey), private: Buffer.from(privateKey) };
}

/** Tells whether a signature is genuine. Baileys' own `Curve.verify` ignores the library's answer, so it is not used. */
export function isSignedBy(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const key = publicKey.length === 33 ? Buffer.from(publicKey) : Buffer.concat([Buffer.from([5]), publicKey]);
  try {
    return verifySignature(key, message, signature);
  } catch {
    // Bytes of the wrong length.
    return false;
  }
}
