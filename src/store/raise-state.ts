import { fromBinary } from '@bufbuild/protobuf';
import { isGroup } from '../domain/jid.js';
import { GroupRecordSchema } from '../gen/scrollback/store/v1/record_pb.js';
import { keyspace, textKey } from './keyspaces.js';
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

/** The members of a group without the owner; none when they are not known. */
async function membersOf(overlay: Overlay, jid: string): Promise<string[]> {
  const value = await overlay.get(textKey(keyspace.group, jid));
  const record = value === undefined ? undefined : fromBinary(GroupRecordSchema, value);
  const members = isState(record) ? (record.group?.members ?? []) : [];
  return members.flatMap((member) => (member.fromMe || member.jid === '' ? [] : [member.jid]));
}
