import { timestampMs } from '@bufbuild/protobuf/wkt';
import { BackupFile } from '../../src/cli/backup-file.js';
import { required } from '../../src/cli/call-error.js';
import type { Connection } from '../../src/cli/client.js';
import { hasEnded } from '../../src/cli/import-run.js';
import { type Backfill, BackfillState } from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import type { Backup } from './backups.js';

/** How an import went: the lengths of its parts, in ms. They add up. */
export interface ImportTimes {
  /** From the creation of the backfill until the last byte was acknowledged. */
  uploadMs: number;
  /** Until the file was verified, decrypted and inflated. */
  decryptMs: number;
  /** Until the last commit: survey, messages, people and groups. */
  importMs: number;
  backfill: Backfill;
}

/** Imports a backup as any client would: creates a backfill, uploads the file, follows it. Throws unless it ends as SUCCEEDED. */
export async function uploadBackup(
  { backfills }: Connection,
  sessionId: string,
  backup: Backup,
  key: Uint8Array,
): Promise<ImportTimes> {
  const file = await BackupFile.open(backup.path);
  try {
    const created = await backfills.createBackfill({
      sessionId,
      source: { case: 'upload', value: { totalSize: BigInt(file.size), fileName: file.name } },
      key: { form: { case: 'file', value: key } },
    });
    const { backfillId } = required(created.backfill);
    async function* requests(): AsyncGenerator<{ backfillId: string; writeOffset: bigint; data: Uint8Array }> {
      for await (const { offset, data } of file.chunks(0, CHUNK_BYTES)) {
        yield { backfillId, writeOffset: BigInt(offset), data };
      }
    }
    await backfills.uploadBackup(requests());
    const uploadedMs = Date.now();
    let last: Backfill | undefined;
    for await (const frame of backfills.watchBackfill({ backfillId })) last = required(frame.backfill);
    return timesOf(required(last), uploadedMs);
  } finally {
    await file.close();
  }
}

function timesOf(backfill: Backfill, uploadedMs: number): ImportTimes {
  if (!hasEnded(backfill) || backfill.state !== BackfillState.SUCCEEDED) {
    throw new Error(`the import did not succeed: ${backfill.error?.message ?? 'it was cancelled'}`);
  }
  const createdMs = timestampMs(required(backfill.createTime));
  const startedMs = timestampMs(required(backfill.startTime));
  const endedMs = timestampMs(required(backfill.endTime));
  // The client learns a moment late that its last byte arrived; a small file may be decrypted by then.
  const sentMs = Math.min(uploadedMs, startedMs);
  return { uploadMs: sentMs - createdMs, decryptMs: startedMs - sentMs, importMs: endedMs - startedMs, backfill };
}

/** What the command line sends in a message unless told otherwise. */
const CHUNK_BYTES = 512 * 1024;
