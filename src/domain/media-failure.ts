/**
 * Why the file of a message could not be downloaded.
 *
 * - `dropped`: the server does not have it any more; the phone may.
 * - `damaged`: what came is not what was sent, or not all of it.
 * - `unreachable`: it may work later.
 */
export type MediaTrouble = 'dropped' | 'damaged' | 'unreachable';

/** A download that failed; `code` is the answer of HTTP, 0 for none. */
export class MediaFailure extends Error {
  override name = 'MediaFailure';

  constructor(
    readonly trouble: MediaTrouble,
    readonly code = 0,
    options?: ErrorOptions,
  ) {
    super(`media ${trouble}`, options);
  }
}
