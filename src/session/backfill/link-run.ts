import { DomainError } from '../../domain/fault.js';
import { isActive, type LinkState } from '../../domain/link.js';
import type { BackfillRecord } from '../../gen/scrollback/store/v1/record_pb.js';
import { putBackfill } from '../../store/backfills.js';
import type { Commit } from '../../store/commit.js';
import type { HistoryStore } from '../../store/history-store.js';
import type { Wakeup } from '../../store/wakeup.js';
import type { LiveBackfill } from './backfill.js';
import type { LinkConnection } from '../link/link.js';
import type { Session } from '../session.js';
import type { SessionInbox } from '../link/session-inbox.js';

/** The link of a session, as far as its backfills need it. */
export interface LinkOfSession {
  readonly view: { status: LinkState };
  /** The connection, while WhatsApp has let it in. */
  readonly connection: LinkConnection | undefined;
  /** Wakes when one of these has changed; closed when nothing will any more. */
  readonly changes: Wakeup;
  /** What it delivers, and how that is recorded. */
  readonly inbox: Pick<SessionInbox, 'drain'>;
}

/** What a backfill of the link works with, from one connection to the loss of it. */
export class LinkRun {
  readonly backfill: LiveBackfill;
  readonly session: Session;
  readonly link: LinkOfSession;
  /** The connection that was lost before this run. */
  readonly #lost: LinkConnection | undefined;
  #used: LinkConnection | undefined;

  constructor(parts: {
    backfill: LiveBackfill;
    session: Session;
    link: LinkOfSession;
    lost: LinkConnection | undefined;
  }) {
    this.backfill = parts.backfill;
    this.session = parts.session;
    this.link = parts.link;
    this.#lost = parts.lost;
  }

  /** Aborts when the backfill is cancelled and when the daemon stops: nothing that it does counts any more. */
  get signal(): AbortSignal {
    return this.backfill.signal;
  }

  /** The connection that was handed out last. */
  get used(): LinkConnection | undefined {
    return this.#used;
  }

  /**
   * The session's connection; until there is one the backfill is WAITING. Throws LINK_NOT_CONNECTED when somebody has to act before there
   * can be one. What is then asked of it throws `LinkLost` when it ends: let that through, and the work is begun anew with the next one.
   */
  async connection(): Promise<LinkConnection> {
    this.#used = this.#present() ?? (await this.waitFor(this.#next()));
    return this.#used;
  }

  /** Shows the backfill as WAITING until something has come about. */
  async waitFor<T>(what: Promise<T>): Promise<T> {
    const { backfill } = this;
    if (backfill.state === 'importing') backfill.publish(backfill.after({ event: 'held-up' }));
    try {
      return await what;
    } finally {
      if (backfill.state === 'waiting' && !this.signal.aborted) backfill.publish(backfill.after({ event: 'went-on' }));
    }
  }

  /**
   * Commits what a step has brought, together with the record that counts it: `step` changes the record that it is given. One at a time.
   * Throws when the backfill was stopped.
   */
  save<T>(step: (record: BackfillRecord, commit: Commit, store: HistoryStore) => Promise<T>): Promise<T> {
    return this.session.use(async (store) => {
      const { record, result } = await this.session.commit(async (commit) => {
        this.signal.throwIfAborted();
        const draft = this.backfill.draft();
        const made = await step(draft, commit, store);
        putBackfill(commit, draft);
        return { record: draft, result: made };
      });
      if (!this.signal.aborted) this.backfill.publish(record);
      // What was learned of LIDs also concerns what is stored.
      while (store.resolving) await store.resolveStep((build) => this.session.commit(build));
      return result;
    });
  }

  #present(): LinkConnection | undefined {
    const { connection } = this.link;
    return connection === this.#lost ? undefined : connection;
  }

  async #next(): Promise<LinkConnection> {
    for (;;) {
      this.signal.throwIfAborted();
      const change = this.link.changes.next(this.signal);
      const present = this.#present();
      if (present !== undefined) return present;
      // One that is closed is no news: the daemon stops, or the session goes, and whoever does that stops this.
      if (this.link.changes.closed) await aborted(this.signal);
      else if (isActive(this.link.view.status)) await change;
      else throw notConnected(this.session, this.link);
    }
  }
}

/** The refusal of what needs a connection. */
export function notConnected({ record: { sessionId } }: Session, { view }: LinkOfSession): DomainError {
  return new DomainError({ reason: 'LINK_NOT_CONNECTED', sessionId, state: view.status.state });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
