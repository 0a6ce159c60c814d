import type { EncryptedHeader } from './header.js';

/**
 * One way in which a backup may end. Distances are counted from the end of the file.
 *
 * ```text
 * crypt15, crypt14, one file   … ciphertext · tag 16 · MD5 16
 * the same, chunked            … ciphertext · tag 16
 * crypt12                      … ciphertext · tag 16 · MD5 16 · "--NN", the last digits of the number
 * crypt12 without the number   … ciphertext · tag 16 · MD5 16
 * ```
 */
export interface Trailer {
  /** Where the tag starts, and with it the ciphertext ends. */
  tagAt: number;
  /** Where the MD5 of all that precedes it starts; undefined where there is none. */
  md5At: number | undefined;
}

export const tagBytes = 16;

export const md5Bytes = 16;

/**
 * The trailers that are possible for a file, the likeliest for one without a fitting MD5 first. Nothing in the header
 * tells which one it is. `contentBytes` is the size of the file without its header.
 */
export function possibleTrailers(kind: EncryptedHeader['kind'], contentBytes: number): Trailer[] {
  const trailers: Trailer[] =
    kind === 'crypt12'
      ? [
          { tagAt: 36, md5At: 20 },
          { tagAt: 32, md5At: 16 },
        ]
      : [
          { tagAt: 16, md5At: undefined },
          { tagAt: 32, md5At: 16 },
        ];
  return trailers.filter(({ tagAt }) => tagAt < contentBytes);
}
