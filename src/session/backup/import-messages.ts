import { clone } from '@bufbuild/protobuf';
import type { ImportPlan, PageResult, SkippedCounts } from '../../backup/task.js';
import {
  type BackfillRecord,
  BackfillRecordSchema,
  type ImportStage,
} from '../../gen/scrollback/store/v1/record_pb.js';
import { SkipReason } from '../../gen/scrollback/v1/backfill_service_pb.js';
import { putBackfill } from '../../store/backfills.js';
import type { Commit } from '../../store/commit.js';
import type { HistoryStore } from '../../store/history-store.js';
import type { MergeCounts } from '../../store/merge-page.js';
import { putMergedPage } from '../../store/merged-pages.js';
import { backfillOf, countSkipped } from '../backfill/backfill.js';
import { type PageQuestion, readPages } from './import-pages.js';
import { type RunContext, setCheckpoint, startOf } from './run-context.js';

/**
 * Imports what is left of one of the tables of messages, page by page: each page's messages, what they count and the checkpoint behind it are
 * one commit. Pages that were merged before, byte for byte, change nothing: of several of them the counts are one commit.
 */
export async function importMessages(
  context: RunContext,
  plan: ImportPlan,
  table: 'message' | 'messages',
  stage: ImportStage,
  maxId: number,
): Promise<void> {
  const { backfill, store, pool, commit } = context;
  const afterId = startOf(backfill.record, stage);
  if (afterId === undefined) return;
  const range = { afterId, maxId, ahead: pool.threads + 2 };
  let pages = 0;
  const ask = (part: PageQuestion) => pool.readPage({ control: backfill.control, plan, table, ...part });
  // One page is merged while the one before is being written: a record builds on the one before, which may not be durable yet.
  let latest = backfill.record;
  const add = (result: PageResult, counts: MergeCounts): void => {
    latest = clone(BackfillRecordSchema, latest);
    countPage(latest, result, counts);
    setCheckpoint(latest, stage, result.readThroughId);
  };
  let writing = Promise.resolve();
  let failed = false;
  const save = (merge?: (building: Commit) => Promise<void>, release?: () => void): Promise<void> => {
    const saved = commit(async (building) => {
      await merge?.(building);
      putBackfill(building, latest);
      return latest;
    })
      .then((record) => backfill.publish(record))
      .finally(release);
    // It is awaited in its turn; until then a rejection must not count as unhandled.
    saved.catch(() => {
      failed = true;
    });
    return saved;
  };
  let unsaved = 0;
  try {
    for await (const { result, release } of readPages(range, ask)) {
      if (pages++ % PAGES_PER_SPACE_CHECK === 0) await context.checkSpace();
      const again = await store.countsAgain(Buffer.from(result.digest));
      if (again !== undefined) {
        release();
        await writing;
        add(result, again);
        if (++unsaved === KNOWN_PAGES_PER_COMMIT) {
          writing = save();
          unsaved = 0;
        }
        continue;
      }
      await store.beginImport(plan.messageMaxId + plan.legacyMaxId, commit);
      await store.catchUp(() => backfill.stopped);
      // A session that was opened anew meanwhile would take this page, with a checkpoint behind the one that was not written.
      if (failed) break;
      const earlier = writing;
      writing = save(async (building) => add(result, await mergeNew(store, building, result)), release);
      unsaved = 0;
      await earlier;
    }
    await writing;
    if (unsaved > 0) writing = save();
  } finally {
    await writing;
  }
}

async function mergeNew(
  store: HistoryStore,
  building: Commit,
  { page: { buffer, byteOffset, byteLength }, unresolvedLids, digest }: PageResult,
): Promise<MergeCounts> {
  const counts = await store.mergePage(building, Buffer.from(buffer, byteOffset, byteLength), unresolvedLids);
  // What it removed itself it would find removed.
  if (counts.deleted === 0) putMergedPage(building, Buffer.from(digest), counts);
  return counts;
}

function countPage(record: BackfillRecord, result: PageResult, counts: MergeCounts): void {
  const backfill = backfillOf(record);
  backfill.rowsRead += BigInt(result.rowsRead);
  backfill.messagesAdded += BigInt(counts.added);
  backfill.messagesUpdated += BigInt(counts.updated);
  backfill.messagesUnchanged += BigInt(counts.unchanged);
  backfill.messagesDeleted += BigInt(counts.deleted);
  const skipped: SkippedCounts = { ...result.skipped, deleted: result.skipped.deleted + counts.refused };
  for (const [name, reason] of SKIP_REASONS) {
    countSkipped(backfill, reason, skipped[name]);
  }
}

const SKIP_REASONS: [keyof SkippedCounts, SkipReason][] = [
  ['sentinel', SkipReason.SENTINEL],
  ['orphan', SkipReason.ORPHAN],
  ['deleted', SkipReason.DELETED],
  ['duplicate', SkipReason.DUPLICATE],
  ['malformed', SkipReason.MALFORMED],
];

/** Of pages that change nothing only the counts are written: a crash reads so many again, which takes a tenth of a second. */
const KNOWN_PAGES_PER_COMMIT = 8;

/** A look at the file system for every 128,000 messages: they take some 55 MB. */
const PAGES_PER_SPACE_CHECK = 64;
