import { mkdir, mkdtemp, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BackfillState } from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import { type BackupBytes, makeBytes } from '../support/backup-bytes.js';
import {
  chunksOf,
  createUpload,
  digitsOf,
  ensureSession,
  findStrayFiles,
  followBackfill,
  getBackfill,
  untilClean,
} from '../support/backfill-walk.js';
import { withDaemon } from '../support/daemon.js';
import { expectCounts, expectHistory } from '../support/expected-history.js';
import { checkPrivate } from '../support/interrupted-import.js';
import { readHistory } from '../support/read-history.js';
import { CliProcess } from '../support/run-cli.js';
import { rootKey } from '../support/small-backup.js';

const key = digitsOf(rootKey);

let backup: BackupBytes;
let directory: string;
let filePath: string;
beforeAll(async () => {
  backup = await makeBytes({ messages: 15_000, seed: 101, traps: true });
  directory = await mkdtemp(join(tmpdir(), 'scrollback-crash-'));
  filePath = join(directory, 'msgstore.db.crypt15');
  await writeFile(filePath, backup.crypt15);
});
afterAll(() => rm(directory, { recursive: true }));

describe('after kill -9', () => {
  test('an import of a decrypted file goes on by itself, and its result is exact', async () => {
    await withDaemon(async (daemon) => {
      await ensureSession(daemon.client, 's');
      const { backfillId } = await createUpload(daemon.client, 's', backup.crypt15.length, key);
      await daemon.client.backfills.uploadBackup(chunksOf(backfillId, backup.crypt15));
      let rowsRead = 0n;
      while (rowsRead < 2000n) ({ rowsRead } = await getBackfill(daemon.client, backfillId));
      await daemon.kill9();
      const left = await findStrayFiles(daemon.dataDirectory);
      expect(left.map(({ path, mode }) => [path.split('/').at(-1), mode])).toEqual([['msgstore.db', 0o600]]);
      await daemon.restart();
      const done = await followBackfill(daemon.client, backfillId);
      expect(done.state).toBe(BackfillState.SUCCEEDED);
      expectCounts(done, backup.expected);
      expectHistory(await readHistory(daemon.client, 's'), backup.expected);
      await untilClean(daemon.dataDirectory);
    });
  });

  test('an upload that cannot be read at the moment is not thrown away', async () => {
    const half = Math.floor(backup.crypt15.length / 2);
    await withDaemon(async (daemon) => {
      await ensureSession(daemon.client, 's');
      const { backfillId } = await createUpload(daemon.client, 's', backup.crypt15.length, key);
      await daemon.client.backfills.uploadBackup(chunksOf(backfillId, backup.crypt15, { to: half }));
      await daemon.kill9();
      const [upload] = await findStrayFiles(daemon.dataDirectory);
      const path = join(daemon.dataDirectory, upload?.path ?? '');
      await rename(path, `${path}-away`);
      await mkdir(path);
      await daemon.restart();
      expect((await getBackfill(daemon.client, backfillId)).state).toBe(BackfillState.AWAITING_KEY);
      await daemon.kill9();
      await rmdir(path);
      await rename(`${path}-away`, path);
      await daemon.restart();
      await daemon.client.backfills.resumeBackfill({ backfillId, key });
      await daemon.client.backfills.uploadBackup(chunksOf(backfillId, backup.crypt15, { from: half }));
      expect((await followBackfill(daemon.client, backfillId)).state).toBe(BackfillState.SUCCEEDED);
      expectHistory(await readHistory(daemon.client, 's'), backup.expected);
    });
  });

  test.each(['the command that still runs', 'the same command again'])(
    'an import whose file was not decrypted waits for its key, and %s goes on',
    async (who) => {
      await withDaemon(async (daemon) => {
        await ensureSession(daemon.client, 's');
        const args = ['import', filePath, '--session', 's', '--key-file', '-', '--json'];
        const start = (): CliProcess =>
          new CliProcess(args, { address: daemon.address, input: rootKey.toString('hex') });
        const first = start();
        const which = { case: 'sessionId', value: 's' } as const;
        for (let state: BackfillState | undefined; state === undefined || state === BackfillState.UPLOADING;) {
          const found = await daemon.client.backfills.getBackfill({ which }).catch(() => undefined);
          state = found?.backfill?.state;
        }
        if (who === 'the same command again') first.child.kill('SIGKILL');
        await daemon.kill9();
        await checkPrivate(daemon.dataDirectory);
        await daemon.restart({ SCROLLBACK_LISTEN: daemon.address });
        const { backfills } = await daemon.client.backfills.listBackfills({ sessionId: 's' });
        expect(backfills.map(({ committedSize }) => committedSize)).toEqual([BigInt(backup.crypt15.length)]);
        const goingOn = who === 'the same command again' ? start() : first;
        expect((await goingOn.outcome()).code).toBe(0);
        const { backfills: after } = await daemon.client.backfills.listBackfills({ sessionId: 's' });
        expect(after.map(({ backfillId, state }) => [backfillId, state])).toEqual([
          [backfills[0]?.backfillId, BackfillState.SUCCEEDED],
        ]);
        expectHistory(await readHistory(daemon.client, 's'), backup.expected);
        await untilClean(daemon.dataDirectory);
      });
    },
  );
});
