import { setTimeout as delay } from 'node:timers/promises';
import type { LiveConnection } from '../domain/coverage.js';
import { DomainError } from '../domain/fault.js';
import type { VoteOpener } from '../domain/live-event.js';
import type { SessionRecord } from '../gen/scrollback/store/v1/record_pb.js';
import type { Logger } from '../log.js';
import type { Commit } from '../store/commit.js';
import { HistoryStore } from '../store/history-store.js';
import { Wakeup } from '../store/wakeup.js';
import type { IdleStores } from './idle-stores.js';
import { Mailbox } from './mailbox.js';

/** What a session works with. */
export interface SessionDependencies {
  now: () => number;
  log: Logger;
  /** Bounds how many stores of unused sessions are open; without it each is closed by its time alone. */
  idleStores?: IdleStores;
  /** Opens what waits for the secret of a message, when a backup has it; without it that stays sealed until a link is there. */
  openVote?: VoteOpener;
}

/**
 * One WhatsApp account: the actor that alone writes its history. It opens its store when somebody needs it and closes it when nobody has
 * for a while. A store that fails is closed and opened anew with growing pauses; meanwhile calls are refused with
 * SESSION_UNAVAILABLE, and no other session notices.
 */
export class Session {
  /** As it is in the registry, or is being written there. */
  record: SessionRecord;
  readonly directory: string;
  /** The connection of its link, while it is online: what it covers. */
  live: LiveConnection | undefined;
  /** Wakes after each commit. */
  readonly commits = new Wakeup();
  readonly #mailbox: Mailbox;
  readonly #dependencies: SessionDependencies;
  #open: OpenHistory | undefined;
  /** What the store counted when it was closed; undefined while it is open, and when nobody has opened it yet. */
  #closedCounts: HistoryCounts | undefined;
  /** The closing of stores that were opened before: the next one is opened after it. */
  #closing: Promise<void> = Promise.resolve();
  #idleTimer: NodeJS.Timeout | undefined;
  #failures = 0;
  /** What the last failure was; calls that are refused during the pause after it have it as their cause. */
  #lastFailure: unknown;
  #retryAtMs = 0;
  #closed = false;

  constructor(record: SessionRecord, directory: string, dependencies: SessionDependencies) {
    this.record = record;
    this.directory = directory;
    this.#dependencies = dependencies;
    this.#mailbox = new Mailbox(record.sessionId);
  }

  /** Whether the store can be used, as far as is known. */
  get state(): 'ready' | 'recovering' | 'failed' {
    if (this.#failures === 0) return 'ready';
    return this.#failures < FAILURES_UNTIL_FAILED ? 'recovering' : 'failed';
  }

  /** True once `close` was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /** When the store may be tried again, in ms since 1970. A clock that is put back meanwhile ends the pause. */
  get retryAtMs(): number {
    const now = this.#dependencies.now();
    return this.#retryAtMs > now + MAX_PAUSE_MS ? now : this.#retryAtMs;
  }

  /** Runs `work` with the open store, which stays open until it has settled. */
  async use<T>(work: (store: HistoryStore) => Promise<T>): Promise<T> {
    if (this.#closed) throw this.#ended();
    const open = this.#take();
    try {
      const store = await open.store;
      try {
        return await work(store);
      } catch (error) {
        if (this.#closed && this.record.deleting) throw this.#ended();
        if (store.failure !== undefined) this.#giveUp(open, store.failure);
        // It was closed under a reader that took its time: what that one then saw is not its fault.
        else if (this.#open === open || error instanceof DomainError) throw error;
        throw this.#unavailable(error);
      }
    } finally {
      this.#release(open);
    }
  }

  /** What is counted of the history. One that was open before is not opened for it: a list of thousands of sessions takes no longer than their records. */
  async counts(): Promise<HistoryCounts> {
    if (this.#closedCounts !== undefined && !this.#closed) return this.#closedCounts;
    return this.use((store) => Promise.resolve(countsOf(store)));
  }

  /** Builds and writes a commit when its turn comes; the turn of the next one comes when this one is being written. */
  commit<T>(build: (commit: Commit) => Promise<T>): Promise<T> {
    return this.use(async (store) => {
      const { durable } = await this.#mailbox.run(() => store.prepare(build));
      const result = await durable;
      this.commits.wake();
      return result;
    });
  }

  /** Ends followers, waits a moment for everybody who uses the store, and closes it. Later calls are refused. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#endIdleTime();
    await this.#mailbox.close();
    if (this.#open !== undefined) this.#retire(this.#open);
    await this.#closing;
  }

  #take(): OpenHistory {
    this.#endIdleTime();
    if (this.#open === undefined) {
      if (this.#dependencies.now() < this.retryAtMs) throw this.#unavailable(this.#lastFailure);
      this.#open = { store: this.#closing.then(() => this.#openStore()), users: 0, whenUnused: undefined };
      this.#closedCounts = undefined;
    }
    this.#open.users++;
    return this.#open;
  }

  #release(open: OpenHistory): void {
    open.users--;
    if (open.users > 0) return;
    open.whenUnused?.();
    if (this.#open !== open || this.#closed) return;
    const closeUnused = (): void => {
      this.#endIdleTime();
      if (this.#open === open && open.users === 0) this.#retire(open);
    };
    this.#idleTimer = setTimeout(closeUnused, IDLE_MS);
    this.#idleTimer.unref();
    this.#dependencies.idleStores?.left(this, closeUnused);
  }

  #endIdleTime(): void {
    clearTimeout(this.#idleTimer);
    this.#dependencies.idleStores?.taken(this);
  }

  async #openStore(): Promise<HistoryStore> {
    try {
      const present = { now: this.#dependencies.now, live: () => this.live };
      const { openVote } = this.#dependencies;
      const store = await HistoryStore.open(`${this.directory}/history`, STORE_OPTIONS, present, openVote);
      await finishResolving(store);
      this.#failures = 0;
      this.#lastFailure = undefined;
      return store;
    } catch (error) {
      this.#open = undefined;
      this.#noteFailure(error, 'the history cannot be opened');
      throw this.#unavailable(error);
    }
  }

  /** Closes a poisoned store, so that the next one who needs it opens it anew. */
  #giveUp(open: OpenHistory, failure: Error): void {
    if (this.#open !== open) return;
    this.#noteFailure(failure, 'a write failed; the history is closed and opened anew');
    this.#retire(open);
  }

  /** Lets nobody new use a store, and closes it when those who do have ended, or did not for a while. */
  #retire(open: OpenHistory): void {
    this.#open = undefined;
    this.#closing = this.#closing.then(() => this.#closeStore(open));
  }

  #noteFailure(error: unknown, message: string): void {
    this.#failures++;
    this.#lastFailure = error;
    const pauseMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#failures - 1));
    this.#retryAtMs = this.#dependencies.now() + pauseMs;
    this.#dependencies.log.error({ sessionId: this.record.sessionId, err: error, pauseMs }, message);
  }

  #unavailable(cause: unknown): DomainError {
    return new DomainError({ reason: 'SESSION_UNAVAILABLE', sessionId: this.record.sessionId }, { cause });
  }

  /** Why nothing can be asked of it any more. */
  #ended(): DomainError {
    const { sessionId, deleting } = this.record;
    return new DomainError(deleting ? { reason: 'SESSION_NOT_FOUND', sessionId } : { reason: 'SHUTTING_DOWN' });
  }

  async #closeStore(open: OpenHistory): Promise<void> {
    const store = await open.store.catch(() => undefined);
    if (store === undefined) return;
    store.endFollowers();
    if (open.users > 0) {
      const grace = new AbortController();
      const unused = new Promise<void>((resolve) => {
        open.whenUnused = resolve;
      });
      await Promise.race([unused, delay(CLOSE_GRACE_MS, undefined, { signal: grace.signal }).catch(() => undefined)]);
      grace.abort();
    }
    await store.close().catch((error: unknown) => {
      this.#dependencies.log.warn({ sessionId: this.record.sessionId, err: error }, 'closing the history failed');
    });
    // Unless somebody has opened it anew meanwhile, or what it holds is not what is on the disk.
    if (this.#open === undefined && store.failure === undefined) this.#closedCounts = countsOf(store);
  }
}

/** What is counted of a history. */
export type HistoryCounts = Pick<HistoryStore, 'revision' | 'messageCount' | 'chatCount' | 'ownerName'>;

function countsOf({ revision, messageCount, chatCount, ownerName }: HistoryStore): HistoryCounts {
  return { revision, messageCount, chatCount, ownerName };
}

/** A crash may have left messages whose LIDs are resolved only in part. */
async function finishResolving(store: HistoryStore): Promise<void> {
  try {
    while (store.resolving) await store.resolveStep((build) => store.commit(build));
  } catch (error) {
    // Nobody holds it: left open, it would keep everybody from opening it anew.
    await store.close().catch(() => undefined);
    throw error;
  }
}

/** A store and how many use it. */
interface OpenHistory {
  store: Promise<HistoryStore>;
  users: number;
  /** Called when the last user has ended. */
  whenUnused: (() => void) | undefined;
}

/**
 * 8 MiB of cache hold the newest blocks of many chats. The write buffer is LevelDB's unit of writing, and two of it may be in memory: with
 * 4 MiB the import of a million messages took 8 to 20 % longer, with 16 MiB it needed 26 to 80 MB more (few runs, busy machine).
 */
const STORE_OPTIONS = { cacheBytes: 8 * 1024 * 1024, writeBufferBytes: 8 * 1024 * 1024 };

/** An unused session gives its memory and descriptors back. Opening it again takes some milliseconds. */
const IDLE_MS = 60_000;

/** Streams to clients that do not read may last for long: neither a deletion nor a recovery waits for them. */
const CLOSE_GRACE_MS = 1000;

const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 60_000;
const FAILURES_UNTIL_FAILED = 3;
