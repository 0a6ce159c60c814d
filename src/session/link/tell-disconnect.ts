import { type Disconnect, isActive, type LinkState } from '../../domain/link.js';
import type { Logger } from '../../log.js';

/** Logs the end of a connection as loudly as somebody must act; `state` is where the link stands after it. */
export function tellDisconnect(log: Logger, sessionId: string, { cause, code }: Disconnect, state: LinkState): void {
  if (cause === 'ended') return;
  const attempts = 'attempts' in state ? state.attempts : 0;
  const fields = { sessionId, code, attempts, state: state.state };
  if (!isActive(state)) log.error(fields, 'link stopped; see GetSession');
  else if (attempts > 0 && attempts % ALARM_EVERY === 0) log.error(fields, 'link fails again and again');
  else log.info(fields, 'link disconnected');
}

/** Ten failures in a row take some ten minutes. */
const ALARM_EVERY = 10;
