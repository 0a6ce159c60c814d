import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Backup } from './backups.js';
import type { Bench } from './bench.js';
import { atLeast, atMost, showMegabytes, showMs, showRate, showRatio } from './figure.js';
import type { GrowthAnswer, GrowthQuestion } from './processes/growth.js';
import { SideProcess } from './side-process.js';

/** So many backups of one account, one after the other in time, go into one session. */
const BACKUPS = 5;

/**
 * Measures how imports into one session change as it grows. The session layer runs in a process of its own, without a door and
 * without uploads, because the daemon does not tell how long its commits take.
 */
export async function measureGrowth(bench: Bench): Promise<void> {
  const accountMessages = BACKUPS * bench.messages;
  const backups: Backup[] = [];
  for (let n = 0; n < BACKUPS; n++) {
    const from = n * bench.messages + 1;
    backups.push(await bench.backups.make({ accountMessages, from, to: from + bench.messages - 1 }));
  }
  const directory = join(bench.directory, 'growth');
  const process = SideProcess.start<GrowthQuestion, GrowthAnswer>('growth');
  bench.onClose(() => process.stop());
  const imports: GrowthAnswer[] = [];
  for (const { path, keyPath } of backups) imports.push(await process.ask({ directory, path, keyPath }));
  await process.stop();
  await rm(directory, { recursive: true, force: true });
  report(bench, imports);
}

function report(bench: Bench, imports: GrowthAnswer[]): void {
  const rates = imports.map(({ added, wallMs }) => (added / wallMs) * 1000);
  imports.forEach(({ added, updated, commits, loop, peak }, i) => {
    const figures = [
      showRate(rates[i] ?? NaN),
      `commits p50 ${showMs(commits.p50)}, p99 ${showMs(commits.p99)}, worst ${showMs(commits.worst)}`,
      `event loop p99 ${showMs(loop.p99)}, worst ${showMs(loop.worst)}`,
      `peak ${showMegabytes(peak)}`,
    ];
    bench.report({
      what: `growth, import ${i + 1} (${added} added, ${updated} updated)`,
      figure: figures.join('; '),
    });
  });
  const ratio = (rates.at(-1) ?? NaN) / (rates[0] ?? NaN);
  bench.report({
    what: `growth, rate of the last to that of the first`,
    figure: showRatio(ratio),
    must: atLeast(ratio, 0.7, showRatio),
    aim: atLeast(ratio, 0.9, showRatio),
  });
  const worst = Math.max(...imports.map(({ commits }) => commits.worst));
  bench.report({ what: 'growth, worst commit', figure: showMs(worst), must: atMost(worst, 250, showMs) });
  const peak = Math.max(...imports.map((one) => one.peak));
  bench.report({
    what: 'growth, peak memory of the session layer',
    figure: showMegabytes(peak),
    must: atMost(peak, 400e6, showMegabytes),
    aim: atMost(peak, 250e6, showMegabytes),
  });
}
