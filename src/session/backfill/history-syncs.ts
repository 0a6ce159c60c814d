import { setTimeout as delay } from 'node:timers/promises';
import { isTerminal } from '../../domain/backfill.js';
import { DomainError } from '../../domain/fault.js';
import { isActive } from '../../domain/link.js';
import { Wakeup } from '../../store/wakeup.js';
import { type LiveBackfill, stateOf } from './backfill.js';
import { HistoryChunk } from './history-chunk.js';
import { type HistoryCounter, uncounted } from './history-counter.js';
import type { LinkBackfills } from './link-backfills.js';
import { type LinkRun, notConnected } from './link-run.js';
import type { LiveBackfills } from './live-backfills.js';
import type { Session } from '../session.js';

/**
 * The backfills of the history that WhatsApp sends by itself. Nobody creates them: the first chunk that is announced does when none runs. The
 * chunks are fetched and recorded by `history-drain.ts`; here is what is counted of them, and when it is over.
 */
export class HistorySyncs {
  readonly #live: LiveBackfills;
  readonly #links: Pick<LinkBackfills, 'open'>;
  readonly #now: () => number;
  readonly #quietMs: number;
  readonly #standings = new WeakMap<LiveBackfill, Standing>();

  constructor(dependencies: {
    live: LiveBackfills;
    links: Pick<LinkBackfills, 'open'>;
    now: () => number;
    quietMs?: number;
  }) {
    this.#live = dependencies.live;
    this.#links = dependencies.links;
    this.#now = dependencies.now;
    this.#quietMs = dependencies.quietMs ?? QUIET_MS;
  }

  /** What counts the chunks of a session. */
  counterOf(session: Session): HistoryCounter {
    return {
      begin: async (announcement, key) => {
        if (!announcement.unasked) return uncounted(session);
        const { backfill, standing } = await this.#enter(session);
        const leave = (): void => {
          standing.chunks--;
          standing.changes.wake();
        };
        try {
          // A write that failed may have reached the disk all the same: what is there counts.
          const stored = await session.use((store) => store.getBackfill(backfill.id));
          if (stored !== undefined && !isTerminal(stateOf(stored))) backfill.publish(stored);
          return new HistoryChunk({ backfill, session, announcement, key }, leave);
        } catch (error) {
          leave();
          throw error;
        }
      },
    };
  }

  /** The work of such a backfill: resolves when all that is to come has come and is recorded. */
  async untilComplete({ backfill, session, link, signal }: LinkRun): Promise<void> {
    const standing = this.#standingOf(backfill);
    let quietFromMs: number | undefined;
    while (!standing.closing) {
      signal.throwIfAborted();
      const turn = new AbortController();
      const over = AbortSignal.any([signal, turn.signal]);
      const news = [standing.changes.next(over)];
      // One that is closed tells nothing any more; whoever closed it stops this.
      if (!link.changes.closed) news.push(link.changes.next(over));
      const waiting = await session.use((store) => Promise.resolve(store.inbox.waiting('history')));
      const isAtWork = waiting > 0 || standing.chunks > 0;
      const isConnected = link.connection !== undefined;
      if (isAtWork || !isConnected) quietFromMs = undefined;
      else quietFromMs ??= this.#now();
      if (!isAtWork && !isConnected && !link.changes.closed && !isActive(link.view.status)) {
        standing.closing = true;
        throw notConnected(session, link);
      }
      show(backfill, isAtWork || isConnected ? 'went-on' : 'held-up');
      const leftMs = quietFromMs === undefined ? undefined : quietFromMs + this.#quietMs - this.#now();
      const isComplete = !isAtWork && backfill.record.historySync?.complete === true;
      if (isComplete || (leftMs !== undefined && leftMs <= 0)) standing.closing = true;
      else {
        if (leftMs !== undefined) news.push(delay(leftMs, undefined, { signal: over }).catch(() => undefined));
        await Promise.race(news);
      }
      turn.abort();
    }
    show(backfill, 'went-on');
  }

  /** The backfill of a session that counts what comes now; it does not end before its chunk is left. */
  async #enter(session: Session): Promise<{ backfill: LiveBackfill; standing: Standing }> {
    for (;;) {
      const [running] = this.#live.of(session, 'history-sync');
      const backfill = running ?? (await this.#links.open('history-sync', session));
      const standing = this.#standingOf(backfill);
      if (!standing.closing && backfill.ending === undefined && !backfill.stopped) {
        standing.chunks++;
        return { backfill, standing };
      }
      await backfill.work;
      if (!this.#live.of(session, 'history-sync').includes(backfill)) continue;
      // Its end could not be carried out: the store cannot be written, or the daemon stops.
      throw new DomainError({ reason: 'SESSION_UNAVAILABLE', sessionId: session.record.sessionId });
    }
  }

  #standingOf(backfill: LiveBackfill): Standing {
    const known = this.#standings.get(backfill);
    if (known !== undefined) return known;
    const standing = { chunks: 0, closing: false, changes: new Wakeup() };
    this.#standings.set(backfill, standing);
    return standing;
  }
}

/** Where a history sync stands, beside its record. */
interface Standing {
  /** How many chunks are being recorded. */
  chunks: number;
  /** Set when it ends: what comes is counted by the next one. */
  closing: boolean;
  /** Wakes when a chunk is left. */
  changes: Wakeup;
}

/** Shows whether it waits for the link. */
function show(backfill: LiveBackfill, event: 'held-up' | 'went-on'): void {
  if (backfill.state === (event === 'held-up' ? 'importing' : 'waiting')) backfill.publish(backfill.after({ event }));
}

/** Phones pause for minutes between chunks. What comes later is a history sync of its own. Chosen, not measured. */
const QUIET_MS = 10 * 60_000;
