import { DomainError } from '../domain/fault.js';
import type { Disconnect, DisconnectCause } from '../domain/link.js';
import type { Logger } from '../log.js';

/** How far a connection had come when it ended. */
export interface Progress {
  /** It showed a QR code or a pairing code, and no phone has answered. */
  awaitsPhone: boolean;
}

/**
 * Says what the library's code for the end of a connection means. The codes are those of HTTP by form only: WhatsApp sends most of
 * them in `failure` and `stream:error`, the library makes up the others.
 */
export function disconnectOf(code: number | undefined, { awaitsPhone }: Progress): Disconnect {
  if (code === undefined) return { cause: 'ended', code: 0 };
  // The library has shown all the codes that it was given. Before a phone is there it says the same of a silent network.
  if (code === TIMED_OUT && awaitsPhone) return { cause: 'pairing-expired', code };
  return { cause: CAUSES[code] ?? 'transient', code };
}

const TIMED_OUT = 408;

/** What is not in here comes from the network or from servers in trouble: 408, 428, 500, 503 and all that nobody has seen yet. */
const CAUSES: Readonly<Record<number, DisconnectCause>> = {
  // The handshake: a certificate that WhatsApp did not sign. Somebody else answers, or the address is wrong.
  400: 'refused',
  401: 'logged-out',
  // Banned for a time, then for good, or the phone that the account belongs to is gone.
  402: 'banned',
  403: 'banned',
  405: 'outdated',
  406: 'refused',
  409: 'refused',
  411: 'refused',
  413: 'refused',
  414: 'refused',
  415: 'refused',
  418: 'refused',
  440: 'replaced',
  515: 'restart',
};

/** Logs why a connection could not be made or ended in order. Whoever links the phone of somebody else is told, and nobody needs be alarmed. */
export function tellFailure(log: Logger, sessionId: string, error: unknown): void {
  if (error instanceof DomainError && error.fault.reason === 'LINK_OTHER_ACCOUNT') {
    log.info({ sessionId, reason: error.fault.reason }, 'the link is refused');
  } else {
    // The session's store cannot be used; it may be tomorrow.
    log.warn({ sessionId, err: error }, 'the link cannot be made or ended in order');
  }
}
