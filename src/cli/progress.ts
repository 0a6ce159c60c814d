import { Presets, SingleBar } from 'cli-progress';
import type { Backfill } from '../gen/scrollback/v1/backfill_service_pb.js';
import { BackfillKind, BackfillState } from '../gen/scrollback/v1/backfill_service_pb.js';

/** How far one phase of an import is. */
export interface Step {
  phase: 'upload' | 'decrypt' | 'import' | 'fetch';
  done: number;
  total: number;
  /** What is shown beside it, instead of amounts and rates. */
  note?: string;
}

/** Over how long the rate is measured: long enough to be calm, short enough to follow a change. Chosen, not measured. */
const rateWindowMs = 8_000;

/** How often a line is printed where there is no terminal. */
const plainIntervalMs = 5_000;

/** Returns how far a backfill is; undefined while there is nothing to measure. */
export function stepOf(backfill: Backfill): Step | undefined {
  if (fetches(backfill)) return fetchStep(backfill);
  switch (backfill.state) {
    case BackfillState.UPLOADING:
      return { phase: 'upload', done: Number(backfill.committedSize), total: Number(backfill.totalSize) };
    case BackfillState.DECRYPTING:
      return { phase: 'decrypt', done: Number(backfill.decryptedSize), total: Number(backfill.totalSize) };
    case BackfillState.IMPORTING:
      return { phase: 'import', done: Number(backfill.rowsRead), total: Number(backfill.rowsTotal) };
    case BackfillState.SUCCEEDED:
      return { phase: 'import', done: Number(backfill.rowsRead), total: Number(backfill.rowsRead) };
    default:
      return undefined;
  }
}

/** Whether a link fetches it; a daemon before kinds names none. */
function fetches({ kind }: Backfill): boolean {
  return kind !== BackfillKind.BACKUP && kind !== BackfillKind.UNSPECIFIED;
}

function fetchStep({ kind, state, progressPercent = 0, ...counts }: Backfill): Step | undefined {
  if (state === BackfillState.FAILED || state === BackfillState.CANCELLED) return undefined;
  const found =
    kind === BackfillKind.DIRECTORY
      ? `${String(counts.contacts)} contacts, ${String(counts.groups)} groups`
      : `${String(counts.rowsRead)} messages in ${String(counts.chunks)} chunks`;
  const note = state === BackfillState.WAITING ? `${found}, waiting` : found;
  return { phase: 'fetch', done: progressPercent, total: 100, note };
}

/** Shows how an import goes: a bar on a terminal, else a line now and then. */
export class Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #now: () => number;
  #bar: SingleBar | undefined;
  #pace: Pace | undefined;
  #printedAt = Number.NEGATIVE_INFINITY;

  constructor(stream: NodeJS.WriteStream, now: () => number) {
    this.#stream = stream;
    this.#now = now;
  }

  /** Shows a step; call it as often as there is news. */
  show(step: Step): void {
    const nowMs = this.#now();
    const isNewPhase = this.#pace?.phase !== step.phase;
    if (this.#pace === undefined || isNewPhase) this.#pace = new Pace(step.phase);
    const detail = this.#pace.describe(step, nowMs);
    if (this.#stream.isTTY) {
      this.#showBar(step, detail);
    } else if (isNewPhase || nowMs - this.#printedAt >= plainIntervalMs) {
      this.#printedAt = nowMs;
      this.#stream.write(`${step.phase} ${String(percentOf(step))} %: ${detail}\n`);
    }
  }

  /** Prints a line of its own. */
  note(line: string): void {
    this.end();
    this.#stream.write(line + '\n');
  }

  /** Gives the terminal back, also after a failure. A later `show` starts a new bar. */
  end(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #showBar(step: Step, detail: string): void {
    const payload = { phase: step.phase.padEnd(7), detail };
    // A total of 0 is one that is not known yet: it shows an empty bar.
    const total = Math.max(1, step.total);
    if (this.#bar === undefined) {
      this.#bar = new SingleBar(
        {
          format: '{phase} {bar} {percentage} %  {detail}',
          stream: this.#stream,
          barsize: 24,
          hideCursor: true,
          // The command stops the bar itself, before it says how to go on.
          gracefulExit: false,
        },
        Presets.shades_classic,
      );
      this.#bar.start(total, Math.min(step.done, total), payload);
    } else {
      this.#bar.setTotal(total);
      this.#bar.update(Math.min(step.done, total), payload);
    }
  }
}

/** Measures the rate of one phase. */
class Pace {
  readonly phase: Step['phase'];
  readonly #samples: { atMs: number; done: number }[] = [];

  constructor(phase: Step['phase']) {
    this.phase = phase;
  }

  describe(step: Step, nowMs: number): string {
    if (step.note !== undefined) return step.note;
    this.#samples.push({ atMs: nowMs, done: step.done });
    while (this.#samples.length > 2 && nowMs - (this.#samples[0]?.atMs ?? nowMs) > rateWindowMs) this.#samples.shift();
    const first = this.#samples[0] ?? { atMs: nowMs, done: step.done };
    const seconds = (nowMs - first.atMs) / 1000;
    const rate = seconds > 0 ? (step.done - first.done) / seconds : 0;
    const parts = [this.#amount(step)];
    if (rate > 0) {
      parts.push(`${this.#count(rate)}/s`);
      if (step.total > step.done) parts.push(`${formatSeconds((step.total - step.done) / rate)} left`);
    }
    return parts.join(', ');
  }

  #amount({ done, total }: Step): string {
    if (total === 0) return this.#count(done);
    return this.phase === 'import'
      ? `${String(done)} of ${this.#count(total)}`
      : `${this.#count(done)} of ${this.#count(total)}`;
  }

  #count(amount: number): string {
    return this.phase === 'import' ? `${String(Math.round(amount))} rows` : formatBytes(amount);
  }
}

function percentOf({ done, total }: Step): number {
  return total > 0 ? Math.min(100, Math.floor((done / total) * 100)) : 0;
}

/** Formats bytes in decimal units: `412.3 MB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let at = 0;
  let amount = bytes;
  for (; amount >= 999.95 && at < units.length - 1; at++) amount /= 1000;
  return `${at === 0 ? String(Math.round(amount)) : amount.toFixed(1)} ${units[at] ?? ''}`;
}

/** Formats a duration as people read it: `9 s`, `2 min 05 s`, `1 h 07 min`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  if (whole < 60) return `${String(whole)} s`;
  if (whole < 3600) return `${String(Math.floor(whole / 60))} min ${two(whole % 60)} s`;
  return `${String(Math.floor(whole / 3600))} h ${two(Math.floor((whole % 3600) / 60))} min`;
}
