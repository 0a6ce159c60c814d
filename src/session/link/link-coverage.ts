import { DomainError } from '../../domain/fault.js';
import type { LiveConnection } from '../../domain/coverage.js';
import type { Disconnect, DisconnectCause } from '../../domain/link.js';
import type { Logger } from '../../log.js';
import { addConnection, notePairing } from '../../store/coverage.js';
import type { LiveCounts } from '../../store/record-live.js';
import type { LinkConnectionEvents } from './link.js';
import type { Session } from '../session.js';

/** The events of a connection, as far as the link itself needs them. */
export type LinkEvents = Omit<LinkConnectionEvents, 'heard' | 'caughtUp'> & { caughtUp(): void };

/** What coverage works with. */
export interface LinkCoverageDependencies {
  now: () => number;
  /** A number from 0 to 1. */
  random: () => number;
  log: Logger;
}

/**
 * Notes which time the link of a session covers: of the connection that there is, in memory (`Session.live`), and on the disk with a
 * lag, so that nothing is claimed there of what had not become durable. A crash loses at most that lag, and the next connection fills
 * it. Failures are not told: what is not noted is not claimed.
 */
export class LinkCoverage {
  readonly #session: Session;
  readonly #dependencies: LinkCoverageDependencies;
  readonly #drain: { counts: LiveCounts };
  #connection: LiveConnection | undefined;
  /** The connection as it was at the beat before: what arrived by then is durable, or the connection has ended. */
  #settled: LiveConnection | undefined;
  /** How far the disk knows. */
  #notedMs = 0;
  /** How long it may know no more while nothing is recorded. */
  #idleBeatMs = IDLE_BEAT_MS;
  #recorded = 0;
  #beat: NodeJS.Timeout | undefined;
  /** The device will never hear what waits for it: told with the next note, for the one before may have failed. */
  #lost: boolean;
  #noting: Promise<void> = Promise.resolve();

  /** `drain` counts what was recorded; `lost`: the link comes back from a state in which another one was in its place, or none. */
  constructor(session: Session, dependencies: LinkCoverageDependencies, drain: { counts: LiveCounts }, lost: boolean) {
    this.#session = session;
    this.#dependencies = dependencies;
    this.#drain = drain;
    this.#lost = lost;
  }

  /** Events of a new connection that tell this one too, and then those of the link. */
  noting(events: LinkEvents): LinkConnectionEvents {
    let isOpen = false;
    return {
      offered: (offer) => events.offered(offer),
      paired: async (account) => {
        await events.paired(account);
        await this.paired();
      },
      opened: (account) => {
        if (!isOpen) this.opened();
        isOpen = true;
        events.opened(account);
      },
      heard: () => this.heard(),
      caughtUp: (told) => {
        this.caughtUp(told);
        events.caughtUp();
      },
      closed: (disconnect) => {
        this.closed(disconnect);
        events.closed(disconnect);
      },
    };
  }

  /** A phone has answered. Throws when it cannot be noted: the device must not be kept then. */
  async paired(): Promise<void> {
    await this.#noting;
    const pairedMs = this.#dependencies.now();
    await this.#session.use((store) =>
      this.#session.commit((commit) => notePairing(commit, pairedMs, store.inbox.waiting('history') > 0)),
    );
    this.#lost = false;
  }

  /** WhatsApp let the link in. */
  opened(): void {
    const nowMs = this.#dependencies.now();
    this.#connection = { openedMs: nowMs, heardMs: nowMs, caughtUp: false };
    this.#settled = undefined;
    this.#notedMs = nowMs;
    // Hundreds of links that came at the same time would else open their histories at the same time, again and again.
    this.#idleBeatMs = IDLE_BEAT_MS * (1 - this.#dependencies.random() / 2);
    clearInterval(this.#beat);
    this.#beat = setInterval(() => this.beat(), BEAT_MS);
  }

  /** Something arrived. */
  heard(): void {
    if (this.#connection !== undefined) this.#connection.heardMs = this.#dependencies.now();
  }

  /** The link is online; `told` when WhatsApp said that nothing waits any more. */
  caughtUp(told: boolean): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    connection.caughtUp ||= told && !this.#lost;
    this.#session.live = connection;
    // The disk must forget since when something waits, for it does not any more.
    if (this.#lost) void this.#note({ ...connection, heardMs: connection.openedMs }, true);
  }

  /** Notes what has become durable; called from time to time while there is a connection. */
  beat(): void {
    const settled = this.#settled;
    this.#settled = this.#session.live && { ...this.#session.live };
    if (settled === undefined) return;
    const { added, updated, unchanged, refused, awaiting } = this.#drain.counts;
    const recorded = added + updated + unchanged + refused + awaiting;
    // A session that nobody writes to has closed its history: it is not opened for this alone, but now and then.
    if (recorded === this.#recorded && settled.heardMs - this.#notedMs < this.#idleBeatMs) return;
    this.#recorded = recorded;
    void this.#note(settled, false);
  }

  /** The connection has ended, and everything that arrived on it is durable. */
  closed({ cause }: Disconnect): void {
    clearInterval(this.#beat);
    const connection = this.#session.live;
    this.#connection = this.#settled = undefined;
    const lost = LOSING.has(cause);
    // Nothing was claimed yet when it never came online.
    if (connection === undefined && !lost) return;
    void this.#note(connection ?? NEVER_ONLINE, lost).then(() => {
      // Readers have it from here until they find it on the disk.
      if (this.#session.live === connection) this.#session.live = undefined;
    });
  }

  /** Resolves when what was to be noted is. */
  async close(): Promise<void> {
    clearInterval(this.#beat);
    await this.#noting;
  }

  /** Never rejects. */
  #note(connection: LiveConnection, lost: boolean): Promise<void> {
    this.#lost ||= lost;
    const noted = { ...connection };
    this.#noting = this.#noting.then(async () => {
      try {
        await this.#session.commit((commit) => addConnection(commit, noted, lost));
        this.#notedMs = Math.max(this.#notedMs, noted.heardMs);
        if (lost) this.#lost = false;
      } catch (error) {
        if (error instanceof DomainError && error.fault.reason === 'SHUTTING_DOWN') return;
        const { sessionId } = this.#session.record;
        this.#dependencies.log.warn({ sessionId, err: error }, 'what the link covers cannot be noted now');
      }
    });
    return this.#noting;
  }
}

/** Ends after which what waits is not for this device, or was told to another one in its place. */
const LOSING: ReadonlySet<DisconnectCause> = new Set(['logged-out', 'replaced', 'banned']);

/** Covers nothing. */
const NEVER_ONLINE: LiveConnection = { openedMs: 1, heardMs: 0, caughtUp: false };

/** What arrived is durable long before. */
const BEAT_MS = 60_000;

/** At most, and half of it at least: less often than a history is closed that nobody uses. Chosen, not measured. */
const IDLE_BEAT_MS = 10 * 60_000;
