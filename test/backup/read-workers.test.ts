import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Piscina } from 'piscina';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  control,
  type DirectoryResult,
  type ImportPlan,
  makeControl,
  type PageResult,
  type ReadPageTask,
  type SurveyResult,
} from '../../src/backup/task.js';
import { planOf, readAllPages } from '../support/import-pages.js';
import { buildDatabase } from '../support/synthetic-backup.js';

const worker = (name: string): string => new URL(`../../workers/${name}.js`, import.meta.url).href;

let directory: string;
let pool: Piscina;
let single: Piscina;
let plan: ImportPlan;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'scrollback-workers-'));
  pool = new Piscina({ maxThreads: 2, minThreads: 2 });
  single = new Piscina({ maxThreads: 1, minThreads: 1 });
  const path = join(directory, 'file.db');
  buildDatabase(path, { seed: 9, messages: 3000, traps: true });
  ({ plan } = planOf(path));
});

afterAll(async () => {
  await pool.destroy();
  await single.destroy();
  await rm(directory, { recursive: true });
});

function taskOf(afterId: number, throughId: number): ReadPageTask {
  return { control: makeControl(), plan, table: 'message', afterId, throughId, maxRows: 1e6, maxBytes: 1e9 };
}

async function run<T>(name: string, task: object): Promise<T> {
  // Safety: the worker of this name answers with this type.
  const answer = (await pool.run(task, { filename: worker(name) })) as Answer<T>;
  if (!answer.ok) throw new Error(answer.fault.reason);
  return answer;
}

/** Room also for the largest message, which is read and then refused. */
const PLENTY = 16 * 1024 * 1024;

/** The same in the one thread of a pool of its own. */
async function runAlone(task: ReadPageTask): Promise<PageResult> {
  // Safety: the worker answers with this type.
  const answer = (await single.run(task, { filename: worker('read-page') })) as Answer<PageResult>;
  if (!answer.ok) throw new Error(answer.fault.reason);
  return answer;
}

describe('the reading workers', () => {
  it('read ranges in parallel to the same bytes as one thread', async () => {
    const ranges = [];
    for (let id = 0; id < plan.messageMaxId; id += 400) ranges.push(taskOf(id, Math.min(id + 400, plan.messageMaxId)));
    const pages = await Promise.all(ranges.map((task) => run<PageResult>('read-page', task)));
    const alone = readAllPages(plan);
    expect(
      Buffer.concat(pages.map(({ page }) => page)).equals(Buffer.concat(alone.pages.map(({ page }) => page))),
    ).toBe(true);
  });

  it('write the same into memory that is lent, and beside it what has no room there', async () => {
    const tasks = [taskOf(0, 900), taskOf(900, 1200), taskOf(1200, plan.messageMaxId)];
    const alone = await Promise.all(tasks.map((task) => run<PageResult>('read-page', task)));
    const sizes = alone.map(({ page }) => page.length);
    const [large = 0, small = 0] = sizes;
    expect(small).toBeLessThan(large);
    // One thread, so that one writer has each of them after the other: too small, as large as the page, much larger, none.
    const rooms = [0, 1, small, large - 1, large, large + 1, PLENTY, undefined, small];
    for (const room of [...rooms, ...rooms.toReversed()]) {
      const memory = room === undefined ? undefined : new SharedArrayBuffer(room);
      for (const [n, task] of tasks.entries()) {
        if (memory !== undefined) new Uint8Array(memory).fill(0xee);
        const { page } = await runAlone({ ...task, ...(memory === undefined ? {} : { memory }) });
        expect(Buffer.from(page).equals(Buffer.from(alone[n]?.page ?? []))).toBe(true);
        const isLent = page.buffer instanceof SharedArrayBuffer;
        if (room === undefined || room < page.length) expect(isLent).toBe(false);
        if (room === PLENTY) expect(isLent).toBe(true);
      }
    }
  });

  it('survey a file and list its people', async () => {
    const { survey } = await run<SurveyResult>('survey', { control: makeControl(), databasePath: plan.databasePath });
    expect(survey.messageMaxId).toBe(plan.messageMaxId);
    const task = { control: makeControl(), plan, part: 'contacts', afterId: 0, maxRows: 100 };
    const { contacts } = await run<DirectoryResult>('read-directory', task);
    expect(contacts.length).toBeGreaterThan(0);
  });

  it('stop reading when they are cancelled from outside', async () => {
    const task = taskOf(0, plan.messageMaxId);
    const slots = new Int32Array(task.control);
    const reading = (async () => {
      for (;;) await run<PageResult>('read-page', task);
    })();
    while (Atomics.load(slots, control.heartbeat) < 1000) await setImmediate();
    Atomics.store(slots, control.cancel, 1);
    await expect(reading).rejects.toThrow('CANCELLED');
    Atomics.store(slots, control.cancel, 0);
    await expect(run<PageResult>('read-page', task)).resolves.toHaveProperty('rowsRead');
  });
});
