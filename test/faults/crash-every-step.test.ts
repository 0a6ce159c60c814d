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

/** Imports that run side by side, each with daemons and a directory of its own; they wait for the disk most of the time. */
const LANES = 3;

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

/** Dies once at each step of an import, and returns how many there are. */
async function crashAtEach(scenario: Scenario, thread: string, moment: string): Promise<number> {
  let next = 1;
  let steps = MAX_STEPS;
  const lane = async (): Promise<void> => {
    for (let step = next++; step < steps; step = next++) {
      // The first that it does not come to ends the other lanes, too; so does one that fails.
      const died = await crashAt(scenario, `${thread}:${String(step)}:${moment}`).catch((error: unknown) => {
        steps = 0;
        throw error;
      });
      if (!died) steps = Math.min(steps, step);
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: LANES }, lane));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw asError(outcome.reason);
  expect(steps).toBeLessThan(MAX_STEPS);
  return steps - 1;
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

/*
 * The main thread dies after each of its steps and not before them, which would try the same again: between two steps it changes nothing
 * that a killed process leaves behind, so that the disk is before a step as it was after the one before. Two things come between them
 * all the same. The bytes of an upload: right after their sync they lie there without a record, just as before it. And what a worker did:
 * a worker dies before its steps as well as after them, so that the file that it makes is met in every state.
 */
describe('kill -9 at every step that touches the disk', () => {
  test.each([
    ['a first import', 'main', 'after', 30],
    ['a first import', 'worker', 'before', 4],
    ['a first import', 'worker', 'after', 4],
    ['an import that resolves LIDs', 'main', 'after', 25],
  ] as const)(
    'of %s (%s, %s it): it goes on and its result is that of an uninterrupted one',
    async (name, thread, moment, stepsAtLeast) => {
      const steps = await crashAtEach(name === 'a first import' ? first : second, thread, moment);
      process.stdout.write(`${name}, ${thread}, ${moment}: died at each of ${String(steps)} steps\n`);
      expect(steps).toBeGreaterThanOrEqual(stepsAtLeast);
    },
    600_000,
  );
});
