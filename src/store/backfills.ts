import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { type BackfillRecord, BackfillRecordSchema } from '../gen/scrollback/store/v1/record_pb.js';
import { BackfillKind } from '../gen/scrollback/v1/backfill_service_pb.js';
import type { Commit } from './commit.js';
import type { Database } from './database.js';
import { keyspace, prefixEnd, prefixKey, textKey } from './keyspaces.js';

/** Puts a backfill's record into a commit, with its request id. */
export function putBackfill(commit: Commit, record: BackfillRecord): void {
  const { backfill } = record;
  if (backfill === undefined) throw new Error('a backfill record has no backfill');
  commit.overlay.put(
    textKey(keyspace.backfill, backfill.backfillId),
    Buffer.from(toBinary(BackfillRecordSchema, record)),
  );
  if (backfill.requestId !== '') {
    commit.overlay.put(textKey(keyspace.request, backfill.requestId), Buffer.from(backfill.backfillId));
  }
}

/** Reads the record of a backfill. */
export async function getBackfill(database: Database, backfillId: string): Promise<BackfillRecord | undefined> {
  const value = await database.get(textKey(keyspace.backfill, backfillId));
  return value === undefined ? undefined : fromBinary(BackfillRecordSchema, value);
}

/** Reads the backfill that was created with a request id. */
export async function findByRequest(database: Database, requestId: string): Promise<BackfillRecord | undefined> {
  const id = await database.get(textKey(keyspace.request, requestId));
  return id === undefined ? undefined : getBackfill(database, id.toString());
}

/** Reads the backfills with ids before `beforeId` (`''` for all), the newest first; only those of one kind if one is named. */
export async function listBackfills(
  database: Database,
  beforeId: string,
  limit: number,
  kind?: BackfillKind,
): Promise<BackfillRecord[]> {
  const lt = beforeId === '' ? prefixEnd(keyspace.backfill) : textKey(keyspace.backfill, beforeId);
  const records: BackfillRecord[] = [];
  const whole = { gt: prefixKey(keyspace.backfill), lt, reverse: true };
  const range = kind === undefined ? { ...whole, limit } : whole;
  for await (const entries of database.scan(range)) {
    for (const [, value] of entries) {
      const record = fromBinary(BackfillRecordSchema, value);
      if (kind === undefined || wireKindOf(record) === kind) records.push(record);
      if (records.length === limit) return records;
    }
  }
  return records;
}

/** Records that were made before there were kinds are of backups. */
function wireKindOf({ backfill }: BackfillRecord): BackfillKind {
  return backfill === undefined || backfill.kind === BackfillKind.UNSPECIFIED ? BackfillKind.BACKUP : backfill.kind;
}
