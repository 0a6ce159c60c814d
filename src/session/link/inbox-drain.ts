import { setImmediate, setTimeout as delay } from 'node:timers/promises';
import type { LiveEvent } from '../../domain/live-event.js';
import { DomainError } from '../../domain/fault.js';
import type { HistoryStore } from '../../store/history-store.js';
import type { InboxRecord } from '../../store/inbox.js';
import { type LiveCounts, noCounts } from '../../store/record-live.js';
import { type DrainDependencies, HistoryDrain } from './history-drain.js';

/**
 * The one way from the inbox into the store: reads records in order, converts them, and deletes them in the commit that stores
 * what they say. It runs when it is woken, which whoever opens a session does too: so what a crash left is recorded by itself.
 */
export class InboxDrain {
  /** What became of everything that was recorded since the drain began. */
  readonly counts: LiveCounts = noCounts();
  /** Fetches announced chunks of history. */
  readonly history: HistoryDrain;
  /** Hears what was recorded, once it is durable; nothing waits for it. */
  onRecorded: (events: readonly LiveEvent[]) => void = () => undefined;
  readonly #dependencies: DrainDependencies;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #again = false;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(dependencies: DrainDependencies) {
    this.#dependencies = dependencies;
    this.history = new HistoryDrain(dependencies, (counts) => this.#count(counts));
  }

  /** Something may be in the inbox. */
  wake(): void {
    if (this.#stop.signal.aborted) return;
    this.#again = true;
    this.#running ??= this.#run();
    this.history.wake();
  }

  /** Resolves when nothing is left to record at once; chunks of history may still have to be fetched. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Stops after the commit that is under way; what is left stays in the inbox. */
  async close(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await Promise.all([this.#running, this.history.close()]);
  }

  async #run(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      while (this.#again && !this.#stop.signal.aborted) {
        this.#again = false;
        for (let drained = 1; drained > 0 && !this.#stop.signal.aborted;) {
          drained = await this.#drainSome();
          // A commit for each message would cost more than the message.
          if (drained > 0 && drained < FEW_RECORDS) await delay(GATHER_MS);
        }
      }
      this.#failures = 0;
    } catch (error) {
      this.#retryLater(error);
    } finally {
      this.#running = undefined;
      if (this.#again && this.#failures === 0 && !this.#stop.signal.aborted) this.#running = this.#run();
    }
  }

  /** Resolves to how many records have left the lane. */
  async #drainSome(): Promise<number> {
    const { session } = this.#dependencies;
    return session.use(async (store) => {
      if (store.inbox.waiting('live') === 0) return 0;
      const records = await store.inbox.read('live', RECORDS_PER_COMMIT, BYTES_PER_COMMIT);
      if (records.length === 0) return 0;
      try {
        await this.#record(store, records);
      } catch (error) {
        if (store.failure !== undefined || error instanceof DomainError) throw error;
        // One of them cannot be recorded: it must not keep the others from it.
        for (const record of records) await this.#recordAlone(store, record);
      }
      // The records have left by now: what fails here is not theirs, and must not count them once more.
      while (store.resolving) await store.resolveStep((build) => session.commit(build));
      return records.length;
    });
  }

  async #recordAlone(store: HistoryStore, record: InboxRecord): Promise<void> {
    try {
      await this.#record(store, [record]);
    } catch (error) {
      if (store.failure !== undefined || error instanceof DomainError) throw error;
      const hasRoom = store.inbox.roomAside([record]) === 1;
      if (!hasRoom) this.#noteDropped(1);
      else this.#dependencies.log.error({ wordlessErr: error }, 'a delivered record cannot be recorded; it is kept');
      await this.#dependencies.session.commit(async (commit) => {
        if (hasRoom) store.inbox.move(commit, record, 'unread');
        else store.inbox.remove(commit, [record]);
      });
      store.inbox.settled('live', [record], hasRoom ? 'unread' : undefined);
    }
  }

  async #record(store: HistoryStore, records: InboxRecord[]): Promise<void> {
    const { reader, session } = this.#dependencies;
    const events: LiveEvent[] = [];
    const announced: InboxRecord[] = [];
    const unread: InboxRecord[] = [];
    for (const [n, record] of records.entries()) {
      if (n % RECORDS_BETWEEN_TURNS === RECORDS_BETWEEN_TURNS - 1) await setImmediate();
      const content = reader.read(record.payload);
      if (content === 'history') announced.push(record);
      else if (content === 'unread') unread.push(record);
      else events.push(...content);
    }
    this.#noteDropped(unread.splice(store.inbox.roomAside(unread)).length);
    const counts = await session.commit(async (commit) => {
      store.inbox.remove(commit, records);
      for (const record of announced) store.inbox.move(commit, record, 'history');
      for (const record of unread) store.inbox.move(commit, record, 'unread');
      return store.recordLive(commit, events, reader.openVote);
    });
    store.inbox.settled('live', unread, 'unread');
    const others = records.filter((record) => !unread.includes(record));
    store.inbox.settled('live', others, 'history', announced.length);
    if (announced.length > 0) this.history.wake();
    this.#count(counts);
    this.onRecorded(events);
  }

  #noteDropped(dropped: number): void {
    if (dropped > 0) this.#dependencies.log.error({ dropped }, 'too many records that are not understood are kept');
  }

  #retryLater(error: unknown): void {
    this.#failures++;
    const pauseMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#failures - 1));
    this.#dependencies.log.warn({ wordlessErr: error, pauseMs }, 'draining the inbox failed; it is tried again');
    if (!this.#stop.signal.aborted) this.#timer = setTimeout(() => this.wake(), pauseMs);
  }

  #count(counts: LiveCounts): void {
    for (const name of ['added', 'updated', 'unchanged', 'refused', 'awaiting'] as const) {
      this.counts[name] += counts[name];
    }
  }
}

/** One sync for so many messages; more make the commit of somebody else wait. */
const RECORDS_PER_COMMIT = 256;
const BYTES_PER_COMMIT = 1024 * 1024;

/** Converted in a millisecond or two: then the other sessions have their turn. */
const RECORDS_BETWEEN_TURNS = 32;

/** After so few, the drain waits a moment for more: some hundred commits a second are enough for who follows. */
const FEW_RECORDS = 32;
const GATHER_MS = 3;

const FIRST_PAUSE_MS = 200;
const MAX_PAUSE_MS = 30_000;
