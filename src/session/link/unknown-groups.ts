import { setTimeout as delay } from 'node:timers/promises';
import { DomainError } from '../../domain/fault.js';
import { isGroup } from '../../domain/jid.js';
import { isActive } from '../../domain/link.js';
import { LinkLost } from '../../domain/link-lost.js';
import type { LiveEvent } from '../../domain/live-event.js';
import type { Logger } from '../../log.js';
import { noteAsked } from '../../store/asked-groups.js';
import type { LinkOfSession } from '../backfill/link-run.js';
import type { Session } from '../session.js';
import type { LinkConnection } from './link.js';
import type { InboxReader } from './link-inbox.js';

/** The link of a session, as far as it is asked. */
export type AskedLink = Pick<LinkOfSession, 'view' | 'connection' | 'changes'>;

/** What asking works with. */
export interface UnknownGroupsDependencies {
  now: () => number;
  log: Logger;
  inboxReader: Pick<InboxReader, 'openVote'>;
  /** Between two questions, instead of `PAUSE_MS`. */
  pauseMs?: number;
}

/**
 * Asks WhatsApp for the subject and the members of groups that are known from a message alone: once for each, one at a time and slowly,
 * while the link is online. That it was asked is durable before the question, so neither a refusal nor a crash makes it ask again
 * for a while. What waits is in memory only: the next message of a group that was forgotten brings it back.
 */
export class UnknownGroups {
  readonly #session: Session;
  readonly #link: AskedLink;
  readonly #dependencies: UnknownGroupsDependencies;
  readonly #stop = new AbortController();
  /** The groups that are to be asked for, in order; true for one whose question was lost with its connection. */
  readonly #waiting = new Map<string, boolean>();
  /** Until when nobody has to look what is known of a group. */
  readonly #settled = new Map<string, number>();
  /** The connection that was lost under a question. */
  #lost: LinkConnection | undefined;
  #quietUntilMs = 0;
  #running: Promise<void> | undefined;

  constructor(session: Session, link: AskedLink, dependencies: UnknownGroupsDependencies) {
    this.#session = session;
    this.#link = link;
    this.#dependencies = dependencies;
  }

  /** Takes notice of what was recorded; never waits and never throws. */
  note(events: readonly LiveEvent[]): void {
    const nowMs = this.#dependencies.now();
    if (this.#stop.signal.aborted || nowMs < this.#quietUntilMs) return;
    for (const event of events) {
      if (event.type !== 'message') continue;
      const { chatJid } = event.message.key;
      if (!isGroup(chatJid) || this.#waiting.has(chatJid) || (this.#settled.get(chatJid) ?? 0) > nowMs) continue;
      if (this.#waiting.size < MAX_WAITING) this.#waiting.set(chatJid, false);
    }
    if (this.#waiting.size > 0) this.#running ??= this.#run();
  }

  /** Resolves when nothing waits to be asked. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /** Asks no more; an answer that is under way is not recorded. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { signal } = this.#stop;
    try {
      for (;;) {
        const [next] = this.#waiting;
        if (next === undefined || signal.aborted) return;
        const wasAsked = await this.#settle(...next);
        if (wasAsked) await delay(this.#dependencies.pauseMs ?? PAUSE_MS, undefined, { signal });
      }
    } catch (error) {
      this.#waiting.clear();
      if (signal.aborted) return;
      const { sessionId } = this.#session.record;
      this.#dependencies.log.warn({ sessionId, err: error }, 'groups without a name are not asked for now');
    } finally {
      this.#running = undefined;
    }
  }

  /** Resolves to whether WhatsApp was asked. */
  async #settle(jid: string, isAgain: boolean): Promise<boolean> {
    const known = await this.#session.use((store) => store.getChat(jid));
    if (known === undefined || known.name !== '') {
      this.#leave(jid, Infinity);
      return false;
    }
    const connection = await this.#online();
    if (connection === undefined) {
      this.#waiting.clear();
      return false;
    }
    const nowMs = this.#dependencies.now();
    const sinceMs = isAgain ? nowMs : nowMs - ASK_AGAIN_MS;
    const isDue = await this.#session.commit((commit) => noteAsked(commit, jid, nowMs, sinceMs));
    if (isDue) await this.#ask(connection, jid, isAgain);
    else this.#leave(jid, nowMs + ASK_AGAIN_MS);
    return isDue;
  }

  async #ask(connection: LinkConnection, jid: string, isAgain: boolean): Promise<void> {
    const { now, log } = this.#dependencies;
    try {
      await this.#record(await this.#orStopped(connection.fetchGroup(jid)));
    } catch (error) {
      if (error instanceof LinkLost) this.#lost = connection;
      if (error instanceof LinkLost && !isAgain) {
        this.#waiting.set(jid, true);
        return;
      }
      const isRefusal = error instanceof DomainError && REFUSALS.has(error.fault.reason);
      if (!isRefusal && !(error instanceof LinkLost)) throw error;
      if (isRefusal && isForAll(error)) {
        this.#quietUntilMs = now() + QUIET_MS;
        this.#waiting.clear();
      }
      log.info({ sessionId: this.#session.record.sessionId, err: error }, 'a group does not tell its name');
    }
    this.#leave(jid, now() + ASK_AGAIN_MS);
  }

  /** The connection, as soon as the link is online; undefined when it will not be by itself. */
  async #online(): Promise<LinkConnection | undefined> {
    const { signal } = this.#stop;
    for (;;) {
      signal.throwIfAborted();
      const change = this.#link.changes.next(signal);
      const { connection, view, changes } = this.#link;
      // While it catches up, what waits there may tell the name.
      if (view.status.state === 'online' && connection !== this.#lost) {
        this.#lost = undefined;
        return connection;
      }
      if (!isActive(view.status) || changes.closed) return undefined;
      await change;
    }
  }

  async #record(events: LiveEvent[]): Promise<void> {
    const { openVote } = this.#dependencies.inboxReader;
    await this.#session.use(async (store) => {
      await this.#session.commit((commit) => store.recordLive(commit, events, openVote));
      // What was learned of LIDs also concerns what is stored.
      while (store.resolving) await store.resolveStep((build) => this.#session.commit(build));
    });
  }

  /** What a question comes to, or a rejection when this is closed: the connection may take seconds to end. */
  async #orStopped<T>(question: Promise<T>): Promise<T> {
    const { signal } = this.#stop;
    const waited = new AbortController();
    const stopped = new Promise<never>((_, reject) => {
      const stop = (): void => reject(new LinkLost('stopped'));
      signal.addEventListener('abort', stop, { signal: waited.signal });
    });
    try {
      return await Promise.race([question, stopped]);
    } finally {
      waited.abort();
    }
  }

  #leave(jid: string, untilMs: number): void {
    this.#waiting.delete(jid);
    this.#settled.delete(jid);
    this.#settled.set(jid, untilMs);
    const [oldest] = this.#settled.keys();
    if (this.#settled.size > MAX_SETTLED && oldest !== undefined) this.#settled.delete(oldest);
  }
}

/** Whether nobody should be asked for: WhatsApp says that it is asked too often, that it fails, or nothing. */
function isForAll({ fault }: DomainError): boolean {
  return fault.reason !== 'WHATSAPP_REFUSED' || fault.code === 429 || fault.code >= 500;
}

const REFUSALS: ReadonlySet<string> = new Set(['WHATSAPP_REFUSED', 'WHATSAPP_SILENT']);

/** Between two questions. Chosen, not measured: an official client asks as often when somebody opens one group after the other. */
const PAUSE_MS = 2000;

/** Some minutes of asking; the next message of what has no place brings it back. */
const MAX_WAITING = 500;

/** Groups of which nobody has to look up what is known; some 100 bytes each. */
const MAX_SETTLED = 500;

/** A group that does not tell its name is one that the owner has left: it will not tell it soon. Chosen, not measured. */
const ASK_AGAIN_MS = 6 * 60 * 60_000;

/** After a refusal that is not about one group. Chosen, not measured. */
const QUIET_MS = 15 * 60_000;
