import { constants, inflateSync } from 'node:zlib';
import { sqliteMagic } from './header.js';

/**
 * What the start of a decrypted file is: whether it is deflated, and of which kind. `increment` is a file that holds
 * the changes since a base backup; `unknown` is surely something, but nothing we know.
 */
export interface Content {
  deflated: boolean;
  kind: 'database' | 'increment' | 'stickers' | 'wallpapers' | 'settings' | 'unknown';
}

/** How many bytes of the ciphertext a look at the content takes: enough for deflate's own header and a name or two. */
export const lookBytes = 512;

const zipMagic = Buffer.from('PK\x03\x04', 'latin1');

// Deflate cannot do better than 1032 : 1, so this is never reached.
const maxLookedAtBytes = 1024 * 1024;

/**
 * Recognises the content by its decrypted start; `undefined` when it makes no sense, that is when the key is wrong or
 * these bytes are damaged. At most one in some 2^30 wrong keys passes. It is a hint, never a proof: only the tag is.
 */
export function recogniseContent(start: Buffer): Content | undefined {
  const raw = recogniseInflated(start);
  if (raw !== undefined) return { deflated: false, kind: raw };
  const inflated = inflateStart(start);
  if (inflated === undefined) return undefined;
  const kind = recogniseInflated(inflated);
  if (kind !== undefined) return { deflated: true, kind };
  // Noise hardly ever is a valid deflate stream for as long as this.
  return start.length >= lookBytes / 2 ? { deflated: true, kind: 'unknown' } : undefined;
}

/**
 * True when the decrypted start is that of a database, plain or deflated: a cheaper and stricter `recogniseContent`.
 */
export function isDatabaseStart(start: Buffer): boolean {
  if (start.subarray(0, sqliteMagic.length).equals(sqliteMagic)) return true;
  return inflateStart(start)?.subarray(0, sqliteMagic.length).equals(sqliteMagic) ?? false;
}

function inflateStart(start: Buffer): Buffer | undefined {
  const [first = 0, second = 0] = start;
  // RFC 1950: method 8, window of at most 32 KiB, no preset dictionary, and a check on these two bytes.
  if ((first & 0x0f) !== 8 || first >> 4 > 7 || (second & 0x20) !== 0 || (first * 256 + second) % 31 !== 0)
    return undefined;
  try {
    // Z_SYNC_FLUSH: an end that is missing is no error here.
    return inflateSync(start, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: maxLookedAtBytes });
  } catch {
    return undefined;
  }
}

function recogniseInflated(start: Buffer): Content['kind'] | undefined {
  if (start.subarray(0, sqliteMagic.length).equals(sqliteMagic)) return 'database';
  if (start.subarray(0, zipMagic.length).equals(zipMagic)) return recogniseZip(start);
  return looksLikeJson(start) ? 'settings' : undefined;
}

function recogniseZip(start: Buffer): Content['kind'] {
  const names = zipNames(start);
  const some = (pattern: RegExp) => names.some((name) => pattern.test(name));
  // The names are those of public tools that read such files; we have not seen one.
  if (some(/^(header\.json|messages\.bin|sequences\.json|.*_modified_\d+\.json)$/)) return 'increment';
  if (some(/sticker|\.webp$/i)) return 'stickers';
  return some(/wallpaper|\.(jpe?g|png)$/i) ? 'wallpapers' : 'unknown';
}

// Looks for the magic of each entry instead of adding up sizes, which may only follow the data.
function zipNames(start: Buffer): string[] {
  const names: string[] = [];
  for (let at = 0; at >= 0 && at + 30 <= start.length; at = start.indexOf(zipMagic, at + 1)) {
    const nameStart = at + 30;
    names.push(start.toString('latin1', nameStart, nameStart + start.readUInt16LE(at + 26)));
  }
  return names;
}

// Thirty-two characters that are all ASCII text happen to a wrong key once in 2^40.
function looksLikeJson(start: Buffer): boolean {
  const [first] = start;
  if (start.length < 32 || (first !== 0x7b && first !== 0x5b)) return false;
  return start.subarray(0, 32).every((byte) => (byte >= 0x20 && byte < 0x7f) || (byte >= 0x09 && byte <= 0x0d));
}
