import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeBytes } from '../support/backup-bytes.js';
import { digitsOf, importWhole, untilClean } from '../support/backfill-walk.js';
import { Daemon, withDaemon } from '../support/daemon.js';
import { checkPrivate, countsOf, InterruptedImport } from '../support/interrupted-import.js';
import { fingerprintOf, firstDifference, readHistory } from '../support/read-history.js';
import { rootKey } from '../support/small-backup.js';

const key = digitsOf(rootKey);
const crashModule = new URL('../support/crash-at-step.js', import.meta.url).href;

/** More steps than any import of this size has; a run that is not over by then fails. */
const MAX_STEPS = 400;

/** What is imported, into which data directory (a new one when undefined), and what comes of it without a crash. */
interface Scenario {
  crypt15: Buffer;
  prepared: string | undefined;
  lines: string[];
  counts: object;
}

let directory: string;
let first: Scenario;
let second: Scenario;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'scrollback-crash-'));
  const backup = await makeBytes({ messages: 12_000, traps: true, seed: 91, generation: 'transitional' });
  first = await uninterrupted(backup.crypt15, undefined);
  // What stands under LIDs is rewritten when a second backup tells the numbers.
  const account = { messages: 3000, seed: 92 };
  const unmapped = await makeBytes({ ...account, omitTables: ['jid_map'] });
  const prepared = join(directory, 'prepared');
  await withDaemon(({ client }) => importWhole(client, 's', unmapped.crypt15, key), { dataDirectory: prepared });
  second = await uninterrupted((await makeBytes(account)).crypt15, prepared);
});
afterAll(() => rm(directory, { recursive: true }));

let copies = 0;

/** A copy of a data directory; undefined for none. */
async function copyOf(prepared: string | undefined): Promise<{ dataDirectory?: string }> {
  if (prepared === undefined) return {};
  const dataDirectory = join(directory, `copy-${String(++copies)}`);
  await cp(prepared, dataDirectory, { recursive: true });
  return { dataDirectory };
}

async function uninterrupted(crypt15: Buffer, prepared: string | undefined): Promise<Scenario> {
  return withDaemon(
    async (daemon) => {
      const done = await new InterruptedImport(daemon, 's', crypt15, key).advance();
      if (done === undefined) throw new Error('it died');
      const lines = fingerprintOf(await readHistory(daemon.client, 's'));
      return { crypt15, prepared, lines, counts: countsOf(done) };
    },
    await copyOf(prepared),
  );
}

/** Imports with a daemon that dies at a step, and lets it go on; returns false when it did not come to that step. */
async function crashAt(scenario: Scenario, where: string): Promise<boolean> {
  const env = { SCROLLBACK_TEST_CRASH: where, NODE_OPTIONS: `--import=${crashModule}` };
  const daemon = await Daemon.launchInto({ env, ...(await copyOf(scenario.prepared)) });
  try {
    const served = await daemon.untilServing();
    const run = new InterruptedImport(daemon, 's', scenario.crypt15, key);
    if (served && (await run.advance()) !== undefined) {
      await daemon.stop().catch(() => undefined);
      if (daemon.endedBy === 'exit') return false;
    }
    await daemon.ended();
    expect(daemon.endedBy, where).toBe('SIGKILL');
    await checkPrivate(daemon.dataDirectory);
    await daemon.restart({});
    const done = await run.advance();
    expect(done && countsOf(done), where).toEqual(scenario.counts);
    const lines = fingerprintOf(await readHistory(daemon.client, 's'));
    expect(firstDifference(lines, scenario.lines), where).toBeUndefined();
    await untilClean(daemon.dataDirectory);
    return true;
  } finally {
    await daemon.remove();
    await rm(daemon.dataDirectory, { recursive: true, force: true });
  }
}

describe('kill -9 at every step that touches the disk', () => {
  test.each([
    ['a first import', 'main', 'before', 20],
    ['a first import', 'main', 'after', 20],
    ['a first import', 'worker', 'before', 2],
    ['a first import', 'worker', 'after', 2],
    ['an import that resolves LIDs', 'main', 'after', 15],
  ] as const)(
    'of %s (%s, %s it): it goes on and its result is that of an uninterrupted one',
    async (name, thread, moment, stepsAtLeast) => {
      const scenario = name === 'a first import' ? first : second;
      let step = 1;
      while (await crashAt(scenario, `${thread}:${String(step)}:${moment}`)) {
        step++;
        expect(step).toBeLessThan(MAX_STEPS);
      }
      process.stdout.write(`${name}, ${thread}, ${moment}: died at each of ${String(step - 1)} steps\n`);
      expect(step).toBeGreaterThan(stepsAtLeast);
    },
    600_000,
  );
});
