import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { pino } from 'pino';
import { makeServerId } from '../../../src/domain/server-id.js';
import { BackfillRecordSchema, SessionRecordSchema } from '../../../src/gen/scrollback/store/v1/record_pb.js';
import { WorkerPool } from '../../../src/pool.js';
import { toStatus } from '../../../src/rpc/status.js';
import { backfillOf, WIRE_STATES } from '../../../src/session/backfill/backfill.js';
import { BackupBackfill } from '../../../src/session/backup/backup-backfill.js';
import { BackfillFiles } from '../../../src/session/backup/backfill-files.js';
import { runBackfill } from '../../../src/session/backup/backfill-run.js';
import { Session } from '../../../src/session/session.js';
import { CommitTimes, type Durations, LoopDelay } from '../commit-times.js';
import { readMemory, resetPeak } from '../memory.js';
import { answerQuestions } from '../side-process.js';

/** A backup to import into the session in `directory`; always the same directory. */
export interface GrowthQuestion {
  directory: string;
  path: string;
  keyPath: string;
}

/** How the import went; times in ms, memory in bytes. */
export interface GrowthAnswer {
  added: number;
  updated: number;
  /** From the encrypted file to the last commit. */
  wallMs: number;
  commits: Durations;
  loop: Durations;
  peak: number;
}

/** What the imports share: the daemon's session layer, without its door. */
let layer: { pool: WorkerPool; session: Session } | undefined;

/** Runs a backfill as the daemon does, but with a clock on each commit, which the daemon does not tell. */
async function grow({ directory, path, keyPath }: GrowthQuestion): Promise<GrowthAnswer> {
  const { pool, session } = (layer ??= openLayer(directory));
  await mkdir(session.directory, { recursive: true });
  const key = await readFile(keyPath);
  const backfill = newBackfill(session, key);
  await backfill.files.create();
  const times = new CommitTimes((build) => session.commit(build));
  await resetPeak(process.pid);
  const loop = new LoopDelay();
  const startedAt = performance.now();
  await session.use((store) =>
    runBackfill({
      backfill,
      store,
      pool,
      sourcePath: path,
      maxInflatedBytes: Number.MAX_SAFE_INTEGER,
      commit: times.commit,
      checkSpace: () => Promise.resolve(),
    }),
  );
  const wallMs = performance.now() - startedAt;
  const delay = loop.end();
  await backfill.files.remove();
  const { messagesAdded, messagesUpdated } = backfillOf(backfill.record);
  const { peak } = await readMemory(process.pid);
  const [added, updated] = [Number(messagesAdded), Number(messagesUpdated)];
  return { added, updated, wallMs, commits: times.durations(), loop: delay, peak };
}

function openLayer(directory: string): { pool: WorkerPool; session: Session } {
  // As many threads as the daemon has unless told otherwise (`config.ts`).
  const threads = Math.min(16, Math.max(2, availableParallelism() - 1));
  const pool = new WorkerPool({ threads, onLostThread: () => process.exit(1) });
  const record = create(SessionRecordSchema, { sessionId: 'growth' });
  const session = new Session(record, directory, { now: Date.now, log: pino({ level: 'silent' }) });
  return { pool, session };
}

function newBackfill(session: Session, key: Buffer): BackupBackfill {
  const now = Date.now();
  const backfillId = makeServerId(now, randomBytes(16));
  const record = create(BackfillRecordSchema, {
    backfill: {
      backfillId,
      sessionId: session.record.sessionId,
      state: WIRE_STATES.decrypting,
      createTime: timestampFromMs(now),
    },
  });
  const files = new BackfillFiles(session.directory, backfillId);
  const backfill = new BackupBackfill(record, files, { now: Date.now, describeFault: toStatus });
  backfill.key = key;
  return backfill;
}

answerQuestions(grow);
