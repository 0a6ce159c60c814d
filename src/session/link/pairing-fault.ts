import type { Fault } from '../../domain/fault.js';
import type { Disconnect } from '../../domain/link.js';

/** Says why a pairing came to nothing. */
export function pairingFault({ cause, code }: Disconnect, sessionId: string): Fault {
  switch (cause) {
    case 'pairing-expired':
      return { reason: 'PAIRING_EXPIRED', sessionId };
    case 'ended':
      return { reason: 'CANCELLED' };
    case 'transient':
    case 'restart':
    case 'not-paired':
      return { reason: 'WHATSAPP_UNREACHABLE', code };
    default:
      return { reason: 'LINK_REFUSED', sessionId, state: cause, code };
  }
}
