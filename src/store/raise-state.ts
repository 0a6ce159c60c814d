import { create, fromBinary } from '@bufbuild/protobuf';
import { readIdentityKey } from '../domain/identity.js';
import { isGroup } from '../domain/jid.js';
import { GroupRecordSchema, HiddenFactsSchema, ResolutionSchema } from '../gen/scrollback/store/v1/record_pb.js';
import type { Commit } from './commit.js';
import type { Database } from './database.js';
import { chatNumberKey, identityOfHidden, keyspace, textKey } from './keyspaces.js';
import type { MessageFacts } from './merge-message.js';
import type { Overlay } from './overlay.js';
import { isState } from './record-directory.js';

/**
 * Says how far a message of the owner got in a group: as far as with the member with whom it got least far. It follows from what is
 * joined, whichever source the last part of it came from.
 */
export async function raiseState(overlay: Overlay, { message, hidden }: MessageFacts): Promise<void> {
  const { key } = message;
  if (hidden.receipts.length === 0 || key?.fromMe !== true || !isGroup(key.chatJid)) return;
  const members = await membersOf(overlay, key.chatJid);
  if (members.length === 0) return;
  const states = new Map(hidden.receipts.map(({ jid, state }) => [jid, state]));
  const reached = Math.min(...members.map((jid) => states.get(jid) ?? 0));
  message.deliveryState = Math.max(message.deliveryState, reached);
}

/**
 * To be called when the members of a group are told for the first time: what came before of its messages is gone through once more, when there
 * are receipts among it.
 */
export async function raiseKnown(commit: Commit, database: Database, jid: string): Promise<void> {
  const number = await commit.overlay.get(textKey(keyspace.chatNumber, jid));
  if (number === undefined || (await membersOf(commit.overlay, jid)).length === 0) return;
  const chatNumber = number.readUInt32BE(0);
  // What this commit brings is not in the database yet.
  if (!commit.totals.has(chatNumber) && !(await holdsReceipts(commit, database, chatNumber))) return;
  const { retoldChats = [] } = commit.state.resolution ?? {};
  commit.state.resolution = create(ResolutionSchema, { retoldChats });
}

/** True when what is hidden of a message says how far it got with members of a group. */
export function hasReceipts(hiddenKey: Buffer, value: Buffer): boolean {
  return (
    readIdentityKey(identityOfHidden(hiddenKey)).fromMe && fromBinary(HiddenFactsSchema, value).receipts.length > 0
  );
}

async function holdsReceipts(commit: Commit, database: Database, chatNumber: number): Promise<boolean> {
  await commit.before;
  const range = { gte: chatNumberKey(keyspace.hidden, chatNumber), lt: chatNumberKey(keyspace.hidden, chatNumber + 1) };
  for await (const entries of database.scan(range)) {
    if (entries.some(([key, value]) => hasReceipts(key, value))) return true;
  }
  return false;
}

/** The members of a group without the owner; none when they are not known. */
async function membersOf(overlay: Overlay, jid: string): Promise<string[]> {
  const value = await overlay.get(textKey(keyspace.group, jid));
  const record = value === undefined ? undefined : fromBinary(GroupRecordSchema, value);
  const members = isState(record) ? (record.group?.members ?? []) : [];
  return members.flatMap((member) => (member.fromMe || member.jid === '' ? [] : [member.jid]));
}
