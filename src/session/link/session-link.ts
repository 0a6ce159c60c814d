import { setTimeout as delay } from 'node:timers/promises';
import { DomainError, type Fault } from '../../domain/fault.js';
import {
  backoffMs,
  type Disconnect,
  hasCredentials,
  isActive,
  isConnected,
  isStopped,
  mayBeSameAccount,
} from '../../domain/link.js';
import type { Wakeup } from '../../store/wakeup.js';
import type { LinkConnection, LinkTask } from './link.js';
import { LinkCoverage } from './link-coverage.js';
import type { SessionLinkDependencies } from './link-dependencies.js';
import { LinkStanding } from './link-standing.js';
import { storageOf } from './link-storage.js';
import { pairingFault } from './pairing-fault.js';
import type { Session } from '../session.js';
import { SessionInbox } from './session-inbox.js';
import type { LinkView } from '../sessions.js';
import { tellDisconnect } from './tell-disconnect.js';
import { UnknownGroups } from './unknown-groups.js';

/**
 * The link of one session: keeps it connected, pairs and unpairs it. What it receives becomes history elsewhere; here it is only
 * known where the link stands.
 */
export class SessionLink {
  readonly #sessionId: string;
  readonly #dependencies: SessionLinkDependencies;
  readonly #storage: ReturnType<typeof storageOf>;
  /** What it delivers, and how that is recorded. */
  readonly inbox: SessionInbox;
  readonly #standing: LinkStanding;
  readonly #coverage: LinkCoverage;
  readonly #groups: UnknownGroups;
  #connection: LinkConnection | undefined;
  /** The loop that connects again and again, while it runs. Its promise never rejects. */
  #life: { stop: AbortController; over: Promise<void> } | undefined;
  /** The call that links, while it runs, and its pairing, which never rejects. */
  #linking: AbortController | undefined;
  #pairing: Promise<void> | undefined;
  #unlinking: Promise<boolean> | undefined;
  /** Why the phone that answered was not taken. */
  #refusal: Fault | undefined;
  #stopped = false;

  constructor(session: Session, dependencies: SessionLinkDependencies) {
    this.#sessionId = session.record.sessionId;
    this.#dependencies = dependencies;
    this.#storage = storageOf(session);
    this.inbox = new SessionInbox(session, { ...dependencies, counter: dependencies.counterOf(session) });
    this.#standing = new LinkStanding(session.record.link, {
      now: dependencies.now,
      save: (record) => dependencies.save(session, record),
    });
    this.#coverage = new LinkCoverage(session, dependencies, this.inbox.drain, isStopped(this.#standing.state));
    this.#groups = new UnknownGroups(session, this, dependencies);
    this.inbox.drain.onRecorded = (events) => this.#groups.note(events);
  }

  /** The link as it is now. */
  get view(): LinkView {
    return this.#standing.view;
  }

  /** Wakes when the view has changed; closed when there will be no more. */
  get changes(): Wakeup {
    return this.#standing.changes;
  }

  /** The connection, while WhatsApp has let it in. */
  get connection(): LinkConnection | undefined {
    return isConnected(this.#standing.state) ? this.#connection : undefined;
  }

  /** Records what a crash left in the inbox, and connects when the state says that it does so by itself. */
  resume(): void {
    this.inbox.wake();
    if (isActive(this.#standing.state)) this.#live();
  }

  /**
   * Links the session: yields what there is to show and ends when it is connected, as LinkSession describes. Ends the attempt when
   * it is left, or the signal aborts, before a phone has answered.
   */
  async *link(phoneNumber: string, signal: AbortSignal): AsyncGenerator<LinkView, void, undefined> {
    if (this.#stopped) throw new DomainError({ reason: 'SHUTTING_DOWN' });
    if (this.#linking !== undefined || this.#unlinking !== undefined) {
      throw new DomainError({ reason: 'LINK_IN_PROGRESS', sessionId: this.#sessionId });
    }
    const linking = (this.#linking = new AbortController());
    const ended = AbortSignal.any([signal, linking.signal]);
    try {
      yield this.view;
      if (isActive(this.#standing.state)) return;
      if (hasCredentials(this.#standing.state)) {
        this.#standing.apply({ event: 'connect' });
        this.#live();
      } else {
        yield* this.#showPairing(phoneNumber, ended);
      }
      yield* this.#untilConnected(ended);
    } finally {
      this.#linking = undefined;
    }
  }

  /** Takes the device off the account and forgets it. Resolves to whether WhatsApp was told; false when it was not linked. */
  unlink(): Promise<boolean> {
    this.#unlinking ??= this.#unlink().finally(() => {
      this.#unlinking = undefined;
      // What could not be unlinked goes on as it was.
      if (!this.#stopped) this.resume();
    });
    return this.#unlinking;
  }

  /** Ends what runs, and leaves the link to the next start. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#linking?.abort();
    await this.#pairing;
    await this.#endLife();
    await Promise.all([this.#groups.close(), this.inbox.close()]);
    await this.#coverage.close();
    await this.#standing.close();
  }

  /** Pairs, and yields the offers meanwhile. Throws when no device came of it. */
  async *#showPairing(phoneNumber: string, ended: AbortSignal): AsyncGenerator<LinkView, void, undefined> {
    const left = new AbortController();
    let outcome: { failure: unknown } | undefined;
    const over = (failure?: unknown): void => {
      outcome = { failure };
      this.changes.wake();
    };
    const pairing = (this.#pairing = this.#pair(phoneNumber, AbortSignal.any([ended, left.signal])).then(
      () => over(),
      over,
    ));
    const isOver = (): boolean => outcome !== undefined;
    try {
      while (!isOver()) {
        const change = this.changes.next(ended);
        if (this.#standing.state.state === 'awaiting-scan') yield this.view;
        await (ended.aborted ? pairing : change);
      }
    } finally {
      left.abort();
      await pairing;
      this.#pairing = undefined;
    }
    if (outcome?.failure instanceof Error) throw outcome.failure;
  }

  /** Resolves when there is a device; the link lives from then on, whatever becomes of the caller. */
  async #pair(phoneNumber: string, ended: AbortSignal): Promise<void> {
    // A device that was logged out a moment ago is still being forgotten.
    await this.#life?.over;
    const before = this.#standing.state;
    this.#refusal = undefined;
    await this.#storage.clear();
    this.#standing.apply({ event: 'pairing-started' });
    const disconnect = await this.#connect({ phoneNumber }, ended);
    this.#standing.offer(undefined);
    if (this.#standing.state.state !== 'awaiting-scan') {
      this.#standing.apply({ event: 'disconnected', disconnect: { cause: 'restart', code: 0 }, retryAtMs: 0 });
      if (!this.#stopped) this.#live();
      return;
    }
    this.#standing.apply({ event: 'pairing-ended', before });
    // The connection stored nothing of the device, but it may have stored keys.
    await this.#storage.clear();
    throw new DomainError(this.#refusal ?? pairingFault(disconnect, this.#sessionId));
  }

  async *#untilConnected(ended: AbortSignal): AsyncGenerator<LinkView, void, undefined> {
    while (!ended.aborted) {
      const change = this.changes.next(ended);
      const { view } = this;
      yield view;
      if (isConnected(view.status)) return;
      if (isStopped(view.status)) {
        throw new DomainError({ reason: 'LINK_REFUSED', sessionId: this.#sessionId, ...view.status });
      }
      await change;
    }
    throw new DomainError({ reason: 'CANCELLED' });
  }

  async #unlink(): Promise<boolean> {
    this.#linking?.abort();
    await this.#pairing;
    const told = isConnected(this.#standing.state) && (await this.#connection?.logOut()) === true;
    await this.#endLife();
    if (this.#standing.state.state === 'unlinked') return told;
    await this.#storage.clear();
    this.#standing.apply({ event: 'unlinked' });
    await this.#standing.save();
    return told;
  }

  #live(): void {
    if (this.#life !== undefined) return;
    const stop = new AbortController();
    const over = this.#keepConnected(stop.signal).finally(() => {
      this.#life = undefined;
    });
    this.#life = { stop, over };
  }

  async #endLife(): Promise<void> {
    this.#life?.stop.abort();
    await this.#life?.over;
  }

  /** Never rejects. */
  async #keepConnected(signal: AbortSignal): Promise<void> {
    // Whoever unlinks ends the connection first, and what runs here after it.
    while (!signal.aborted && this.#unlinking === undefined) {
      const { state } = this.#standing;
      if (state.state === 'backing-off') {
        const pauseMs = Math.max(0, state.retryAtMs - this.#dependencies.now());
        await delay(pauseMs, undefined, { signal }).catch(() => undefined);
        if (!signal.aborted) this.#standing.apply({ event: 'connect' });
      } else if (state.state === 'connecting') {
        await this.#connectOnce(signal);
      } else {
        return;
      }
    }
  }

  async #connectOnce(signal: AbortSignal): Promise<void> {
    const endTurn = await this.#dependencies.turns.take(signal);
    if (signal.aborted) return endTurn();
    const disconnect = await this.#connect(undefined, signal, endTurn);
    endTurn();
    const attempts = 'attempts' in this.#standing.state ? this.#standing.state.attempts + 1 : 1;
    const retryAtMs = this.#dependencies.now() + backoffMs(attempts, this.#dependencies.random());
    this.#standing.apply({ event: 'disconnected', disconnect, retryAtMs });
    tellDisconnect(this.#dependencies.log, this.#sessionId, disconnect, this.#standing.state);
    try {
      // First the record, so that credentials without a link are never taken for one.
      await this.#standing.save();
      if (!hasCredentials(this.#standing.state)) await this.#storage.clear();
    } catch (error) {
      this.#dependencies.log.error(
        { sessionId: this.#sessionId, err: error },
        'where the link stands cannot be stored',
      );
    }
  }

  /** Makes one connection and resolves when it has ended. */
  #connect(pairing: LinkTask['pairing'], signal: AbortSignal, opened = (): void => undefined): Promise<Disconnect> {
    return new Promise((resolve) => {
      let lasted: NodeJS.Timeout | undefined;
      const close = (): void => connection.close();
      const events = this.#coverage.noting({
        offered: (offer) => this.#standing.offer(offer),
        paired: async (account) => {
          // Two people's messages in one history could not be told apart again.
          if (!mayBeSameAccount(this.view, account))
            throw new DomainError((this.#refusal = { reason: 'LINK_OTHER_ACCOUNT', sessionId: this.#sessionId }));
          this.#standing.offer(undefined);
          this.#standing.learn(account);
          await this.#standing.save({ state: 'connecting', attempts: 0, restarted: false });
          this.#standing.apply({ event: 'paired' });
        },
        opened: (account) => {
          opened();
          if (this.#standing.learn(account)) this.#standing.save().catch(() => undefined); // It is learned again.
          if (this.#standing.apply({ event: 'opened' })) {
            lasted = setTimeout(() => this.#standing.apply({ event: 'lasted' }), LASTED_MS);
            this.#dependencies.log.info({ sessionId: this.#sessionId }, 'link connected');
          }
        },
        caughtUp: () => void this.#standing.apply({ event: 'caught-up' }),
        closed: (disconnect) => {
          clearTimeout(lasted);
          signal.removeEventListener('abort', close);
          this.#connection = undefined;
          resolve(disconnect);
        },
      });
      const task = { sessionId: this.#sessionId, inbox: this.inbox, storage: this.#storage, pairing, events };
      const connection = this.#dependencies.connectLink(task);
      this.#connection = connection;
      signal.addEventListener('abort', close);
      if (signal.aborted) close();
    });
  }
}

/** A connection that lasts so long was a good one: the next pause is a short one again. Chosen, not measured. */
const LASTED_MS = 60_000;
