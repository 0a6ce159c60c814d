import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type HistoryRecord, MergedPageSchema } from '../gen/scrollback/store/v1/record_pb.js';
import type { Commit } from './commit.js';
import type { Database } from './database.js';
import { keyspace } from './keyspaces.js';
import type { MergeCounts } from './merge-page.js';

/*
 * Which pages of backups were merged. Most of a backup that comes again, or that the same phone made a day later, are pages that were merged before,
 * byte for byte. Merging is idempotent, so of such a page nothing has to be looked up. What it counts is remembered, too;
 * that holds until a stored message is removed, which turns one of the unchanged into a refused one.
 */

/** What merging the page with a digest once more would count; undefined when it has to be merged to know. */
export async function countsAgain(
  database: Database,
  state: HistoryRecord,
  digest: Buffer,
): Promise<MergeCounts | undefined> {
  const value = await database.get(pageKey(digest));
  if (value === undefined) return undefined;
  const page = fromBinary(MergedPageSchema, value);
  if (page.removedCount !== state.removedCount) return undefined;
  return { added: 0, updated: 0, unchanged: page.storedCount, refused: page.refusedCount, deleted: 0 };
}

/** Keeps that a page was merged in this commit. */
export function putMergedPage(commit: Commit, digest: Buffer, counts: MergeCounts): void {
  const page = create(MergedPageSchema, {
    removedCount: commit.state.removedCount,
    storedCount: counts.added + counts.updated + counts.unchanged,
    refusedCount: counts.refused,
  });
  commit.overlay.put(pageKey(digest), Buffer.from(toBinary(MergedPageSchema, page)));
}

function pageKey(digest: Buffer): Buffer {
  return Buffer.concat([Buffer.of(keyspace.mergedPage), digest]);
}
