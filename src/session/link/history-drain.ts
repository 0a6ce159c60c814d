import { HistoryGone } from '../../domain/history-gone.js';
import type { LiveEvent } from '../../domain/live-event.js';
import type { Logger } from '../../log.js';
import type { Commit } from '../../store/commit.js';
import { noteLostHistory } from '../../store/coverage.js';
import type { HistoryStore } from '../../store/history-store.js';
import type { InboxRecord } from '../../store/inbox.js';
import type { LiveCounts } from '../../store/record-live.js';
import { type CountedChunk, type HistoryCounter, uncounted } from '../backfill/history-counter.js';
import type { InboxReader } from './link-inbox.js';
import { PhoneAnswers } from '../backfill/phone-answers.js';
import type { Session } from '../session.js';
import { isUnrecordable, soundEvents } from './sound-events.js';

/** What a drain works with. */
export interface DrainDependencies {
  session: Pick<Session, 'use' | 'commit'>;
  reader: InboxReader;
  log: Logger;
  /** Counts the chunks of history; without one nobody does. */
  counter?: HistoryCounter;
}

/** What became of the chunks of history that were announced since the process began. */
export interface HistoryCounts {
  chunks: number;
  /** Chunks that can never be had; their announcements are kept. */
  gone: number;
  /** Times that a chunk could not be had yet. */
  retries: number;
  added: number;
  updated: number;
}

/**
 * Fetches the chunks of history that WhatsApp announced, one after the other, from the announcements in the inbox. A chunk is recorded
 * part by part, and its announcement is deleted after the last one: after a crash it begins anew behind the parts that are known to be
 * committed, or with the first one, which changes nothing.
 */
export class HistoryDrain {
  readonly counts: HistoryCounts = { chunks: 0, gone: 0, retries: 0, added: 0, updated: 0 };
  /** Those who wait for what the phone was asked. */
  readonly answers = new PhoneAnswers();
  readonly #stop = new AbortController();
  readonly #failures = new Map<string, { times: number; notBeforeMs: number }>();
  #running: Promise<void> | undefined;
  #again = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly dependencies: DrainDependencies,
    private readonly count: (counts: LiveCounts) => void,
  ) {}

  /** An announcement may be there. */
  wake(): void {
    if (this.#stop.signal.aborted) return;
    this.#again = true;
    this.#running ??= this.#run();
  }

  /** Resolves when every announced chunk is recorded, or waits to be tried again. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      while (this.#again && !this.#stop.signal.aborted) {
        this.#again = false;
        const records = await this.dependencies.session.use((store) =>
          store.inbox.read('history', MAX_LISTED, MAX_BYTES),
        );
        for (const record of records) {
          if (this.#stop.signal.aborted) return;
          if ((this.#failures.get(nameOf(record))?.notBeforeMs ?? 0) <= Date.now()) await this.#fetch(record);
        }
        this.#wakeLater();
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#retryAll(error);
    } finally {
      this.#running = undefined;
    }
  }

  async #fetch(record: InboxRecord): Promise<void> {
    const { session, reader, log, counter } = this.dependencies;
    let chunk = uncounted(session);
    try {
      const announced = reader.announced(record.payload);
      const answer = announced.unasked ? undefined : this.answers.begin(announced.questionId);
      if (counter !== undefined) chunk = await counter.begin(announced, record.key);
      let part = 0;
      let left = 0;
      for await (const events of reader.readHistory(record.payload, this.#stop.signal)) {
        if (part++ < chunk.partsDone) continue;
        const { counts, leftOut } = await session.use((store) => this.#recordPart(store, chunk, events));
        left += leftOut;
        this.counts.added += counts.added;
        this.counts.updated += counts.updated;
        this.count(counts);
        answer?.part(events, counts);
        await session.use(async (store) => {
          while (store.resolving) await store.resolveStep((build) => session.commit(build));
        });
      }
      if (left > 0) throw new HistoryGone('some of it cannot be recorded');
      await this.#leave(record, chunk, undefined);
      answer?.end();
      this.counts.chunks++;
      this.#again = true;
      log.info({ chunks: this.counts.chunks, added: this.counts.added }, 'a chunk of history was recorded');
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      if (error instanceof HistoryGone) {
        await this.#leave(record, chunk, 'unread');
        this.counts.gone++;
        log.error({}, 'a chunk of history cannot be had any more; its announcement is kept');
        return;
      }
      this.#failed(record, error);
    } finally {
      chunk.close();
    }
  }

  /** Records a part, without what cannot be recorded: it would keep the chunk from it for ever. */
  async #recordPart(
    store: HistoryStore,
    chunk: CountedChunk,
    events: LiveEvent[],
  ): Promise<{ counts: LiveCounts; leftOut: number }> {
    const { session, reader } = this.dependencies;
    const record = (commit: Commit, some: LiveEvent[]) => store.recordLive(commit, some, reader.openVote);
    try {
      return { counts: await chunk.commitPart((commit) => record(commit, events)), leftOut: 0 };
    } catch (error) {
      if (!isUnrecordable(error, store)) throw error;
      const sound = await soundEvents(session, store, events, record);
      if (sound.length === events.length) throw error;
      const counts = await chunk.commitPart((commit) => record(commit, sound));
      return { counts, leftOut: events.length - sound.length };
    }
  }

  async #leave(record: InboxRecord, chunk: CountedChunk, to: 'unread' | undefined): Promise<void> {
    const { session } = this.dependencies;
    this.#failures.delete(nameOf(record));
    await session.use(async (store) => {
      const leave = async (commit: Commit): Promise<void> => {
        if (to === undefined) return store.inbox.remove(commit, [record]);
        store.inbox.move(commit, record, to);
        await noteLostHistory(commit);
      };
      await chunk.commitEnd(leave, to === undefined ? 'recorded' : 'gone');
      store.inbox.settled('history', [record], to);
    });
  }

  #failed(record: InboxRecord, error: unknown): void {
    const times = (this.#failures.get(nameOf(record))?.times ?? 0) + 1;
    const pauseMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (times - 1));
    this.#failures.set(nameOf(record), { times, notBeforeMs: Date.now() + pauseMs });
    this.counts.retries++;
    this.dependencies.log.warn(
      { err: error, times, pauseMs },
      'a chunk of history could not be had; it is tried again',
    );
  }

  /** Comes back when the first of those that failed may be tried again. */
  #wakeLater(): void {
    clearTimeout(this.#timer);
    const times = [...this.#failures.values()].map(({ notBeforeMs }) => notBeforeMs);
    if (times.length === 0 || this.#stop.signal.aborted) return;
    const pauseMs = Math.max(1, Math.min(...times) - Date.now());
    this.#timer = setTimeout(() => this.wake(), pauseMs);
  }

  #retryAll(error: unknown): void {
    this.dependencies.log.warn({ err: error }, 'the announced history cannot be read; it is tried again');
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.wake(), MAX_PAUSE_MS);
  }
}

function nameOf({ key }: InboxRecord): string {
  return key.toString('latin1');
}

/** Announcements of a round; the next round lists the rest. An inline one holds its chunk. */
const MAX_LISTED = 64;
const MAX_BYTES = 16 * 1024 * 1024;

const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 5 * 60_000;
