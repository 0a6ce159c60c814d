/**
 * Where the link of a session to WhatsApp stands.
 *
 * ```
 *   unlinked, logged-out ── pairing-started ──▶ awaiting-scan ── paired ──▶ connecting ── opened ──▶ syncing ── caught-up ──▶ online
 *        ▲                                           │                      ▲      │                    │                       │
 *        ├──── pairing-ended ────────────────────────┘                 connect     ├─── disconnected: transient ────────────────┤
 *        │                                                                  │      ▼                    │                       │
 *        │                                                              backing-off                     │                       │
 *        └──── unlinked, from everywhere                                           ▼                    ▼                       ▼
 *                                   replaced, banned, outdated, refused (connect goes on), logged-out (pairing goes on)
 * ```
 */
export type LinkState =
  /** Was never linked, or its owner unlinked it. */
  | { state: 'unlinked' }
  /** Shows QR codes or a pairing code. */
  | { state: 'awaiting-scan' }
  /** `attempts` counts the failures in a row; `restarted` is set when WhatsApp asked for this connection. */
  | { state: 'connecting'; attempts: number; restarted: boolean }
  /** Logged in; what waited while it was away arrives. */
  | { state: 'syncing'; attempts: number }
  | { state: 'online'; attempts: number }
  | { state: 'backing-off'; attempts: number; retryAtMs: number; code: number }
  | { state: StoppedState; code: number };

/** States that only somebody's action ends. */
export type StoppedState = 'logged-out' | 'replaced' | 'banned' | 'outdated' | 'refused';

/**
 * Why a connection ended.
 *
 * - `restart`: WhatsApp asked for a new one, as it does right after pairing.
 * - `transient`: the network, or WhatsApp's servers; the next attempt may succeed.
 * - `pairing-expired`: nobody scanned the code.
 * - `not-paired`: there are no credentials to log in with.
 * - `ended`: we ended it.
 */
export type DisconnectCause = 'restart' | 'transient' | 'pairing-expired' | 'not-paired' | 'ended' | StoppedState;

/** The end of a connection; `code` is what WhatsApp or the library said, 0 for nothing. */
export interface Disconnect {
  cause: DisconnectCause;
  code: number;
}

/** What may happen to a link. */
export type LinkEvent =
  | { event: 'pairing-started' }
  | { event: 'paired' }
  /** The pairing ended without a device; `before` is the state that it began in. */
  | { event: 'pairing-ended'; before: LinkState }
  /** The pause is over, the daemon started, or somebody asked for it. */
  | { event: 'connect' }
  | { event: 'opened' }
  | { event: 'caught-up' }
  /** The connection has lasted: what failed before it does not count any more. */
  | { event: 'lasted' }
  /** `retryAtMs` is when to try again if that is what follows. */
  | { event: 'disconnected'; disconnect: Disconnect; retryAtMs: number }
  | { event: 'unlinked' };

/** Returns the state after an event; undefined when the event has no meaning in this state. */
export function transition(state: LinkState, event: LinkEvent): LinkState | undefined {
  switch (event.event) {
    case 'pairing-started':
      return hasCredentials(state) ? undefined : { state: 'awaiting-scan' };
    case 'paired':
      return state.state === 'awaiting-scan' ? { state: 'connecting', attempts: 0, restarted: false } : undefined;
    case 'pairing-ended':
      return state.state === 'awaiting-scan' ? event.before : undefined;
    case 'connect':
      return connect(state);
    case 'opened':
      return state.state === 'connecting' ? { state: 'syncing', attempts: state.attempts } : undefined;
    case 'caught-up':
      if (state.state !== 'syncing') return undefined;
      return { state: 'online', attempts: Math.min(state.attempts, MOST_AFTER_CATCHING_UP) };
    case 'lasted':
      return state.state === 'syncing' || state.state === 'online' ? { state: state.state, attempts: 0 } : undefined;
    case 'disconnected':
      return disconnected(state, event.disconnect, event.retryAtMs);
    case 'unlinked':
      return { state: 'unlinked' };
  }
}

function connect(state: LinkState): LinkState | undefined {
  switch (state.state) {
    case 'backing-off':
      return { state: 'connecting', attempts: state.attempts, restarted: false };
    case 'replaced':
    case 'banned':
    case 'outdated':
    case 'refused':
      return { state: 'connecting', attempts: 0, restarted: false };
    default:
      return undefined;
  }
}

function disconnected(state: LinkState, { cause, code }: Disconnect, retryAtMs: number): LinkState | undefined {
  if (state.state !== 'connecting' && state.state !== 'syncing' && state.state !== 'online') return undefined;
  switch (cause) {
    case 'restart':
      // A server that asks for it again and again would have us connect without a pause.
      if (state.state !== 'connecting' || !state.restarted) {
        return { state: 'connecting', attempts: state.attempts, restarted: true };
      }
      return { state: 'backing-off', attempts: state.attempts + 1, retryAtMs, code };
    case 'transient':
    case 'pairing-expired':
      return { state: 'backing-off', attempts: state.attempts + 1, retryAtMs, code };
    case 'ended':
      // The daemon stops: the next start connects again.
      return { state: 'connecting', attempts: state.attempts, restarted: false };
    case 'not-paired':
      return { state: 'unlinked' };
    default:
      return { state: cause, code };
  }
}

/** How an account is known; empty where it is not. */
interface AccountNames {
  phoneJid: string;
  lid: string;
}

/** Tells whether two may be one account. Somebody who changes their number keeps their LID. */
export function mayBeSameAccount(known: AccountNames, other: AccountNames): boolean {
  return known.phoneJid === '' || known.phoneJid === other.phoneJid || (known.lid !== '' && known.lid === other.lid);
}

/** Tells whether there is something to log in with. */
export function hasCredentials({ state }: LinkState): boolean {
  return state !== 'unlinked' && state !== 'awaiting-scan' && state !== 'logged-out';
}

/** Tells whether the link connects by itself: now, or after a pause. */
export function isActive({ state }: LinkState): boolean {
  return state === 'connecting' || state === 'syncing' || state === 'online' || state === 'backing-off';
}

/** Tells whether WhatsApp has let the link in. */
export function isConnected({ state }: LinkState): boolean {
  return state === 'syncing' || state === 'online';
}

/** Tells whether only somebody's action gets the link going again. */
export function isStopped(state: LinkState): state is { state: StoppedState; code: number } {
  return !isActive(state) && state.state !== 'unlinked' && state.state !== 'awaiting-scan';
}

/**
 * The state with which a link comes back when the daemon starts. What a newer setting may have cured is tried again. Two daemons
 * with the same credentials would throw each other out in turns, and knocking does not lift a ban: these wait for their owner.
 */
export function afterRestart(state: LinkState): LinkState {
  switch (state.state) {
    case 'awaiting-scan':
      return { state: 'unlinked' };
    case 'connecting':
    case 'syncing':
    case 'online':
    case 'backing-off':
    case 'outdated':
    case 'refused':
      return { state: 'connecting', attempts: 0, restarted: false };
    default:
      return state;
  }
}

/**
 * How long to wait before the next attempt after `attempts` failures in a row, in ms. It doubles up to a limit; `random` (0 to 1)
 * takes up to half of it off, so that what failed together does not come back together.
 */
export function backoffMs(attempts: number, random: number): number {
  const wholeMs = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.max(0, attempts - 1));
  return Math.round(wholeMs * (1 - random / 2));
}

/** A connection that brought what waited is worth trying again within seconds, however many failed before it. Chosen, not measured. */
const MOST_AFTER_CATCHING_UP = 2;

/** A cut is often over within a second; an outage of hours is asked about every few minutes. Chosen, not measured. */
const FIRST_BACKOFF_MS = 1000;
const MAX_BACKOFF_MS = 5 * 60_000;
