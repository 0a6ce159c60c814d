import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LinkedDaemon } from '../support/linked-daemon.js';
import type { Bench } from './bench.js';
import { atMost, showMegabytes, showMs, showSeconds } from './figure.js';
import { readMemory, resetPeak } from './memory.js';

const LINKS = 500;

/** How many are paired side by side; the stand-in does half of the work. */
const PAIRED_AT_ONCE = 4;

/** A database that nobody uses is closed after a minute. */
const IDLE_MS = 75_000;

/** Measures what linked sessions cost that nobody writes to, and how fast they are back after a restart. */
export async function measureLinks(bench: Bench): Promise<void> {
  const linked = await LinkedDaemon.start({ claimsPreKeys: true }, { dataDirectory: join(bench.directory, 'links') });
  bench.onClose(() => linked.remove());
  const { daemon } = linked;
  const { resident: base } = await readMemory(daemon.pid);

  let next = 0;
  const pairingMs: number[] = [];
  const pairOneByOne = async (): Promise<void> => {
    for (let number = next++; number < LINKS; number = next++) {
      const digits = String(number).padStart(4, '0');
      const startedAt = performance.now();
      await linked.link(`s${digits}`, { phone: `4917000${digits}`, lid: `9000000000${digits}` });
      pairingMs.push(performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: PAIRED_AT_ONCE }, pairOneByOne));
  bench.say(`  ${LINKS} sessions linked, ${showMs(pairingMs.reduce((sum, ms) => sum + ms, 0) / LINKS)} each`);

  await daemon.stop();
  const logged = daemon.log.length;
  const startedAt = performance.now();
  await daemon.restart();
  await resetPeak(daemon.pid);
  const servingMs = performance.now() - startedAt;
  while (countConnected(daemon.log.slice(logged)) < LINKS) await delay(50);
  const onlineMs = performance.now() - startedAt;
  const { peak } = await readMemory(daemon.pid);
  bench.report({
    what: `${LINKS} links: all connected after a restart (serving after ${showSeconds(servingMs)})`,
    figure: showSeconds(onlineMs),
    must: atMost(onlineMs, 60_000, showSeconds),
  });
  await delay(IDLE_MS);
  const { resident } = await readMemory(daemon.pid);
  const each = (resident - base) / LINKS;
  const show = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`;
  bench.report({
    what: `${LINKS} idle links: memory of each above a daemon without (${showMegabytes(base)} → ${showMegabytes(resident)}, at most ${showMegabytes(peak)} as they came)`,
    figure: show(each),
    must: atMost(each, 1e6, show),
  });
  await linked.remove();
}

function countConnected(log: string): number {
  return log.split('"link connected"').length - 1;
}
