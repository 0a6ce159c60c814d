import { open, readFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { create } from '@bufbuild/protobuf';
import { type ImportPlan, makeControl } from '../../../src/backup/task.js';
import { SessionRecordSchema } from '../../../src/gen/scrollback/store/v1/record_pb.js';
import { WorkerPool } from '../../../src/pool.js';
import { type PageQuestion, readPages } from '../../../src/session/backup/import-pages.js';
import { Session } from '../../../src/session/session.js';
import { planOf } from '../../support/import-pages.js';
import { CommitTimes, type Durations, LoopDelay } from '../commit-times.js';
import { answerQuestions } from '../side-process.js';

/** Which backup, and a directory that may be made. */
export interface FloorQuestion {
  path: string;
  keyPath: string;
  directory: string;
}

/** How long each stage takes alone, in ms. */
export interface FloorAnswer {
  decryptMs: number;
  surveyMs: number;
  /** Reading and encoding of `rows` rows by one worker. */
  readMs: number;
  rows: number;
  owner: { wallMs: number; cpuMs: number; commits: Durations; loop: Durations };
}

/** A page that the reading stage left for the owner's. */
interface StoredPage {
  at: number;
  length: number;
  unresolvedLids: string[];
}

async function measureStages({ path, keyPath, directory }: FloorQuestion): Promise<FloorAnswer> {
  await mkdir(directory, { recursive: true });
  const databasePath = join(directory, 'msgstore.db');
  const pool = new WorkerPool({ threads: 1, onLostThread: () => process.exit(1) });
  try {
    const decryptMs = await timeOf(() => decrypt(pool, path, keyPath, databasePath));
    let plan: ImportPlan | undefined;
    const surveyMs = await timeOf(async () => ({ plan } = planOf(databasePath)));
    if (plan === undefined) throw new Error('there is no plan');
    const pagesPath = join(directory, 'pages');
    const read = await readAll(pool, plan, pagesPath);
    const owner = await ownAll(directory, pagesPath, read.pages, read.rows);
    return { decryptMs, surveyMs, readMs: read.ms, rows: read.rows, owner };
  } finally {
    await pool.close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function decrypt(pool: WorkerPool, sourcePath: string, keyPath: string, targetPath: string): Promise<void> {
  const key = await readFile(keyPath);
  const answer = await pool.decrypt({
    control: makeControl(),
    sourcePath,
    targetPath,
    key,
    maxInflatedBytes: Number.MAX_SAFE_INTEGER,
  });
  if (!answer.ok) throw new Error(`the backup was not decrypted: ${answer.fault.reason}`);
}

/** Reads all pages with one worker; this thread only puts them into a file, which costs it a fraction of that. */
async function readAll(
  pool: WorkerPool,
  plan: ImportPlan,
  pagesPath: string,
): Promise<{ ms: number; rows: number; pages: StoredPage[] }> {
  const control = makeControl();
  const file = await open(pagesPath, 'w');
  const pages: StoredPage[] = [];
  let rows = 0;
  let at = 0;
  try {
    const ms = await timeOf(async () => {
      const range = { afterId: 0, maxId: plan.messageMaxId, ahead: 3 };
      const ask = (part: PageQuestion) => pool.readPage({ control, plan, table: 'message', ...part });
      for await (const { result, release } of readPages(range, ask)) {
        const { page, rowsRead, unresolvedLids } = result;
        rows += rowsRead;
        await file.write(page, 0, page.length, at);
        pages.push({ at, length: page.length, unresolvedLids });
        at += page.length;
        release();
      }
    });
    return { ms, rows, pages };
  } finally {
    await file.close();
  }
}

/** Merges and commits ready pages, as a session does: its mailbox, its store, one sync a page. Reading the file is not counted. */
async function ownAll(
  directory: string,
  pagesPath: string,
  pages: StoredPage[],
  rows: number,
): Promise<FloorAnswer['owner']> {
  const record = create(SessionRecordSchema, { sessionId: 'floor' });
  const session = new Session(record, join(directory, 'session'), { now: Date.now, log: pino({ level: 'silent' }) });
  await mkdir(session.directory, { recursive: true });
  const file = await open(pagesPath, 'r');
  const times = new CommitTimes((build) => session.commit(build));
  const loop = new LoopDelay();
  const cpuBefore = process.cpuUsage();
  let wallMs = 0;
  try {
    await session.use(async (store) => {
      wallMs += await timeOf(() => store.beginImport(rows));
      for (const { at, length, unresolvedLids } of pages) {
        const page = Buffer.allocUnsafeSlow(length);
        await file.read(page, 0, length, at);
        wallMs += await timeOf(() => times.commit((building) => store.mergePage(building, page, unresolvedLids)));
      }
      store.endImport();
    });
    const { user, system } = process.cpuUsage(cpuBefore);
    return { wallMs, cpuMs: (user + system) / 1000, commits: times.durations(), loop: loop.end() };
  } finally {
    await file.close();
    await session.close();
  }
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

answerQuestions(measureStages);
