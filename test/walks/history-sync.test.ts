import { proto } from '@whiskeysockets/baileys';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Backfill } from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import { BackfillKind, BackfillState, SkipReason } from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import { LinkState } from '../../src/gen/scrollback/v1/session_service_pb.js';
import { checkSum, createUpload, followBackfill, getBackfill } from '../support/backfill-walk.js';
import { LinkedDaemon } from '../support/linked-daemon.js';
import type { Account } from '../support/whatsapp/account.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };
const ANNA = '491700000002@s.whatsapp.net';
const { FULL, RECENT, ON_DEMAND, PUSH_NAME } = proto.HistorySync.HistorySyncType;

let linked: LinkedDaemon;
let account: Account;
beforeAll(async () => {
  linked = await LinkedDaemon.start();
});
beforeEach(async () => {
  account = await linked.link('a', owner);
  await linked.until('a', LinkState.ONLINE);
});
afterEach(() => linked.renew());
afterAll(() => linked.remove());

/** A chunk with messages of Anna. */
function chunk(syncType: number, progress: number, { from = 0, count = 0 } = {}): proto.IHistorySync {
  const messages = Array.from({ length: count }, (_, n) => ({
    message: {
      key: { remoteJid: ANNA, fromMe: false, id: `H${String(from + n)}` },
      message: { conversation: `history ${String(from + n)}` },
      messageTimestamp: 1_600_000_000 + from + n,
    },
  }));
  const conversations = count === 0 ? [] : [{ id: ANNA, messages: messages.reverse() }];
  return { syncType, chunkOrder: 1, progress, conversations, pushnames: [{ id: ANNA, pushname: 'Anna' }] };
}

async function push(content: proto.IHistorySync, by: 'inline' | 'media' = 'inline', requestId?: string): Promise<void> {
  await account.acknowledged(await account.pushHistory(content, by, requestId));
}

const kind = BackfillKind.HISTORY_SYNC;

/** The history syncs of the session, the newest first. */
async function syncs(): Promise<Backfill[]> {
  const { backfills } = await linked.daemon.client.backfills.listBackfills({ sessionId: 'a', kind });
  for (const backfill of backfills) checkSum(backfill);
  return backfills;
}

/** Follows the newest history sync until it is as wanted. */
async function until(wanted: (backfill: Backfill) => boolean): Promise<Backfill> {
  const { client } = linked.daemon;
  await expect.poll(async () => (await syncs()).length, { timeout: 60_000 }).toBeGreaterThan(0);
  const which = { case: 'sessionId', value: 'a' } as const;
  const backfillId = (await client.backfills.getBackfill({ which, kind })).backfill?.backfillId ?? '';
  for await (const { backfill } of client.backfills.watchBackfill({ backfillId })) {
    if (backfill === undefined) continue;
    checkSum(backfill);
    if (wanted(backfill)) return backfill;
  }
  throw new Error('it ended before');
}

async function messageCount(): Promise<bigint> {
  const { session } = await linked.daemon.client.sessions.getSession({ sessionId: 'a' });
  return session?.messageCount ?? 0n;
}

describe('the history that WhatsApp sends', () => {
  it('is a backfill with chunks, counts, progress and an end', async () => {
    const { client } = linked.daemon;
    // The phone's first chunk came with the link, and is empty.
    const begun = await until(({ chunks }) => chunks === 1n);
    expect(begun).toMatchObject({ kind, rowsRead: 0n, sessionId: 'a' });
    await push(chunk(RECENT, 100, { count: 1500 }));
    expect(await until(({ chunks }) => chunks === 2n)).toMatchObject({ rowsRead: 1500n, progressPercent: 50 });
    const { backfillId } = begun;
    await expect(client.backfills.cancelBackfill({ backfillId })).rejects.toMatchObject({
      reason: 'BACKFILL_NOT_CANCELLABLE',
    });
    // What was asked for belongs to who asked.
    await push(chunk(ON_DEMAND, 0, { from: 5000, count: 3 }), 'inline', 'R1');
    await push(chunk(FULL, 100, { from: 1000, count: 1000 }), 'media');
    const done = await followBackfill(client, backfillId);
    const counts = { rowsRead: 2500n, messagesAdded: 2000n, messagesUpdated: 0n, messagesUnchanged: 500n, chunks: 3n };
    expect(done).toMatchObject({
      ...counts,
      state: BackfillState.SUCCEEDED,
      progressPercent: 100,
      warnings: [],
      rowsSkipped: [],
    });
    expect(await messageCount()).toBe(2003n);

    // What comes later is a history sync of its own, also one that cannot be had.
    linked.whatsapp.media.failNext(410);
    await push(chunk(PUSH_NAME, 0), 'media');
    await expect.poll(async () => (await syncs()).length, { timeout: 60_000 }).toBe(2);
    const warned = await until(({ warnings }) => warnings.length > 0);
    expect(warned).toMatchObject({ chunks: 0n, warnings: [expect.stringContaining('PUSH_NAME 1')] });
    expect((await syncs())[1]).toMatchObject({ ...counts, backfillId });
  });

  it('is counted once after kill -9 in the middle of a chunk', async () => {
    // Long enough to be caught in the middle.
    const count = 25_000;
    await until(({ chunks }) => chunks === 1n);
    await push(chunk(FULL, 100, { count }), 'media');
    const before = await until(({ rowsRead }) => rowsRead > 0n);
    expect(before.rowsRead).toBeLessThan(BigInt(count));
    await linked.daemon.kill9();
    await linked.daemon.restart();
    const done = await followBackfill(linked.daemon.client, before.backfillId);
    expect(done).toMatchObject({
      backfillId: before.backfillId,
      state: BackfillState.SUCCEEDED,
      rowsRead: BigInt(count),
      messagesAdded: BigInt(count),
      messagesUnchanged: 0n,
      chunks: 2n,
    });
    expect(await messageCount()).toBe(BigInt(count));
    expect(done.rowsSkipped.find(({ reason }) => reason === SkipReason.DELETED)).toBeUndefined();
  });

  it('goes on beside the import of a backup', async () => {
    const { client } = linked.daemon;
    const { backfillId } = await until(({ chunks }) => chunks === 1n);
    const upload = await createUpload(client, 'a', 1000);
    expect(upload.kind).toBe(BackfillKind.BACKUP);
    const which = { case: 'sessionId', value: 'a' } as const;
    expect((await client.backfills.getBackfill({ which })).backfill).toEqual(upload);
    expect((await client.backfills.getBackfill({ which, kind })).backfill?.backfillId).toBe(backfillId);
    await client.backfills.cancelBackfill({ backfillId: upload.backfillId });
    expect((await client.backfills.getBackfill({ which })).backfill?.backfillId).toBe(backfillId);
    const all = (await client.backfills.listBackfills({ pageSize: 1, kind: BackfillKind.BACKUP })).backfills;
    expect(all).toMatchObject([{ backfillId: upload.backfillId, state: BackfillState.CANCELLED }]);
  });

  it('ends with the link that brought it', async () => {
    const { client } = linked.daemon;
    const { backfillId } = await until(({ chunks }) => chunks === 1n);
    await client.sessions.unlinkSession({ sessionId: 'a' });
    const failed = await followBackfill(client, backfillId);
    expect(failed).toMatchObject({ state: BackfillState.FAILED, chunks: 1n });
    expect(failed.error?.message).toContain('is not connected to WhatsApp');
    expect(await getBackfill(client, backfillId)).toEqual(failed);
  });
});
