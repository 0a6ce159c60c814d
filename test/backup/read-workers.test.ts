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
let plan: ImportPlan;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'scrollback-workers-'));
  pool = new Piscina({ maxThreads: 2, minThreads: 2 });
  const path = join(directory, 'file.db');
  buildDatabase(path, { seed: 9, messages: 3000, traps: true });
  ({ plan } = planOf(path));
});

afterAll(async () => {
  await pool.destroy();
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
