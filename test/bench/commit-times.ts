import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { CommitInTurn } from '../../src/store/history-store.js';
import { quantile } from './figure.js';

/** How long something took that was done many times, in ms. */
export interface Durations {
  p50: number;
  p99: number;
  worst: number;
}

/** Times the commits that go through it, from the wish to the sync. */
export class CommitTimes {
  readonly commit: CommitInTurn;
  readonly #ms: number[] = [];

  constructor(commit: CommitInTurn) {
    this.commit = async (build) => {
      const startedAt = performance.now();
      try {
        return await commit(build);
      } finally {
        this.#ms.push(performance.now() - startedAt);
      }
    };
  }

  /** The commits since the last call. */
  durations(): Durations {
    const ms = this.#ms.splice(0);
    return { p50: quantile(ms, 0.5), p99: quantile(ms, 0.99), worst: quantile(ms, 1) };
  }
}

/** Watches how late timers of this thread's event loop are; what it says includes the millisecond of its own timer. */
export class LoopDelay {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: 1 });

  constructor() {
    this.#histogram.enable();
  }

  /** Stops watching. */
  end(): Durations {
    this.#histogram.disable();
    const msAt = (percentile: number): number => this.#histogram.percentile(percentile) / 1e6;
    return { p50: msAt(50), p99: msAt(99), worst: this.#histogram.max / 1e6 };
  }
}
