import { isDeepStrictEqual } from 'node:util';
import type { SessionLink } from './session-link.js';
import type { SessionView } from '../sessions.js';

/**
 * Yields what `view` shows now, and again whenever the link in it has changed, until the signal aborts. When there will be no more
 * changes, `view` throws the reason: the session is deleted, or the daemon stops.
 */
export async function* watchLink(
  link: SessionLink,
  view: () => Promise<SessionView>,
  signal: AbortSignal,
): AsyncGenerator<SessionView, void, undefined> {
  let told: SessionView | undefined;
  while (!signal.aborted) {
    const change = link.changes.next(signal);
    const now = withoutOffer(await view());
    if (!isDeepStrictEqual(now.link, told?.link)) {
      told = now;
      yield now;
    } else if (link.changes.closed) {
      return;
    }
    await change;
  }
}

/** What is offered is for the one who links: whoever has it can link. */
function withoutOffer(session: SessionView): SessionView {
  return { ...session, link: { ...session.link, offer: undefined } };
}
