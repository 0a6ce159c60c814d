import type { Bench } from './bench.js';
import { sharedSession } from './bench.js';
import { atLeast, showMegabytes, showRate, showSeconds } from './figure.js';
import { readMemory, resetPeak } from './memory.js';

/** Measures the import of a backup that the session has already. */
export async function measureAgain(bench: Bench): Promise<void> {
  await bench.imported();
  const daemon = await bench.daemon();
  await resetPeak(daemon.pid);
  const { uploadMs, decryptMs, importMs, backfill } = await bench.importInto(sharedSession);
  const { peak } = await readMemory(daemon.pid);
  const { messagesAdded, messagesUpdated, messagesUnchanged } = backfill;
  if (messagesAdded + messagesUpdated > 0n) throw new Error('the same backup again was not found unchanged');
  const wholeMs = uploadMs + decryptMs + importMs;
  const rate = (Number(messagesUnchanged) / wholeMs) * 1000;
  bench.report({
    what: 'the same backup again',
    figure: `${showRate(rate)} (${showSeconds(wholeMs)}; rows ${showSeconds(importMs)}; peak ${showMegabytes(peak)})`,
    must: atLeast(rate, 100_000, showRate),
  });
}
