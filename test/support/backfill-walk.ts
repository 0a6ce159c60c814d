import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { CallError, fromStatus, required } from '../../src/cli/call-error.js';
import type { Connection } from '../../src/cli/client.js';
import { type Backfill, BackfillState, type BackupKeySchema } from '../../src/gen/scrollback/v1/backfill_service_pb.js';

/** A key as a client gives it. */
export type KeyInit = MessageInitShape<typeof BackupKeySchema>;

/** The 64 digits of a key. */
export function digitsOf(key: Uint8Array): KeyInit {
  return { form: { case: 'digits', value: Buffer.from(key).toString('hex') } };
}

/** The bytes of a key file. */
export function keyFileOf(file: Uint8Array): KeyInit {
  return { form: { case: 'file', value: Uint8Array.from(file) } };
}

/** Creates a session unless it is there. */
export async function ensureSession(client: Connection, sessionId: string): Promise<void> {
  await client.sessions.createSession({ sessionId }).catch((error: unknown) => {
    if (!(error instanceof CallError && error.reason === 'SESSION_EXISTS')) throw error;
  });
}

/** Creates a backfill for an upload. */
export async function createUpload(
  client: Connection,
  sessionId: string,
  totalSize: number,
  key?: KeyInit,
  requestId = '',
): Promise<Backfill> {
  const source = { case: 'upload', value: { totalSize: BigInt(totalSize), fileName: 'msgstore.db' } } as const;
  const request = { sessionId, source, requestId, ...(key === undefined ? {} : { key }) };
  return required((await client.backfills.createBackfill(request)).backfill);
}

/** The chunks of an upload from `from` up to `to`. */
export async function* chunksOf(
  backfillId: string,
  bytes: Uint8Array,
  { from = 0, to = bytes.length, chunkBytes = 256 * 1024 } = {},
): AsyncGenerator<{ backfillId: string; writeOffset: bigint; data: Uint8Array }, void, undefined> {
  for (let at = from; at < to; at += chunkBytes) {
    yield { backfillId, writeOffset: BigInt(at), data: bytes.subarray(at, Math.min(at + chunkBytes, to)) };
    await Promise.resolve();
  }
}

/** Returns a backfill as it stands. */
export async function getBackfill(client: Connection, backfillId: string): Promise<Backfill> {
  const which = { case: 'backfillId', value: backfillId } as const;
  return required((await client.backfills.getBackfill({ which })).backfill);
}

/** Follows a backfill until it ends or waits for its key. */
export async function followBackfill(client: Connection, backfillId: string): Promise<Backfill> {
  let last: Backfill | undefined;
  for await (const frame of client.backfills.watchBackfill({ backfillId })) {
    last = required(frame.backfill);
    checkSum(last);
    if (last.state === BackfillState.AWAITING_KEY) break;
  }
  return required(last);
}

/** Uploads a backup into a session, which is made if it is new, and follows its import to the end. */
export async function importBytes(
  client: Connection,
  sessionId: string,
  bytes: Uint8Array,
  key?: KeyInit,
): Promise<Backfill> {
  await ensureSession(client, sessionId);
  const { backfillId } = await createUpload(client, sessionId, bytes.length, key);
  await client.backfills.uploadBackup(chunksOf(backfillId, bytes));
  return followBackfill(client, backfillId);
}

/** Like `importBytes`; throws the backfill's own error unless it succeeds. */
export async function importWhole(
  client: Connection,
  sessionId: string,
  bytes: Uint8Array,
  key?: KeyInit,
): Promise<Backfill> {
  const backfill = await importBytes(client, sessionId, bytes, key);
  if (backfill.error !== undefined) throw fromStatus(backfill.error);
  if (backfill.state !== BackfillState.SUCCEEDED) throw new Error(`ended ${BackfillState[backfill.state]}`);
  return backfill;
}

/** Throws unless every row that was read is accounted for. */
export function checkSum(backfill: Backfill): void {
  const { rowsRead, messagesAdded, messagesUpdated, messagesUnchanged, rowsSkipped } = backfill;
  const skipped = rowsSkipped.reduce((sum, { count }) => sum + count, 0n);
  if (rowsRead !== messagesAdded + messagesUpdated + messagesUnchanged + skipped) {
    throw new Error(
      `${String(rowsRead)} rows read, but ${String(messagesAdded)} + ${String(messagesUpdated)} + ` +
        `${String(messagesUnchanged)} + ${String(skipped)} accounted for`,
    );
  }
}

/** The reason that a call was refused with; throws when it was not. */
export async function reasonOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    if (error instanceof CallError) return error.reason === '' ? `code ${String(error.code)}` : error.reason;
    throw error;
  }
  throw new Error('the call was not refused');
}

/** The error of a failed backfill; throws when it has none. */
export function errorOf({ error }: Backfill): CallError {
  if (error === undefined) throw new Error('the backfill has no error');
  return fromStatus(error);
}

/** A file of a data directory that is no part of a LevelDB. */
export interface StrayFile {
  path: string;
  mode: number;
}

/** All files below a data directory that LevelDB did not make. */
export async function findStrayFiles(dataDirectory: string): Promise<StrayFile[]> {
  const stray: StrayFile[] = [];
  const visit = async (directory: string): Promise<void> => {
    const entries = await readdir(directory, { withFileTypes: true }).catch((): Dirent[] => []);
    if (entries.some(({ name }) => name === 'CURRENT')) {
      const level = /^(CURRENT|LOCK|LOG|LOG\.old|MANIFEST-\d+|\d+\.(log|ldb|dbtmp))$/;
      for (const { name } of entries) if (!level.test(name)) await add(join(directory, name));
      return;
    }
    for (const entry of entries) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) await visit(path);
      else await add(path);
    }
  };
  const add = async (path: string): Promise<void> => {
    const mode = await stat(path).then(
      (found) => found.mode & 0o777,
      () => undefined,
    );
    // One that went away meanwhile is none.
    if (mode !== undefined) stray.push({ path: relative(dataDirectory, path), mode });
  };
  await visit(dataDirectory);
  return stray;
}

/** Waits until a data directory has no stray file. */
export async function untilClean(dataDirectory: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const stray = await findStrayFiles(dataDirectory);
    if (stray.length === 0) return;
    if (Date.now() > deadline) throw new Error(`left behind: ${stray.map(({ path }) => path).join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
