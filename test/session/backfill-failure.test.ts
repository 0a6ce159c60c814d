import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BackfillState } from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import { MediaPolicy } from '../../src/gen/scrollback/v1/session_service_pb.js';
import { backfillOf } from '../../src/session/backfill/backfill.js';
import { OwnSupervisor } from '../support/own-supervisor.js';
import { rootKey, smallBackup, smallDatabase } from '../support/small-backup.js';

let own: OwnSupervisor;
beforeEach(async () => {
  own = await OwnSupervisor.open();
});
afterEach(() => own.close());

it('what a thread met that nobody can act on is in the log, and the backfill says no more than that', async () => {
  const { backfillId, upload } = await uploadedAndAwaitingKey();
  await rm(upload);
  await own.sessions.resumeBackfill(backfillId, Uint8Array.from(rootKey));
  const record = await endOf(backfillId);
  expect(backfillOf(record).state).toBe(BackfillState.FAILED);
  expect(record.error?.message).toBe("something went wrong inside the server; see the server's log");
  expect(own.log).toContain('backfill failed for an unknown reason');
  expect(own.log).toContain('ENOENT open');
});

/** A backup that was sent whole, and whose key went with the process. */
async function uploadedAndAwaitingKey(): Promise<{ backfillId: string; upload: string }> {
  const backup = smallBackup(smallDatabase());
  await own.sessions.createSession('s', '', MediaPolicy.UNSPECIFIED);
  const source = { kind: 'upload', totalSize: backup.length, fileName: 'b' } as const;
  const key = Uint8Array.from(rootKey);
  const { backfillId } = backfillOf(await own.sessions.createBackfill({ sessionId: 's', source, key, requestId: '' }));
  const sink = await own.sessions.openUpload(backfillId);
  await sink.write(0, backup);
  await sink.close();
  await own.restart();
  const sessions = join(own.directory, 'data', 'sessions');
  const [session = ''] = await readdir(sessions);
  return { backfillId, upload: join(sessions, session, 'backfills', backfillId, 'upload') };
}

async function endOf(backfillId: string) {
  let last = await own.sessions.getBackfill(backfillId);
  for await (const record of own.sessions.watchBackfill(backfillId, new AbortController().signal)) last = record;
  return last;
}
