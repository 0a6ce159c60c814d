import { create } from '@bufbuild/protobuf';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MESSAGE_KEY_BYTES } from '../../src/domain/page-format.js';
import { ResolutionSchema, SessionRecordSchema } from '../../src/gen/scrollback/store/v1/record_pb.js';
import { makeLogger } from '../../src/log.js';
import { Session } from '../../src/session/session.js';
import { Database } from '../../src/store/database.js';
import { HistoryStore } from '../../src/store/history-store.js';
import { keyspace } from '../../src/store/keyspaces.js';

const OPTIONS = { cacheBytes: 1_048_576, writeBufferBytes: 1_048_576 };
/** A row that says that it holds a LID, and that nobody can decode. */
const DAMAGED = [Buffer.alloc(MESSAGE_KEY_BYTES, keyspace.message), Buffer.from('@lid'.repeat(10))] as const;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'scrollback-open-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function change(write: (batch: ReturnType<Database['batch']>) => void): Promise<void> {
  const database = await Database.open(join(directory, 'history'), OPTIONS);
  const batch = database.batch();
  write(batch);
  await database.write(batch);
  await database.close();
}

it('a history of another layout is refused with what to do, and not tried all the time, also when the clock is put back', async () => {
  const store = await HistoryStore.open(join(directory, 'history'), OPTIONS);
  await store.commit((commit) => {
    commit.state.layoutVersion = 1;
    commit.touch();
    return Promise.resolve();
  });
  await store.close();
  let now = 7_200_000;
  const session = new Session(create(SessionRecordSchema, { sessionId: 's' }), directory, {
    now: () => now,
    log: makeLogger('silent'),
  });
  const ask = (): Promise<unknown> => session.use(() => Promise.resolve());
  await expect(ask()).rejects.toMatchObject({
    cause: { message: expect.stringMatching(/has layout 1, .* reads 2: run the version that wrote it, or import/) },
  });
  const { retryAtMs } = session;
  expect(retryAtMs).toBeGreaterThan(now);
  await change((batch) => batch.del(Buffer.of(keyspace.state)));
  await expect(ask(), 'in the pause').rejects.toMatchObject({ fault: { reason: 'SESSION_UNAVAILABLE' } });
  now -= 3_600_000;
  await ask();
  await session.close();
});

it('a history whose unfinished resolution fails when it is opened can be opened again', async () => {
  const store = await HistoryStore.open(join(directory, 'history'), OPTIONS);
  await store.commit((commit) => {
    commit.state.resolution = create(ResolutionSchema);
    commit.touch();
    return Promise.resolve();
  });
  await store.close();
  await change((batch) => batch.put(...DAMAGED));
  let now = 0;
  const session = new Session(create(SessionRecordSchema, { sessionId: 's' }), directory, {
    now: () => now,
    log: makeLogger('silent'),
  });

  await expect(session.use(() => Promise.resolve())).rejects.toMatchObject({
    fault: { reason: 'SESSION_UNAVAILABLE' },
  });
  // Throws when somebody still has it open.
  await change((batch) => batch.del(DAMAGED[0]));
  now += 60_000;
  expect(await session.use((opened) => Promise.resolve(opened.resolving))).toBe(false);
  await session.close();
});
