import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { toStatus } from '../../src/rpc/status.js';
import { backfillOf, type LiveBackfill } from '../../src/session/backfill/backfill.js';
import type { CountedChunk } from '../../src/session/backfill/history-counter.js';
import { HistorySyncs } from '../../src/session/backfill/history-syncs.js';
import { LinkBackfills } from '../../src/session/backfill/link-backfills.js';
import { LiveBackfills } from '../../src/session/backfill/live-backfills.js';
import type { Session } from '../../src/session/session.js';
import { Registry } from '../../src/store/registry.js';
import { FakeLinks } from '../support/fake-links.js';
import { aKey, aLiveMessage } from '../support/live-events.js';

const ANNA = '491700000002@s.whatsapp.net';
const announcement = { unasked: true, questionId: '', name: 'RECENT 1', progressPercent: 20, isLast: false };

let directory: string;
let links: FakeLinks;
let registry: Registry;
let live: LiveBackfills;
let backfills: LinkBackfills;
let syncs: HistorySyncs;
let session: Session;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'scrollback-syncs-'));
  registry = await Registry.open(join(directory, 'registry'));
  links = await FakeLinks.open();
  live = new LiveBackfills(registry);
  const dependencies = { now: Date.now, log: pino({ level: 'silent' }), describeFault: toStatus };
  backfills = new LinkBackfills(dependencies, live, (one) => links.links.of(one), {
    'history-sync': (run) => syncs.untilComplete(run),
  });
  syncs = new HistorySyncs({ live, links: backfills, now: Date.now, quietMs: 300 });
  session = links.session('s');
  links.links.of(session).resume();
  (await links.connection(1)).open();
});
afterEach(async () => {
  await backfills.stop();
  await links.close();
  await registry.close();
  await rm(directory, { recursive: true });
});

function begin(key: string): Promise<CountedChunk> {
  return syncs.counterOf(session).begin(announcement, Buffer.from(key));
}

async function commitMessage(chunk: CountedChunk, id: string): Promise<void> {
  const events = [aLiveMessage(aKey(ANNA, id))];
  await session.use((store) => chunk.commitPart((commit) => store.recordLive(commit, events, () => undefined)));
}

/** The history sync that is not over. */
function running(): LiveBackfill {
  const [backfill] = live.of(session, 'history-sync');
  if (backfill === undefined) throw new Error('none runs');
  return backfill;
}

it('ends when nothing has come for a while, and what comes later is another one', async () => {
  const first = await begin('k1');
  const backfill = running();
  await commitMessage(first, 'A');
  const second = await begin('k2');
  expect(running()).toBe(backfill);
  await commitMessage(second, 'A');
  await commitMessage(second, 'B');
  await second.commitEnd(() => Promise.resolve(), 'recorded');
  second.close();
  // A chunk that is begun anew goes on behind its parts.
  const again = await begin('k1');
  first.close();
  expect([again.partsDone, second.partsDone]).toEqual([1, 0]);
  await again.commitEnd(() => Promise.resolve(), 'gone');
  again.close();
  await backfill.work;
  expect(backfill.state).toBe('succeeded');
  expect(backfillOf(backfill.record)).toMatchObject({
    rowsRead: 3n,
    messagesAdded: 2n,
    messagesUnchanged: 1n,
    chunks: 1n,
    progressPercent: 100,
    warnings: [expect.stringContaining('RECENT 1')],
  });
  expect(backfill.record.historySync?.openChunks).toEqual([]);
  const later = await begin('k3');
  expect(running().id).not.toBe(backfill.id);
  later.close();
});

it('does not end while a chunk is being recorded, and then with the link', async () => {
  const chunk = await begin('k1');
  const backfill = running();
  const connection = await links.connection(1);
  connection.end({ cause: 'banned', code: 403 });
  await commitMessage(chunk, 'A');
  expect(backfill.state).toBe('importing');
  await chunk.commitEnd(() => Promise.resolve(), 'recorded');
  chunk.close();
  await backfill.work;
  expect(backfill.state).toBe('failed');
  expect(backfill.record.error).toEqual(toStatus({ reason: 'LINK_NOT_CONNECTED', sessionId: 's', state: 'banned' }));
  expect(backfillOf(backfill.record)).toMatchObject({ chunks: 1n, messagesAdded: 1n });
});

it('waits for the link when it is lost', async () => {
  const chunk = await begin('k1');
  const backfill = running();
  (await links.connection(1)).end({ cause: 'restart', code: 515 });
  chunk.close();
  const next = await links.connection(2);
  await expect.poll(() => backfill.state).toBe('waiting');
  next.open();
  await backfill.work;
  expect(backfill.state).toBe('succeeded');
});
