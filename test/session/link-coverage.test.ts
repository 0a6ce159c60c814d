import { mkdir } from 'node:fs/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DisconnectCause } from '../../src/domain/link.js';
import { LinkCoverage } from '../../src/session/link/link-coverage.js';
import type { Session } from '../../src/session/session.js';
import { type LiveCounts, noCounts } from '../../src/store/record-live.js';
import { FakeLinks } from '../support/fake-links.js';

const START = 1_700_000_000_000;
const MINUTE = 60_000;

let fake: FakeLinks;
let session: Session;
let counts: LiveCounts;
let minute: number;
/** What the links leave to chance. */
let chance: number;
let coverage: LinkCoverage;
beforeEach(async () => {
  fake = await FakeLinks.open();
  session = fake.session('a');
  await mkdir(session.directory);
  counts = noCounts();
  minute = 0;
  chance = 0;
  coverage = newCoverage();
});
afterEach(async () => {
  await coverage.close();
  await fake.close();
});

function newCoverage(lost = false): LinkCoverage {
  const log = pino({ level: 'silent' });
  const dependencies = { now: () => START + minute * MINUTE, random: () => chance, log };
  return new LinkCoverage(session, dependencies, { counts }, lost);
}

/** The daemon dies, and a new one has only what is on the disk. */
async function crash(): Promise<void> {
  await coverage.close();
  session.live = undefined;
  coverage = newCoverage();
}

/** What the link covers, in minutes. */
async function covered(): Promise<[from: number, to: number][]> {
  await coverage.close();
  const { stretches } = await session.use((store) => store.getCoverage(undefined));
  return stretches.map(({ fromMs, toMs }) => [(fromMs - START) / MINUTE, (toMs - START) / MINUTE]);
}

function connect(from: number, told = true): void {
  minute = from;
  coverage.opened();
  coverage.caughtUp(told);
}

function hear(at: number): void {
  minute = at;
  coverage.heard();
}

function end(at: number, cause: DisconnectCause = 'transient'): void {
  minute = at;
  coverage.closed({ cause, code: 0 });
}

describe('what a link covers', () => {
  it('grows with each sign of life, and ends with the last one, not when silence is noticed', async () => {
    connect(1);
    hear(3);
    expect(await covered()).toEqual([[1, 3]]);
    end(9);
    expect(await covered()).toEqual([[1, 3]]);
  });

  it('is nothing while what waited has not come', async () => {
    minute = 1;
    coverage.opened();
    hear(2);
    expect(await covered()).toEqual([]);
    end(2);
    expect(await covered()).toEqual([]);
  });

  it('goes on over an outage, when WhatsApp said that nothing waits any more', async () => {
    connect(1);
    end(2);
    connect(8);
    hear(9);
    expect(await covered()).toEqual([[1, 9]]);
  });

  it('has a gap where WhatsApp did not say so, until it does', async () => {
    connect(1);
    hear(2);
    end(2);
    connect(8, false);
    hear(9);
    expect(await covered()).toEqual([
      [1, 2],
      [8, 9],
    ]);
    coverage.caughtUp(true);
    expect(await covered()).toEqual([[1, 9]]);
  });

  it('is durable with a lag: a crash leaves what the beat before knew', async () => {
    connect(1);
    for (const at of [2, 3, 4]) {
      hear(at);
      counts.added++;
      coverage.beat();
    }
    hear(5);
    await crash();
    expect(await covered()).toEqual([[1, 3]]);
    connect(20);
    expect(await covered()).toEqual([[1, 20]]);
  });

  it.each([
    { by: 0, until: 13, known: [[1, 11]] },
    { by: 0, until: 9, known: [] },
    { by: 1, until: 9, known: [[1, 6]] },
  ])('is noted rarely while nothing is recorded, and by chance $by more often', async ({ by, until, known }) => {
    chance = by;
    connect(1);
    for (let at = 2; at <= until; at++) {
      hear(at);
      coverage.beat();
      await coverage.close();
    }
    await crash();
    expect(await covered()).toEqual(known);
  });

  it.each(['logged-out', 'replaced', 'banned'] as const)('starts anew after %s', async (cause) => {
    connect(1);
    hear(2);
    end(3, cause);
    connect(8);
    hear(9);
    expect(await covered()).toEqual([
      [1, 2],
      [8, 9],
    ]);
    end(9);
    connect(12);
    expect(await covered()).toEqual([
      [1, 2],
      [8, 12],
    ]);
  });

  it('starts anew also when that could not be noted', async () => {
    connect(1);
    hear(2);
    end(2);
    coverage = newCoverage(true);
    connect(8);
    hear(9);
    end(9);
    await coverage.close();
    connect(12);
    expect(await covered()).toEqual([
      [1, 2],
      [8, 12],
    ]);
  });

  it('of a new device begins with its pairing', async () => {
    connect(1);
    hear(2);
    end(3, 'logged-out');
    minute = 10;
    await coverage.paired();
    connect(11);
    expect(await covered()).toEqual([
      [1, 2],
      [10, 11],
    ]);
  });

  it('cannot be noted when the history cannot be written, and then no device is kept', async () => {
    await session.close();
    connect(1);
    end(2);
    await coverage.close();
    await expect(coverage.paired()).rejects.toMatchObject({ fault: { reason: 'SHUTTING_DOWN' } });
  });
});
