import { createHash } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Answer, PageResult, ReadPageTask, SurveyResult } from '../../src/backup/task.js';
import {
  BackfillRecordSchema,
  ImportStage,
  SessionRecordSchema,
  type BackfillRecord,
} from '../../src/gen/scrollback/store/v1/record_pb.js';
import { SkipReason } from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import { StatusSchema } from '../../src/gen/google/rpc/status_pb.js';
import { makeLogger } from '../../src/log.js';
import type { WorkerPool } from '../../src/pool.js';
import { BackfillFiles } from '../../src/session/backup/backfill-files.js';
import { backfillOf, WIRE_STATES } from '../../src/session/backfill/backfill.js';
import { BackupBackfill } from '../../src/session/backup/backup-backfill.js';
import { runBackfill } from '../../src/session/backup/backfill-run.js';
import type { RunContext } from '../../src/session/backup/run-context.js';
import { Session } from '../../src/session/session.js';
import type { Commit } from '../../src/store/commit.js';
import { aPage } from '../support/page-builder.js';

const ANNA = '491701111111@s.whatsapp.net';
const BACKFILL_ID = '01jd0000000000000000000000';
const PAGES = 5;
const PAGE_ROWS = 2000;

/** The chats, the survey and the turn in which the import begins are committed before the first page. */
const COMMITS_BEFORE = 3;

/** Longer than a session waits after any failure. */
const PAUSE_MS = 120_000;

/** The clock of the session: how long it waits after a failure is up to the test. */
let nowMs: number;
let directory: string;
let session: Session;

beforeEach(async () => {
  nowMs = 1_800_000_000_000;
  directory = await mkdtemp(join(tmpdir(), 'scrollback-run-'));
  const dependencies = { now: () => nowMs, log: makeLogger('silent') };
  session = new Session(create(SessionRecordSchema, { sessionId: 's' }), directory, dependencies);
});

afterEach(async () => {
  await session.close();
  await rm(directory, { recursive: true });
});

/** One message a page, named after it. */
const idOfPage = (page: number): string => `page${String(page)}`;

/** Stands in for the threads: a backup of `PAGES` pages with a message each. `before` is awaited before a page is answered. */
function aPool(before: (page: number) => Promise<void>): WorkerPool {
  const survey = (): Promise<Answer<SurveyResult>> =>
    Promise.resolve({
      ok: true,
      survey: {
        mappings: [],
        unresolvedLids: [],
        chats: [
          {
            rowId: 1,
            jid: ANNA,
            name: '',
            createMs: 0,
            archived: false,
            unreadCount: 0,
            ephemeralSeconds: 0,
          },
        ],
        messageMaxId: PAGES * PAGE_ROWS,
        legacyMaxId: 0,
        asOfMs: 0,
        ownerName: '',
        sideIndexes: [],
        warnings: [],
      },
    });
  const readPage = async (task: ReadPageTask): Promise<Answer<PageResult>> => {
    const number = task.throughId / PAGE_ROWS;
    await before(number);
    const page = aPage(new Map([[ANNA, 1]]), [{ chat: ANNA, id: idOfPage(number), sentMs: number * 1000 }]);
    const skipped = { sentinel: 0, orphan: 0, deleted: 0, duplicate: 0, malformed: 0 };
    const digest = createHash('sha256').update(page).digest();
    return {
      ok: true,
      page,
      readThroughId: task.throughId,
      nextId: 0,
      rowsRead: 1,
      skipped,
      unresolvedLids: [],
      digest,
    };
  };
  const readDirectory = () => Promise.resolve({ ok: true, contacts: [], groups: [], readThroughId: 0, done: true });
  // Safety: of the pool, a run that need not decrypt uses these alone.
  return { threads: 1, survey, readPage, readDirectory } as unknown as WorkerPool;
}

function aBackfill(record: BackfillRecord): BackupBackfill {
  const describeFault = () => create(StatusSchema);
  return new BackupBackfill(record, new BackfillFiles(directory, BACKFILL_ID), { now: () => nowMs, describeFault });
}

function newRecord(): BackfillRecord {
  return create(BackfillRecordSchema, {
    backfill: { backfillId: BACKFILL_ID, sessionId: 's', state: WIRE_STATES.importing },
    decrypted: true,
    checkpoint: { stage: ImportStage.CHATS },
  });
}

function run(backfill: BackupBackfill, pool: WorkerPool, commit: RunContext['commit']): Promise<BackfillRecord> {
  return session.use((store) =>
    runBackfill({
      backfill,
      store,
      pool,
      commit,
      sourcePath: '',
      maxInflatedBytes: 0,
      checkSpace: () => Promise.resolve(),
    }),
  );
}

/** Which pages' messages are stored. */
async function storedPages(): Promise<string[]> {
  return session.use(async (store) => {
    const found: string[] = [];
    for (let page = 1; page <= PAGES; page++) {
      const filter = { chat: ANNA, messageId: idOfPage(page), fromMe: undefined, sender: undefined };
      if ((await store.findMessages(filter)).length > 0) found.push(idOfPage(page));
    }
    return found;
  });
}

describe('an import whose session fails under it', () => {
  // The page of the failure, and whether its own write fails or that of somebody else just before it.
  it.each([
    [2, 'own'],
    [3, 'own'],
    [2, 'other'],
    [3, 'other'],
  ] as const)('loses no page when it goes on (page %i, %s write)', async (failing, whose) => {
    let failed = false;
    // What comes after it is slow, so that the session has been opened anew by then.
    const pool = aPool(async (page) => {
      while (page > failing && !failed) await delay(1);
      if (page > failing) await delay(20);
    });
    let commits = 0;
    const refuseWrite = (building: Commit): void => {
      building.batch.write = () => Promise.reject(new Error('EIO'));
    };
    const commit: RunContext['commit'] = async (build) => {
      if (++commits !== COMMITS_BEFORE + failing) return session.commit(build);
      try {
        if (whose === 'own') {
          return await session.commit(async (building) => {
            const result = await build(building);
            refuseWrite(building);
            return result;
          });
        }
        const other = session.commit((building) => {
          refuseWrite(building);
          return Promise.resolve();
        });
        await other.catch(() => undefined);
        return await session.commit(build);
      } finally {
        failed = true;
        nowMs += PAUSE_MS;
      }
    };
    await expect(run(aBackfill(newRecord()), pool, commit)).rejects.toThrow('SESSION_UNAVAILABLE');
    nowMs += PAUSE_MS;
    const record = await session.use((store) => store.getBackfill(BACKFILL_ID));
    if (record === undefined) throw new Error('no record');
    const through = Number(record.checkpoint?.afterId) / PAGE_ROWS;
    expect(through).toBeLessThan(failing);
    expect(await storedPages()).toEqual(Array.from({ length: through }, (_, n) => idOfPage(n + 1)));
    expect(Number(backfillOf(record).messagesAdded)).toBe(through);

    const done = await run(
      aBackfill(record),
      aPool(() => Promise.resolve()),
      (build) => session.commit(build),
    );
    expect(await storedPages()).toEqual(Array.from({ length: PAGES }, (_, n) => idOfPage(n + 1)));
    const { messagesAdded, rowsRead } = backfillOf(done);
    expect([messagesAdded, rowsRead]).toEqual([BigInt(PAGES), BigInt(PAGES)]);
  });
});

describe('a backup that comes again', () => {
  /** Imports the backup; returns what was counted, and in how many commits. */
  async function importOnce(): Promise<{ counts: Record<string, number>; commits: number }> {
    let commits = 0;
    const done = await run(
      aBackfill(newRecord()),
      aPool(() => Promise.resolve()),
      (build) => {
        commits++;
        return session.commit(build);
      },
    );
    const { rowsRead, messagesAdded, messagesUpdated, messagesUnchanged, rowsSkipped } = backfillOf(done);
    const counts = { read: rowsRead, added: messagesAdded, updated: messagesUpdated, unchanged: messagesUnchanged };
    const deleted = rowsSkipped.find(({ reason }) => reason === SkipReason.DELETED)?.count ?? 0n;
    const numbers = Object.entries({ ...counts, deleted }).map(([name, count]) => [name, Number(count)]);
    return { counts: Object.fromEntries(numbers) as Record<string, number>, commits };
  }

  it('counts the same without merging its pages once more, until a message is deleted', async () => {
    const first = await importOnce();
    expect(first.counts).toEqual({ read: PAGES, added: PAGES, updated: 0, unchanged: 0, deleted: 0 });

    const again = await importOnce();
    expect(again.counts).toEqual({ read: PAGES, added: 0, updated: 0, unchanged: PAGES, deleted: 0 });
    // One commit for all pages instead of one for each, and none that prepares for new messages.
    expect(again.commits).toBe(first.commits - PAGES);

    const key = { chatJid: ANNA, messageId: idOfPage(2), fromMe: false, senderJid: '' };
    await session.use((store) =>
      session.commit((building) => store.recordLive(building, [{ type: 'deletion', key }], () => undefined)),
    );
    const afterwards = { read: PAGES, added: 0, updated: 0, unchanged: PAGES - 1, deleted: 1 };
    const merged = await importOnce();
    expect(merged).toEqual({ counts: afterwards, commits: first.commits });
    const recognised = await importOnce();
    expect(recognised).toEqual({ counts: afterwards, commits: again.commits });
    expect(await storedPages()).toEqual([1, 3, 4, 5].map(idOfPage));
  });
});
