import { createDecipheriv, createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { getMediaKeys } from '@whiskeysockets/baileys';
import { MediaFailure } from '../domain/media-failure.js';
import type { MediaSource } from '../session/link/link-media.js';
import { type Fetch, MEDIA_HOST } from './media-host.js';

/**
 * Downloads the file of a message and decrypts it on the way. The seal and the hash of the encrypted file are checked at the end,
 * before the last bytes are given out; the library's own download checks neither, and ends the process when the connection
 * breaks in the middle. Throws `MediaFailure`. A server that sends nothing for `idleMs` is given up.
 */
export async function* downloadMedia(
  source: MediaSource,
  fetch: Fetch,
  idleMs: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const address = addressOf(source);
  // Nothing is known of where it is: the phone may tell.
  if (address === undefined) throw new MediaFailure('dropped');
  const encryptedHash = createHash('sha256');
  const opener = source.mediaKey.length === 0 ? undefined : await Opener.make(source);
  for await (const bytes of bodyOf(address, fetch, idleMs, signal)) {
    encryptedHash.update(bytes);
    const opened = opener === undefined ? bytes : opener.take(bytes);
    if (opened.length > 0) yield opened;
  }
  const announced = source.encryptedSha256;
  if (opener !== undefined && announced.length > 0 && !encryptedHash.digest().equals(announced)) {
    throw new MediaFailure('damaged');
  }
  const last = opener?.end();
  if (last !== undefined && last.length > 0) yield last;
}

/**
 * Where the file is. The path is always asked of WhatsApp's own host: both fields come from whoever sent the message, and may name
 * any server.
 */
function addressOf({ directPath, url }: MediaSource): string | undefined {
  if (directPath.startsWith('/')) return `https://${MEDIA_HOST}${directPath}`;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== 'https:' || !parsed.hostname.endsWith('.whatsapp.net') || parsed.port !== '')
    return undefined;
  // Whom the URL would log in as is nobody's business.
  return `https://${parsed.hostname}${parsed.pathname}${parsed.search}`;
}

async function* bodyOf(
  address: string,
  fetch: Fetch,
  idleMs: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const idle = new AbortController();
  const ended = AbortSignal.any([signal, idle.signal]);
  const soon = async <T>(next: () => Promise<T>): Promise<T> => {
    const timer = setTimeout(() => idle.abort(), idleMs);
    try {
      return await next();
    } catch (cause) {
      signal.throwIfAborted();
      throw new MediaFailure('unreachable', 0, { cause });
    } finally {
      clearTimeout(timer);
    }
  };
  const response = await soon(() => fetch(address, { signal: ended }));
  const { body, status } = response;
  try {
    if (DROPPED.has(status)) throw new MediaFailure('dropped', status);
    if (status !== 200 || body === null) throw new MediaFailure('unreachable', status);
    // Safety: a body of fetch yields bytes.
    const parts = (body as AsyncIterable<Uint8Array, undefined>)[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await soon(() => parts.next());
      if (done === true) return;
      yield value;
    }
  } finally {
    // Else a body that nobody reads to its end would keep its connection.
    idle.abort();
  }
}

/** Decrypts `ciphertext ‖ seal`, piece by piece. */
class Opener {
  readonly #decipher: ReturnType<typeof createDecipheriv>;
  readonly #hmac: ReturnType<typeof createHmac>;
  /** The last bytes that came: they may be the seal. */
  #tail: Buffer = Buffer.alloc(0);

  private constructor(keys: { iv: Uint8Array; cipherKey: Uint8Array; macKey: Uint8Array }) {
    this.#decipher = createDecipheriv('aes-256-cbc', keys.cipherKey, keys.iv);
    this.#hmac = createHmac('sha256', keys.macKey).update(keys.iv);
  }

  static async make({ mediaKey, kind }: MediaSource): Promise<Opener> {
    const { iv, cipherKey, macKey } = await getMediaKeys(mediaKey, kind);
    if (macKey === undefined || macKey === null) throw new Error('a media key gives no key for the seal');
    return new Opener({ iv, cipherKey, macKey });
  }

  take(bytes: Uint8Array): Buffer {
    const all = Buffer.concat([this.#tail, bytes]);
    const end = Math.max(0, all.length - SEAL_BYTES);
    const ciphertext = all.subarray(0, end);
    // A copy, so that ten bytes do not keep the rest.
    this.#tail = Buffer.from(all.subarray(end));
    this.#hmac.update(ciphertext);
    return this.#decipher.update(ciphertext);
  }

  /** Checks the seal and returns the last bytes. */
  end(): Buffer {
    const seal = this.#hmac.digest().subarray(0, SEAL_BYTES);
    if (this.#tail.length !== seal.length || !timingSafeEqual(this.#tail, seal)) throw new MediaFailure('damaged');
    try {
      return this.#decipher.final();
    } catch (cause) {
      throw new MediaFailure('damaged', 0, { cause });
    }
  }
}

const SEAL_BYTES = 10;

/** What the server answers when it has dropped a file, or when the time that an address was good for is over. */
const DROPPED: ReadonlySet<number> = new Set([403, 404, 410]);
