import { CallError, fromStatus } from '../../src/cli/call-error.js';
import { type Backfill, BackfillState } from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import {
  checkSum,
  chunksOf,
  createUpload,
  ensureSession,
  findStrayFiles,
  followBackfill,
  getBackfill,
  type KeyInit,
} from './backfill-walk.js';
import type { Daemon } from './daemon.js';

/** An import by a client that goes on until it is done, however often the daemon dies meanwhile. */
export class InterruptedImport {
  readonly #daemon: Daemon;
  readonly #sessionId: string;
  readonly #bytes: Uint8Array;
  readonly #key: KeyInit;

  constructor(daemon: Daemon, sessionId: string, bytes: Uint8Array, key: KeyInit) {
    this.#daemon = daemon;
    this.#sessionId = sessionId;
    this.#bytes = bytes;
    this.#key = key;
  }

  /** Does what there is to do until the backfill has succeeded; undefined when the daemon died before. */
  async advance(): Promise<Backfill | undefined> {
    try {
      return await this.#advance();
    } catch (error) {
      if (error instanceof CallError && error.isDisconnect) return undefined;
      throw error;
    }
  }

  async #advance(): Promise<Backfill> {
    const { client } = this.#daemon;
    await ensureSession(client, this.#sessionId);
    // The same request is the same backfill, as often as it is made.
    const { backfillId } = await createUpload(client, this.#sessionId, this.#bytes.length, this.#key, 'the one');
    for (;;) {
      let backfill = await getBackfill(client, backfillId);
      checkSum(backfill);
      if (backfill.state === BackfillState.AWAITING_KEY) {
        await client.backfills.resumeBackfill({ backfillId, key: this.#key });
        continue;
      }
      if (backfill.state === BackfillState.UPLOADING) {
        const from = Number(backfill.committedSize);
        await client.backfills.uploadBackup(chunksOf(backfillId, this.#bytes, { from }));
      }
      backfill = await followBackfill(client, backfillId);
      if (backfill.error !== undefined) throw fromStatus(backfill.error);
      if (backfill.state === BackfillState.SUCCEEDED) return backfill;
    }
  }
}

/** Throws unless every file that a dead daemon left is private. */
export async function checkPrivate(dataDirectory: string): Promise<void> {
  for (const { path, mode } of await findStrayFiles(dataDirectory)) {
    if (mode !== 0o600) throw new Error(`${path} has mode ${mode.toString(8)}`);
  }
}

/** The counts of a backfill, which do not depend on how often it was interrupted. */
export function countsOf(backfill: Backfill): object {
  const { rowsTotal, rowsRead, messagesAdded, messagesUpdated, messagesUnchanged, messagesDeleted } = backfill;
  const { chats, contacts, groups, groupMembers, warnings } = backfill;
  const skipped = backfill.rowsSkipped.map(({ reason, count }) => [reason, count]);
  const rows = { rowsTotal, rowsRead, messagesAdded, messagesUpdated, messagesUnchanged, messagesDeleted, skipped };
  return { ...rows, chats, contacts, groups, groupMembers, warnings };
}
