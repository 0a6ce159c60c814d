import { toBinary } from '@bufbuild/protobuf';
import { ChatRecordSchema } from '../gen/scrollback/store/v1/record_pb.js';
import type { Commit } from './commit.js';
import { chatOf, loadChat, saveChat } from './directory.js';

/**
 * Notes that WhatsApp is asked for what a group tells. False when there is nothing to ask: its subject is known, nothing is stored of it, or
 * it was asked after `sinceMs`.
 */
export async function noteAsked(commit: Commit, jid: string, nowMs: number, sinceMs: number): Promise<boolean> {
  const record = await loadChat(commit, jid);
  if (record === undefined || chatOf(record).name !== '') return false;
  // A clock that was set back must not keep it from being asked for ever.
  const wasAsked = record.askedMs > BigInt(sinceMs) && record.askedMs <= BigInt(nowMs);
  if (wasAsked) return false;
  const before = toBinary(ChatRecordSchema, record);
  record.askedMs = BigInt(nowMs);
  saveChat(commit, record, before);
  return true;
}
