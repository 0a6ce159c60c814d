import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Bench } from './bench.js';
import { atLeast, atMost, showMegabytes, showMs, showRate, showRatio, showSeconds } from './figure.js';
import { readMemory } from './memory.js';
import type { FloorAnswer, FloorQuestion } from './processes/floor.js';
import { SideProcess } from './side-process.js';

/** Measures the import of a backup into an empty session, and the floor: its stages, each alone. */
export async function measureImport(bench: Bench): Promise<void> {
  const { bytes } = await bench.backup();
  const daemon = await bench.daemon();
  const before = await readMemory(daemon.pid);
  const { uploadMs, decryptMs, importMs, backfill } = await bench.imported();
  const { peak } = await readMemory(daemon.pid);
  const messages = Number(backfill.messagesAdded);
  const wholeMs = uploadMs + decryptMs + importMs;
  const serverMs = decryptMs + importMs;
  const rate = (messages / wholeMs) * 1000;
  bench.say(
    `  ${messages} messages, ${showMegabytes(bytes)} of crypt15; daemon before: ${showMegabytes(before.resident)}`,
  );
  bench.report({
    what: 'import, creation to last commit',
    figure: `${showRate(rate)} (${showSeconds(wholeMs)})`,
    must: atLeast(rate, 100_000, showRate),
  });
  bench.report({
    what: 'import, without the upload',
    figure: `${showRate((messages / serverMs) * 1000)} (${showSeconds(serverMs)})`,
  });
  const parts = [
    `upload ${showSeconds(uploadMs)}`,
    `decrypt ${showSeconds(decryptMs)}`,
    `rows ${showSeconds(importMs)}`,
  ];
  bench.report({ what: 'import, parts', figure: parts.join(', ') });
  bench.report({
    what: 'import, peak memory of the daemon',
    figure: showMegabytes(peak),
    must: atMost(peak, 400e6, showMegabytes),
    aim: atMost(peak, 250e6, showMegabytes),
  });
  // The daemon is idle now but still there; the floor is to have the machine for itself.
  await bench.stopDaemon();
  await measureFloor(bench, serverMs);
}

/**
 * The floor is `decrypt + max(owner, (read + owner's CPU) / cores)`: nothing can be read before the file is decrypted; then reading
 * (any number of threads) and the owner (one thread, beside LevelDB's own) share the cores. Each stage is measured alone, with the
 * product's own code; what connects the stages, the survey and the upload are not in it.
 */
async function measureFloor(bench: Bench, serverMs: number): Promise<void> {
  const { path, keyPath } = await bench.backup();
  const process = SideProcess.start<FloorQuestion, FloorAnswer>('floor');
  bench.onClose(() => process.stop());
  const stages = await process.ask({ path, keyPath, directory: join(bench.directory, 'floor') });
  await process.stop();
  const { decryptMs, surveyMs, readMs, rows, owner } = stages;
  const cores = availableParallelism();
  const floorMs = decryptMs + Math.max(owner.wallMs, (readMs + owner.cpuMs) / cores);
  const figures = [
    `decrypt ${showSeconds(decryptMs)}`,
    `read ${showSeconds(readMs)} (${showRate((rows / readMs) * 1000)})`,
    `owner ${showSeconds(owner.wallMs)} (${showRate((rows / owner.wallMs) * 1000)}; CPU ${showSeconds(owner.cpuMs)})`,
    `survey ${showSeconds(surveyMs)}, not in the floor`,
  ];
  bench.report({ what: 'floor, stages each alone', figure: figures.join(', ') });
  const ratio = serverMs / floorMs;
  bench.report({
    what: 'import without the upload : floor',
    figure: `${showRatio(ratio)} (floor ${showSeconds(floorMs)})`,
    aim: atMost(ratio, 1.5, showRatio),
  });
  const { commits, loop } = owner;
  bench.report({
    what: 'owner alone, commits of a page',
    figure: `p50 ${showMs(commits.p50)}, p99 ${showMs(commits.p99)}, worst ${showMs(commits.worst)}`,
  });
  bench.report({
    what: 'owner alone, event loop delay',
    figure: `p99 ${showMs(loop.p99)}, worst ${showMs(loop.worst)}`,
  });
}
