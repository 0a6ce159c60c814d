import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CallError } from '../../src/cli/call-error.js';
import { BackfillState } from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import { MediaPolicy } from '../../src/gen/scrollback/v1/session_service_pb.js';
import { type BackupBytes, makeBytes, makeLargeBytes } from '../support/backup-bytes.js';
import {
  chunksOf,
  createUpload,
  digitsOf,
  ensureSession,
  errorOf,
  findStrayFiles,
  followBackfill,
  getBackfill,
  importWhole,
  reasonOf,
  untilClean,
} from '../support/backfill-walk.js';
import { Daemon } from '../support/daemon.js';
import { fingerprintOf, firstDifference, readHistory } from '../support/read-history.js';
import { rootKey } from '../support/small-backup.js';
import { canMount, SmallDisk } from '../support/small-disk.js';

const key = digitsOf(rootKey);
describe.runIf(canMount)('a full disk', () => {
  let disk: SmallDisk;
  let daemon: Daemon;
  let small: BackupBytes;
  let large: Omit<BackupBytes, 'expected'>;
  beforeAll(async () => {
    disk = await SmallDisk.mount(160);
    daemon = await Daemon.start({ dataDirectory: join(disk.path, 'data'), wrap: disk.wrap });
    small = await makeBytes({ messages: 40_000, toMessage: 3000, seed: 121 });
    large = await makeLargeBytes({ messages: 40_000, seed: 121 });
    await importWhole(daemon.client, 's', small.crypt15, key);
  });
  afterAll(async () => {
    await daemon.remove();
    await disk.unmount();
  });

  /** Imports while only so much is free; returns the reason that it failed for, or that it succeeded. */
  async function failWith(freeBytes: number): Promise<string> {
    const { client } = daemon;
    await disk.fill(freeBytes);
    try {
      const { backfillId } = await createUpload(client, 's', large.crypt15.length, key);
      await client.backfills.uploadBackup(chunksOf(backfillId, large.crypt15));
      const backfill = await followBackfill(client, backfillId);
      return backfill.state === BackfillState.SUCCEEDED ? 'SUCCEEDED' : errorOf(backfill).reason;
    } catch (error) {
      if (error instanceof CallError) return error.reason;
      throw error;
    }
  }

  test('fails the import with STORAGE_FULL wherever it comes, and what was committed is intact when there is room again', async () => {
    const { client } = daemon;
    const upload = large.crypt15.length;
    const plain = large.plain.length;
    const rooms = [
      0,
      0.5 * upload,
      upload + 0.3 * plain,
      upload + plain + 200_000,
      upload + 1.2 * plain,
      upload + 1.6 * plain,
    ];
    const before = fingerprintOf(await readHistory(client, 's'));
    const reasons: string[] = [];
    for (const room of rooms) {
      const reason = await failWith(Math.round(room));
      reasons.push(reason);
      await untilClean(disk.outside('data'));
      await disk.empty();
      // The store that failed is opened anew after a pause; until then it says so.
      await untilReady('s');
      const { messages } = await readHistory(client, 's');
      expect(messages.length).toBeGreaterThanOrEqual(small.facts.messageRows - 200);
      const keys = new Set(fingerprintOf({ messages, chats: [], contacts: [], groups: [] }));
      for (const line of before) if (line.startsWith('message ')) expect(keys.has(line)).toBe(true);
    }
    // The last ones may find enough room; those before fail at the upload, the decryption and the import.
    expect(new Set(reasons.slice(0, 4))).toEqual(new Set(['STORAGE_FULL']));
    await importWhole(client, 's', large.crypt15, key);
    const result = fingerprintOf(await readHistory(client, 's'));
    await importWhole(client, 'fresh', large.crypt15, key);
    const fresh = fingerprintOf(await readHistory(client, 'fresh'));
    const messagesOf = (lines: string[]): string[] => lines.filter((line) => line.startsWith('message '));
    expect(messagesOf(result).length).toBe(messagesOf(fresh).length);
    await daemon.stop();
    await daemon.restart();
    expect(firstDifference(fingerprintOf(await readHistory(daemon.client, 's')), result)).toBeUndefined();
  });

  test('is told to whoever makes a session, which can be made when there is room again', async () => {
    await disk.fill(0);
    const codes: string[] = [];
    // LevelDB may find some room in a page that it has already.
    for (let n = 0; n < 200; n++) {
      const made = daemon.client.sessions.createSession({
        sessionId: `full-${String(n)}`,
        displayName: 'x'.repeat(200),
      });
      codes.push(await made.then(() => 'made', reasonOfError));
    }
    expect(new Set(codes.filter((code) => code !== 'made'))).toEqual(new Set(['STORAGE_FULL']));
    // The registry, which everybody needs, is poisoned now: what it refuses is told, and nothing has crashed.
    expect(await reasonOf(daemon.client.sessions.deleteSession({ sessionId: 's' }))).toBe('STORAGE_FULL');
    const late = { sessionId: 's', displayName: 'late', mediaPolicy: MediaPolicy.NONE };
    expect(await reasonOf(daemon.client.sessions.updateSession(late))).toBe('STORAGE_FULL');
    expect(daemon.log).not.toContain('incidentId');
    await disk.empty();
    await ensureSession(daemon.client, 'after');
    // What was refused stays undone, whatever else is written of the session.
    await daemon.client.sessions.updateSession({ sessionId: 's', displayName: 'S' });
    const { sessions } = await daemon.client.sessions.listSessions({ pageSize: 1000 });
    expect(sessions.find(({ sessionId }) => sessionId === 's')).toMatchObject({
      displayName: 'S',
      mediaPolicy: MediaPolicy.ON_DEMAND,
    });
    const made = codes.filter((code) => code === 'made').length;
    expect(sessions.length).toBeGreaterThanOrEqual(made);
    await importWhole(daemon.client, 'after', small.crypt15, key);
    await daemon.stop();
    await daemon.restart();
    expect((await daemon.client.sessions.listSessions({ pageSize: 1000 })).sessions).toHaveLength(sessions.length);
  });

  test('ends an upload with STORAGE_FULL, which goes on where it was when there is room again', async () => {
    const { client } = daemon;
    const { crypt15 } = large;
    await ensureSession(client, 'filled');
    const { backfillId } = await createUpload(client, 'filled', crypt15.length, key);
    const half = Math.floor(crypt15.length / 2);
    await client.backfills.uploadBackup(chunksOf(backfillId, crypt15, { to: half }));
    await disk.fill(100_000);
    expect(await reasonOf(client.backfills.uploadBackup(chunksOf(backfillId, crypt15, { from: half })))).toBe(
      'STORAGE_FULL',
    );
    await disk.empty();
    await untilReady('filled');
    const { state, committedSize } = await getBackfill(client, backfillId);
    expect(state).toBe(BackfillState.UPLOADING);
    expect(Number(committedSize)).toBeGreaterThanOrEqual(half);
    await client.backfills.uploadBackup(chunksOf(backfillId, crypt15, { from: Number(committedSize) }));
    expect((await followBackfill(client, backfillId)).state).toBe(BackfillState.SUCCEEDED);
  });

  test('does not keep a backfill from being cancelled, whose files may be what fills it', async () => {
    const { client } = daemon;
    const { crypt15 } = large;
    await ensureSession(client, 'unwanted');
    const { backfillId } = await createUpload(client, 'unwanted', crypt15.length, key);
    let sent = Math.floor(crypt15.length / 2);
    await client.backfills.uploadBackup(chunksOf(backfillId, crypt15, { to: sent }));
    // Each upload writes the record: until the log's last page has no room for one more, which it would take on a full disk, too.
    while (4096 - ((await logSizeOf(backfillId)) % 4096) > 64) {
      await client.backfills.uploadBackup(chunksOf(backfillId, crypt15, { from: sent, to: ++sent }));
    }
    await disk.fill(0);
    const before = daemon.log.length;
    const { backfill } = await client.backfills.cancelBackfill({ backfillId });
    expect(backfill?.state).toBe(BackfillState.CANCELLED);
    expect(daemon.log.slice(before)).toContain('the history is closed and opened anew');
    expect(await findStrayFiles(disk.outside('data'))).toEqual([]);
    await disk.empty();
    expect((await getBackfill(client, backfillId)).state).toBe(BackfillState.CANCELLED);
    await importWhole(client, 'unwanted', small.crypt15, key);
  });

  test('is refused before anything is sent when the floor would be passed', async () => {
    await daemon.stop();
    await daemon.restart({ SCROLLBACK_MIN_FREE_BYTES: String(1024 ** 4) });
    await expect(createUpload(daemon.client, 's', 1000, key)).rejects.toMatchObject({ reason: 'STORAGE_FULL' });
    expect((await readHistory(daemon.client, 's')).messages.length).toBeGreaterThan(0);
  });

  /** How large the log of the LevelDB is that holds a backfill. */
  async function logSizeOf(backfillId: string): Promise<number> {
    const sessions = disk.outside('data/sessions');
    for (const directory of await readdir(sessions)) {
      const running = await readdir(join(sessions, directory, 'backfills')).catch((): string[] => []);
      if (!running.includes(backfillId)) continue;
      const history = join(sessions, directory, 'history');
      const logs = (await readdir(history)).filter((name) => name.endsWith('.log')).sort();
      return (await stat(join(history, logs.at(-1) ?? ''))).size;
    }
    throw new Error(`nobody has backfill ${backfillId}`);
  }

  async function untilReady(sessionId: string): Promise<void> {
    await ensureSession(daemon.client, sessionId);
    for (;;) {
      try {
        await daemon.client.history.listChats({ sessionId });
        return;
      } catch (error) {
        if (!(error instanceof CallError && error.reason === 'SESSION_UNAVAILABLE')) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }
});

function reasonOfError(error: unknown): string {
  if (error instanceof CallError) return error.reason;
  throw error;
}
