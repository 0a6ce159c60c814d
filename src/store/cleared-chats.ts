import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { POSITION_MAX } from '../domain/position.js';
import { type ClearRecord, ClearRecordSchema } from '../gen/scrollback/store/v1/record_pb.js';
import type { Commit } from './commit.js';
import { chatNumberKey, keyspace } from './keyspaces.js';

/** That a chat was cleared. */
export interface Clear {
  throughMs: number;
  keepsStarred: boolean;
}

/**
 * Keeps that the owner cleared a chat: from now on nothing is added that was sent up to then. What is stored of it is removed by
 * `clearStep`, which the state then asks for. Returns false when as much was cleared before.
 */
export async function noteClear(commit: Commit, chatNumber: number, clear: Clear): Promise<boolean> {
  const throughMs = BigInt(Math.max(0, Math.min(clear.throughMs, POSITION_MAX - 1)));
  return raise(commit, chatNumber, throughMs, clear.keepsStarred ? 0n : throughMs);
}

/** What was cleared of a chat that another one was united with is cleared of both. */
export async function uniteClears(commit: Commit, from: number, to: number): Promise<void> {
  const gone = await loadClear(commit, from);
  if (gone === undefined) return;
  commit.overlay.delete(chatNumberKey(keyspace.cleared, from));
  commit.state.clearingChats = commit.state.clearingChats.filter((chat) => chat !== from);
  await raise(commit, to, gone.throughMs, gone.starredThroughMs);
}

async function raise(commit: Commit, chatNumber: number, throughMs: bigint, starredMs: bigint): Promise<boolean> {
  const record = (await loadClear(commit, chatNumber)) ?? create(ClearRecordSchema);
  if (throughMs <= record.throughMs && starredMs <= record.starredThroughMs) return false;
  if (throughMs > record.throughMs) record.throughMs = throughMs;
  if (starredMs > record.starredThroughMs) record.starredThroughMs = starredMs;
  record.afterEntry = EMPTY;
  saveClear(commit, chatNumber, record);
  const { state } = commit;
  state.hasClearedChats = true;
  state.clearingChats = [...new Set([...state.clearingChats, chatNumber])];
  commit.touch();
  return true;
}

/** True for a message that was sent before its chat was cleared. What has no time is not known to be. */
export async function isCleared(
  commit: Commit,
  chatNumber: number,
  { sentMs, starred }: { sentMs: number; starred: boolean },
): Promise<boolean> {
  // Most histories have no such chat, and then nothing is read.
  if (!commit.state.hasClearedChats || sentMs === 0) return false;
  const record = await loadClear(commit, chatNumber);
  return record !== undefined && hides(record, sentMs, starred);
}

/** True for what was sent before the clear. */
export function hides(record: ClearRecord, sentMs: number, starred: boolean): boolean {
  return sentMs <= Number(starred ? record.starredThroughMs : record.throughMs);
}

/** What was cleared of a chat; undefined for nothing. */
export async function loadClear(commit: Commit, chatNumber: number): Promise<ClearRecord | undefined> {
  const value = await commit.overlay.get(chatNumberKey(keyspace.cleared, chatNumber));
  return value === undefined ? undefined : fromBinary(ClearRecordSchema, value);
}

/** Keeps what was cleared, and how far it is removed. */
export function saveClear(commit: Commit, chatNumber: number, record: ClearRecord): void {
  const value = Buffer.from(toBinary(ClearRecordSchema, record));
  commit.overlay.put(chatNumberKey(keyspace.cleared, chatNumber), value);
}

const EMPTY = Buffer.alloc(0);
