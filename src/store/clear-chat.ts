import { fromBinary } from '@bufbuild/protobuf';
import { REVISION_TAIL_BYTES } from '../domain/page-format.js';
import type { ClearRecord } from '../gen/scrollback/store/v1/record_pb.js';
import { MessageSchema } from '../gen/scrollback/v1/message_pb.js';
import { primaryKeyOfEntry, scanChat } from './chat-index.js';
import { hides, loadClear, saveClear } from './cleared-chats.js';
import type { Commit } from './commit.js';
import type { Database } from './database.js';
import { identityKeyOf } from './identity.js';
import { markDeleted } from './merge-page.js';

/** True while stored messages of cleared chats wait for `clearStep`. */
export function isClearing({ state }: Commit): boolean {
  return state.clearingChats.length > 0;
}

/**
 * Removes some of what was cleared, of one chat. What a chat lost and how far this came is in one commit, so after a crash it goes on
 * there; the state says when nothing is left.
 */
export async function clearStep(commit: Commit, database: Database): Promise<void> {
  const [chatNumber] = commit.state.clearingChats;
  if (chatNumber === undefined) return;
  const record = await loadClear(commit, chatNumber);
  const entries = record === undefined ? [] : await nextEntries(commit, database, chatNumber, record);
  const last = entries.at(-1);
  if (record === undefined || last === undefined) {
    commit.state.clearingChats = commit.state.clearingChats.slice(1);
    return;
  }
  await commit.loadTotals([chatNumber]);
  const primaryKeys = entries.map((entry) => primaryKeyOfEntry(chatNumber, entry));
  await commit.overlay.prefetch(primaryKeys);
  for (const primaryKey of primaryKeys) await removeRow(commit, chatNumber, record, primaryKey);
  record.afterEntry = last;
  saveClear(commit, chatNumber, record);
}

async function removeRow(commit: Commit, chatNumber: number, record: ClearRecord, primaryKey: Buffer): Promise<void> {
  const row = await commit.overlay.get(primaryKey);
  if (row === undefined) return;
  const { key, starred } = fromBinary(MessageSchema, row.subarray(0, row.length - REVISION_TAIL_BYTES));
  if (key === undefined || !hides(record, primaryKey.readUIntBE(1, 6), starred)) return;
  await markDeleted(commit, identityKeyOf(chatNumber, key));
}

async function nextEntries(
  commit: Commit,
  database: Database,
  chatNumber: number,
  { throughMs, afterEntry }: ClearRecord,
): Promise<Buffer[]> {
  await commit.before;
  const gte = afterEntry.length === 0 ? timeBytes(1) : Buffer.concat([afterEntry, Buffer.of(0)]);
  const range = { gte, lt: timeBytes(Number(throughMs) + 1), reverse: false };
  const found: Buffer[] = [];
  for await (const entries of scanChat(database, chatNumber, range, { readAhead: STEP_ROWS })) {
    found.push(...entries);
    if (found.length >= STEP_ROWS) break;
  }
  return found;
}

function timeBytes(ms: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(ms, 0, 6);
  return bytes;
}

/** Messages of one step, or up to a record of the index more: it is one commit, between which other writes get their turn. */
const STEP_ROWS = 500;
