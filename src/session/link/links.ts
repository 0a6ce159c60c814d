import { Turns } from '../turns.js';
import type { SessionLinkDependencies } from './link-dependencies.js';
import type { Session } from '../session.js';
import { SessionLink } from './session-link.js';

/** The links of all sessions that are known. */
export class Links {
  readonly #dependencies: SessionLinkDependencies;
  readonly #links = new Map<Session, SessionLink>();

  constructor(dependencies: Omit<SessionLinkDependencies, 'turns'>) {
    this.#dependencies = { ...dependencies, turns: new Turns(CONNECTS_AT_ONCE) };
  }

  /** The link of a session; made when it is asked for first. */
  of(session: Session): SessionLink {
    let link = this.#links.get(session);
    if (link === undefined) {
      link = new SessionLink(session, this.#dependencies);
      this.#links.set(session, link);
    }
    return link;
  }

  /** Goes on with what a session's link did when the process ended. */
  async resume(session: Session): Promise<void> {
    await this.#dependencies.recover(session);
    this.of(session).resume();
  }

  /** Takes the device of a session off its account, for the session goes. */
  async remove(session: Session): Promise<void> {
    const link = this.of(session);
    // One whose store is broken is deleted all the same; its phone will list a device that never comes back.
    await link.unlink().catch((error: unknown) => {
      const { sessionId } = session.record;
      this.#dependencies.log.warn({ sessionId, err: error }, 'deleted without unlinking');
    });
    await link.stop();
    this.#links.delete(session);
  }

  /** Ends all connections; each comes back at the next start. */
  async stop(): Promise<void> {
    await Promise.all([...this.#links.values()].map((link) => link.stop()));
  }
}

/**
 * After a restart of the daemon hundreds want to connect: at once they would look like an attack, and each would take as long as all of
 * them. On two cores a link takes some 50 ms of work to come up, and waits for the network the rest. Chosen, not measured.
 */
const CONNECTS_AT_ONCE = 16;
