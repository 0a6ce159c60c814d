import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CallError } from '../../src/cli/call-error.js';
import { type Backfill, BackfillState } from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import { type BackupBytes, makeBytes, makeLargeBytes } from '../support/backup-bytes.js';
import {
  chunksOf,
  createUpload,
  digitsOf,
  ensureSession,
  findStrayFiles,
  followBackfill,
  getBackfill,
  importWhole,
  reasonOf,
  untilClean,
} from '../support/backfill-walk.js';
import { Daemon } from '../support/daemon.js';
import { expectHistory } from '../support/expected-history.js';
import { readHistory } from '../support/read-history.js';
import { rootKey } from '../support/small-backup.js';
import { uploadThenSilence } from '../support/silent-upload.js';

const key = digitsOf(rootKey);

let daemon: Daemon;
let small: BackupBytes;
let large: Omit<BackupBytes, 'expected'>;
beforeAll(async () => {
  daemon = await Daemon.start();
  small = await makeBytes({ messages: 800, seed: 51 });
  // Its import takes long enough to be caught in the middle.
  large = await makeLargeBytes({ messages: 60_000, seed: 52 });
});
afterAll(() => daemon.remove());

/** Starts an import and looks at it over and over until `condition` holds. */
async function startUntil(sessionId: string, condition: (backfill: Backfill) => boolean): Promise<Backfill> {
  const { client } = daemon;
  await ensureSession(client, sessionId);
  const created = await createUpload(client, sessionId, large.crypt15.length, key);
  await client.backfills.uploadBackup(chunksOf(created.backfillId, large.crypt15));
  for (;;) {
    const backfill = await getBackfill(client, created.backfillId);
    if (condition(backfill)) return backfill;
    if (backfill.endTime !== undefined) throw new Error(`it ended before: ${BackfillState[backfill.state]}`);
  }
}

/** Cancels a backfill, within the two seconds that the API promises, and fails unless nothing is left of it. */
async function expectCancelled(backfillId: string): Promise<void> {
  const started = performance.now();
  const { backfill } = await daemon.client.backfills.cancelBackfill({ backfillId });
  expect(performance.now() - started).toBeLessThan(2000);
  expect(backfill?.state).toBe(BackfillState.CANCELLED);
  expect(await findStrayFiles(daemon.dataDirectory)).toEqual([]);
  expect((await getBackfill(daemon.client, backfillId)).state).toBe(BackfillState.CANCELLED);
  expect((await followBackfill(daemon.client, backfillId)).state).toBe(BackfillState.CANCELLED);
  // Once more changes nothing and is no error.
  expect((await daemon.client.backfills.cancelBackfill({ backfillId })).backfill?.state).toBe(BackfillState.CANCELLED);
}

describe('cancelling', () => {
  test('ends an upload that is going on', async () => {
    const { client } = daemon;
    await ensureSession(client, 'cancel-upload');
    const { backfillId } = await createUpload(client, 'cancel-upload', large.crypt15.length, key);
    let go = (): void => undefined;
    const cancelled = new Promise<void>((resolve) => (go = resolve));
    let sent = (): void => undefined;
    const halfSent = new Promise<void>((resolve) => (sent = resolve));
    async function* requests(): ReturnType<typeof chunksOf> {
      yield* chunksOf(backfillId, large.crypt15, { to: 1024 * 1024 });
      sent();
      await cancelled;
      yield* chunksOf(backfillId, large.crypt15, { from: 1024 * 1024 });
    }
    const upload = reasonOf(client.backfills.uploadBackup(requests()));
    await halfSent;
    await expectCancelled(backfillId);
    go();
    expect(await upload).toBe('BACKFILL_NOT_UPLOADING');
  });

  test('is final also when the client breaks its upload off at that moment', async () => {
    const { client } = daemon;
    await ensureSession(client, 'cancel-race');
    for (let round = 0; round < 12; round++) {
      const { backfillId } = await createUpload(client, 'cancel-race', large.crypt15.length, key);
      const aborter = new AbortController();
      let sent = (): void => undefined;
      const halfSent = new Promise<void>((resolve) => (sent = resolve));
      async function* requests(): ReturnType<typeof chunksOf> {
        yield* chunksOf(backfillId, large.crypt15, { to: 1024 * 1024 });
        sent();
        await new Promise(() => undefined);
      }
      const upload = client.backfills.uploadBackup(requests(), { signal: aborter.signal });
      upload.catch(() => undefined);
      await halfSent;
      aborter.abort();
      await expectCancelled(backfillId);
    }
  });

  test('ends a decryption', async () => {
    const { backfillId, state } = await startUntil('cancel-decrypt', () => true);
    expect(state).toBe(BackfillState.DECRYPTING);
    await expectCancelled(backfillId);
  });

  test('ends an import, and what was committed stays', async () => {
    const { backfillId } = await startUntil('cancel-import', ({ rowsRead }) => rowsRead > 5000n);
    await expectCancelled(backfillId);
    const after = await getBackfill(daemon.client, backfillId);
    expect(after.rowsRead).toBeLessThan(BigInt(large.facts.messageRows));
    const { session } = await daemon.client.sessions.getSession({ sessionId: 'cancel-import' });
    expect(session?.messageCount).toBe(after.messagesAdded);
    const whole = await importWhole(daemon.client, 'cancel-import', large.crypt15, key);
    expect(whole.messagesAdded + whole.messagesUnchanged + whole.messagesUpdated).toBe(
      BigInt(large.facts.messageRows) - whole.rowsSkipped.reduce((sum, { count }) => sum + count, 0n),
    );
    expect(whole.messagesUnchanged).toBeGreaterThanOrEqual(after.messagesAdded);
  });

  test('ends what waits for its key after a restart', async () => {
    const { backfillId } = await startUntil('cancel-waiting', () => true);
    await daemon.kill9();
    await daemon.restart();
    const { state } = await getBackfill(daemon.client, backfillId);
    expect([BackfillState.AWAITING_KEY, BackfillState.IMPORTING]).toContain(state);
    await expectCancelled(backfillId);
  });
});

describe('the backfills of a session', () => {
  test('run one at a time: a second one is refused and told which one runs', async () => {
    const { client } = daemon;
    await ensureSession(client, 'one');
    const first = await createUpload(client, 'one', small.crypt15.length, key, 'request-1');
    const refusal = await createUpload(client, 'one', small.crypt15.length, key, 'request-2').catch((e: unknown) => e);
    expect(refusal).toMatchObject({ reason: 'BACKFILL_RUNNING', metadata: { backfill_id: first.backfillId } });
    expect(refusal).toBeInstanceOf(CallError);
    // The same request is the same backfill, while it runs and when it is over.
    expect((await createUpload(client, 'one', small.crypt15.length, key, 'request-1')).backfillId).toBe(
      first.backfillId,
    );
    await client.backfills.uploadBackup(chunksOf(first.backfillId, small.crypt15));
    await followBackfill(client, first.backfillId);
    const again = await createUpload(client, 'one', small.crypt15.length, key, 'request-1');
    expect(again).toMatchObject({ backfillId: first.backfillId, state: BackfillState.SUCCEEDED });
    // The next may come as soon as one has ended.
    const next = await createUpload(client, 'one', small.crypt15.length, key, 'request-2');
    expect(next.backfillId > first.backfillId).toBe(true);
    await client.backfills.cancelBackfill({ backfillId: next.backfillId });
    const { backfills } = await client.backfills.listBackfills({ sessionId: 'one' });
    expect(backfills.map(({ backfillId }) => backfillId)).toEqual([next.backfillId, first.backfillId]);
  });

  test('may follow each other the moment that one is seen to have ended', async () => {
    const { client } = daemon;
    await ensureSession(client, 'stairs');
    for (let round = 0; round < 8; round++) {
      const { backfillId } = await createUpload(client, 'stairs', small.crypt15.length, key);
      await client.backfills.uploadBackup(chunksOf(backfillId, small.crypt15));
      while ((await getBackfill(client, backfillId)).endTime === undefined);
    }
  });

  test('have left no file the moment that one is seen to have ended, whatever the end', async () => {
    const { client } = daemon;
    await ensureSession(client, 'tidy');
    const damaged = Buffer.from(small.crypt15);
    const middle = Math.floor(damaged.length / 2);
    damaged.fill(0, middle, middle + 64);
    for (const [bytes, end] of [
      [small.crypt15, BackfillState.SUCCEEDED],
      [damaged, BackfillState.FAILED],
    ] as const) {
      for (let round = 0; round < 4; round++) {
        const { backfillId } = await createUpload(client, 'tidy', bytes.length, key);
        await client.backfills.uploadBackup(chunksOf(backfillId, bytes));
        while ((await getBackfill(client, backfillId)).endTime === undefined);
        expect(await findStrayFiles(daemon.dataDirectory)).toEqual([]);
        expect((await getBackfill(client, backfillId)).state).toBe(end);
      }
    }
  });

  test('take one upload at a time, and go on where a broken one stopped', async () => {
    const { client } = daemon;
    await ensureSession(client, 'broken');
    const { crypt15 } = small;
    const { backfillId } = await createUpload(client, 'broken', crypt15.length, key);
    const half = Math.floor(crypt15.length / 2);
    const part = await client.backfills.uploadBackup(chunksOf(backfillId, crypt15, { to: half, chunkBytes: 5000 }));
    expect(part.committedSize).toBe(BigInt(half));
    const ahead = chunksOf(backfillId, crypt15, { from: half + 1 });
    const refusal: unknown = await client.backfills.uploadBackup(ahead).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ reason: 'WRONG_OFFSET', metadata: { committed_size: String(half) } });
    await daemon.kill9();
    await daemon.restart();
    expect(await getBackfill(daemon.client, backfillId)).toMatchObject({
      state: BackfillState.AWAITING_KEY,
      committedSize: BigInt(half),
    });
    await daemon.client.backfills.resumeBackfill({ backfillId, key });
    await daemon.client.backfills.uploadBackup(chunksOf(backfillId, crypt15, { from: half }));
    expect((await followBackfill(daemon.client, backfillId)).state).toBe(BackfillState.SUCCEEDED);
    expectHistory(await readHistory(daemon.client, 'broken'), small.expected);
    await untilClean(daemon.dataDirectory);
  });

  test('take no byte beyond the size that was announced, and say so', async () => {
    const { client } = daemon;
    await ensureSession(client, 'longer');
    const { crypt15 } = small;
    const { backfillId } = await createUpload(client, 'longer', crypt15.length, key);
    const longer = Buffer.concat([crypt15, Buffer.from('x')]);
    const refusal: unknown = await client.backfills.uploadBackup(chunksOf(backfillId, longer)).catch((e: unknown) => e);
    expect(refusal).toMatchObject({ reason: 'INVALID_ARGUMENT', metadata: { field: 'data' } });
    const { committedSize } = await getBackfill(client, backfillId);
    await client.backfills.uploadBackup(chunksOf(backfillId, crypt15, { from: Number(committedSize) }));
    expect((await followBackfill(client, backfillId)).state).toBe(BackfillState.SUCCEEDED);
  });

  test('let go of an upload that fell silent, so that another client goes on with it', async () => {
    const impatient = await Daemon.start({ env: { SCROLLBACK_UPLOAD_STALL_SECONDS: '1' } });
    try {
      const { client } = impatient;
      const { crypt15 } = small;
      await ensureSession(client, 'silent');
      const { backfillId } = await createUpload(client, 'silent', crypt15.length, key);
      const half = Math.floor(crypt15.length / 2);
      const ended = await uploadThenSilence(impatient.address, [{ backfillId, data: crypt15.subarray(0, half) }]);
      expect(ended).toMatchObject({ reason: 'UPLOAD_STALLED', metadata: { committed_size: String(half) } });
      const kept = { state: BackfillState.UPLOADING, committedSize: BigInt(half) };
      expect(await getBackfill(client, backfillId)).toMatchObject(kept);
      await client.backfills.uploadBackup(chunksOf(backfillId, crypt15, { from: half }));
      expect((await followBackfill(client, backfillId)).state).toBe(BackfillState.SUCCEEDED);
      expectHistory(await readHistory(client, 'silent'), small.expected);
    } finally {
      await impatient.remove();
    }
  });

  test('end when the bytes that were sent are gone at a start', async () => {
    await ensureSession(daemon.client, 'lost');
    const { backfillId } = await createUpload(daemon.client, 'lost', small.crypt15.length, key);
    await daemon.client.backfills.uploadBackup(chunksOf(backfillId, small.crypt15, { to: 5000 }));
    await daemon.kill9();
    for (const { path } of await findStrayFiles(daemon.dataDirectory)) await rm(join(daemon.dataDirectory, path));
    await daemon.restart();
    expect((await getBackfill(daemon.client, backfillId)).state).toBe(BackfillState.CANCELLED);
    await importWhole(daemon.client, 'lost', small.crypt15, key);
  });

  test('of several sessions run at the same time, each exact', async () => {
    const backups = await Promise.all(
      [61, 62, 63, 64].map((seed) => makeBytes({ messages: 1500, traps: seed % 2 === 0, seed })),
    );
    await Promise.all(backups.map(({ crypt15 }, n) => importWhole(daemon.client, `p${String(n)}`, crypt15, key)));
    for (const [n, { expected }] of backups.entries()) {
      expectHistory(await readHistory(daemon.client, `p${String(n)}`), expected);
    }
    await untilClean(daemon.dataDirectory);
  });
});

describe('sessions', () => {
  test('are created once, also when two clients want the same', async () => {
    const tries = await Promise.allSettled(
      Array.from({ length: 16 }, () => daemon.client.sessions.createSession({ sessionId: 'same' })),
    );
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of tries) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ reason: 'SESSION_EXISTS' });
    }
    await importWhole(daemon.client, 'same', small.crypt15, key);
    expectHistory(await readHistory(daemon.client, 'same'), small.expected);
  });

  test('are deleted with a running backfill and every file, whatever is asked of them meanwhile', async () => {
    const { backfillId } = await startUntil('gone', ({ rowsRead }) => rowsRead > 2000n);
    const { client } = daemon;
    const wishes = Array.from({ length: 20 }, () =>
      createUpload(client, 'gone', small.crypt15.length, key).catch((error: unknown) => error),
    );
    await client.sessions.deleteSession({ sessionId: 'gone' });
    await Promise.all(wishes);
    expect(await reasonOf(client.sessions.getSession({ sessionId: 'gone' }))).toBe('SESSION_NOT_FOUND');
    expect(await reasonOf(getBackfill(client, backfillId))).toBe('BACKFILL_NOT_FOUND');
    await untilClean(daemon.dataDirectory);
    await daemon.stop();
    await daemon.restart();
    expect(await reasonOf(daemon.client.sessions.getSession({ sessionId: 'gone' }))).toBe('SESSION_NOT_FOUND');
    await importWhole(daemon.client, 'gone', small.crypt15, key);
    expectHistory(await readHistory(daemon.client, 'gone'), small.expected);
  });

  test('are listed page by page while others are deleted', async () => {
    const { sessions } = daemon.client;
    const ids = Array.from({ length: 120 }, (_, n) => `listed-${String(n).padStart(3, '0')}`);
    await Promise.all(ids.map((sessionId) => sessions.createSession({ sessionId })));
    const kept = ids.filter((_, n) => n % 3 === 0);
    const list = async (pageSize: number): Promise<string[]> => {
      const found: string[] = [];
      for (let pageToken = ''; ;) {
        const page = await sessions.listSessions({ pageSize, pageToken });
        found.push(...page.sessions.map(({ sessionId }) => sessionId).filter((id) => id.startsWith('listed-')));
        if (page.nextPageToken === '') return found;
        ({ nextPageToken: pageToken } = page);
      }
    };
    // Side by side: a session goes at the moment at which a list has come to it.
    const others = ids.filter((id) => !kept.includes(id));
    const deleteAll = (): Promise<unknown> =>
      Promise.all(others.map((sessionId) => sessions.deleteSession({ sessionId })));
    let isOver = false;
    const deleting = deleteAll().finally(() => (isOver = true));
    const check = (found: string[]): void => {
      expect(found).toEqual([...new Set(found)].sort());
      expect(found).toEqual(expect.arrayContaining(kept));
    };
    const listing = [7, 50, 1000, 1000, 1000, 1000].map(async (pageSize) => {
      while (!isOver) check(await list(pageSize));
    });
    await Promise.all([deleting, ...listing]);
    expect(await list(5)).toEqual(kept);
  });

  test('can be deleted and made again while backfills are being made', async () => {
    for (let round = 0; round < 10; round++) {
      const { client } = daemon;
      await ensureSession(client, 'phoenix');
      const wish = createUpload(client, 'phoenix', small.crypt15.length, key).catch((error: unknown) => error);
      await client.sessions.deleteSession({ sessionId: 'phoenix' });
      await wish;
    }
    await daemon.stop();
    await daemon.restart();
    expect(await findStrayFiles(daemon.dataDirectory)).toEqual([]);
  });
});
