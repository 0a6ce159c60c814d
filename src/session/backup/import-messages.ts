import { clone } from '@bufbuild/protobuf';
import type { ImportPlan, PageResult, SkippedCounts } from '../../backup/task.js';
import {
  type BackfillRecord,
  BackfillRecordSchema,
  type ImportStage,
} from '../../gen/scrollback/store/v1/record_pb.js';
import { SkipReason } from '../../gen/scrollback/v1/backfill_service_pb.js';
import { putBackfill } from '../../store/backfills.js';
import type { MergeCounts } from '../../store/merge-page.js';
import { backfillOf, countSkipped } from '../backfill/backfill.js';
import { type PageQuestion, readPages } from './import-pages.js';
import { type RunContext, setCheckpoint, startOf } from './run-context.js';

/**
 * Imports what is left of one of the tables of messages, page by page: each page's messages, what they count and the checkpoint behind it are
 * one commit.
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
  let writing = Promise.resolve();
  let failed = false;
  try {
    for await (const { result, release } of readPages(range, ask)) {
      if (pages++ % PAGES_PER_SPACE_CHECK === 0) await context.checkSpace();
      await store.catchUp(() => backfill.stopped);
      // A session that was opened anew meanwhile would take this page, with a checkpoint behind the one that was not written.
      if (failed) break;
      const merging = commit(async (building) => {
        const record = clone(BackfillRecordSchema, latest);
        const page = Buffer.from(result.page.buffer, result.page.byteOffset, result.page.byteLength);
        const counts = await store.mergePage(building, page, result.unresolvedLids);
        countPage(record, result, counts);
        setCheckpoint(record, stage, result.readThroughId);
        putBackfill(building, record);
        latest = record;
        return record;
      });
      const published = merging.then((record) => backfill.publish(record)).finally(release);
      // It is awaited in its turn; until then a rejection must not count as unhandled.
      published.catch(() => {
        failed = true;
      });
      const earlier = writing;
      writing = published;
      await earlier;
    }
  } finally {
    await writing;
  }
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

/** A look at the file system for every 128,000 messages: they take some 55 MB. */
const PAGES_PER_SPACE_CHECK = 64;
