import { Piscina } from 'piscina';
import {
  type Answer,
  control,
  type DecryptResult,
  type DecryptTask,
  type DirectoryResult,
  type PageResult,
  type ReadDirectoryTask,
  type ReadPageTask,
  type SurveyResult,
  type SurveyTask,
  type TaskBase,
} from './backup/task.js';
import type {
  OpenHistoryResult,
  OpenHistoryTask,
  ReadHistoryResult,
  ReadHistoryTask,
} from './whatsapp/history-task.js';

/** How the pool is made. */
export interface PoolOptions {
  threads: number;
  /** Called once when a worker does not react any more: its thread is lost and the process must be replaced. */
  onLostThread: () => void;
}

/**
 * The worker threads: plain questions, plain answers. A task whose heartbeat stands still for `STALL_MS` is told to stop; one that
 * does not even do that sits inside a native call that nothing can interrupt. It is answered with BACKUP_STALLED, and its thread
 * is given up.
 */
export class WorkerPool {
  readonly #piscina: Piscina;
  readonly #onLostThread: () => void;
  /** True when a thread was given up: the process must end by SIGKILL. */
  #lost = false;

  constructor(options: PoolOptions) {
    this.#onLostThread = options.onLostThread;
    this.#piscina = new Piscina({
      minThreads: 0,
      maxThreads: options.threads,
      maxQueue: MAX_QUEUE,
      idleTimeout: IDLE_MS,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB, maxYoungGenerationSizeMb: YOUNG_HEAP_MB },
      recordTiming: false,
    });
  }

  /** How many tasks run at once. */
  get threads(): number {
    return this.#piscina.options.maxThreads;
  }

  decrypt(task: DecryptTask): Promise<Answer<DecryptResult>> {
    return this.#run('decrypt', task);
  }

  survey(task: SurveyTask): Promise<Answer<SurveyResult>> {
    return this.#run('survey', task);
  }

  readPage(task: ReadPageTask): Promise<Answer<PageResult>> {
    return this.#run('read-page', task);
  }

  readDirectory(task: ReadDirectoryTask): Promise<Answer<DirectoryResult>> {
    return this.#run('read-directory', task);
  }

  openHistory(task: OpenHistoryTask): Promise<Answer<OpenHistoryResult>> {
    return this.#run('open-history', task);
  }

  readHistory(task: ReadHistoryTask): Promise<Answer<ReadHistoryResult>> {
    return this.#run('read-history', task);
  }

  /** Ends the threads. Tasks must have ended. With a lost thread there is nothing to wait for. */
  async close(): Promise<void> {
    if (this.#lost) return;
    await this.#piscina.destroy();
  }

  async #run<T>(worker: string, task: TaskBase): Promise<Answer<T>> {
    const slots = new Int32Array(task.control);
    // Safety: what a worker file answers is what the methods above say; piscina does not know it.
    const running = this.#piscina.run(task, {
      filename: new URL(`../workers/${worker}.js`, import.meta.url).href,
    }) as Promise<Answer<T>>;
    let watch: NodeJS.Timeout | undefined;
    const stalled = new Promise<Answer<T>>((resolve) => {
      let heartbeat = 0;
      let still = 0;
      watch = setInterval(() => {
        const now = Atomics.load(slots, control.heartbeat);
        // A task that still waits for a thread has not beaten yet.
        still = now === heartbeat && now !== 0 ? still + WATCH_MS : 0;
        heartbeat = now;
        if (still >= STALL_MS) Atomics.store(slots, control.cancel, 1);
        if (still < 2 * STALL_MS) return;
        if (!this.#lost) this.#onLostThread();
        this.#lost = true;
        resolve({ ok: false, fault: { reason: 'BACKUP_STALLED' } });
      }, WATCH_MS);
    });
    try {
      return await Promise.race([running, stalled]);
    } finally {
      clearInterval(watch);
    }
  }
}

/** Each backfill asks for a few pages at a time; so many backfills can wait. Beyond it piscina refuses, and the backfill fails. */
const MAX_QUEUE = 65_536;

/** Threads that have nothing to do give their memory back. */
const IDLE_MS = 10_000;

/** Maps of one backup's addresses live here: 4 million of them fit. */
const MAX_HEAP_MB = 1024;

/** What a page leaves behind dies young; more room for it only makes each thread larger (28 MB instead of 19, measured). */
const YOUNG_HEAP_MB = 8;

const WATCH_MS = 1000;

/** The longest that a row was seen to take is 94 ms (300 MB of columns that are not read); ten seconds are a hundred times that. */
const STALL_MS = 10_000;
