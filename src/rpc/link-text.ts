import type { LinkState, StoppedState } from '../domain/link.js';

/** What stopped a link, with the code that it ended with; then what to do. */
export function stoppedText(state: StoppedState, code: number): string {
  return state === 'refused' && code !== NOT_WHATSAPP ? REFUSED_BY_WHATSAPP : TEXTS[state];
}

/** A handshake that only somebody else than WhatsApp gets wrong. */
const NOT_WHATSAPP = 400;

const REFUSED_BY_WHATSAPP =
  'WhatsApp refuses the connection; call LinkSession to try again, and if it stays so unlink the session and link it anew';

const TEXTS: Record<StoppedState, string> = {
  'logged-out': 'the device was taken off the account; link the session again with LinkSession',
  replaced:
    'another process logged in with the same credentials; stop it (a copy of the data directory?), then call LinkSession',
  banned: 'the account is banned, or its phone is gone; see what the phone says, then call LinkSession',
  outdated:
    'WhatsApp no longer accepts the version that this server says it is; update the server or raise SCROLLBACK_WHATSAPP_VERSION',
  refused:
    'the connection is refused; look at the network of the server and at SCROLLBACK_WHATSAPP_URL, then call LinkSession',
};

/** What a person is told about a link: what happened, then what to do; empty while all is well. */
export function linkText(link: LinkState): string {
  switch (link.state) {
    case 'logged-out':
    case 'replaced':
    case 'banned':
    case 'outdated':
    case 'refused':
      return stoppedText(link.state, link.code);
    case 'backing-off':
      return 'the connection to WhatsApp was lost or could not be made; it is tried again by itself';
    default:
      return '';
  }
}
