import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type Timestamp, timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { chatKindOf, type ChatKind as ChatKindName } from '../domain/jid.js';
import {
  type ChatRecord,
  ChatRecordSchema,
  ContactRecordSchema,
  type GroupRecord,
  GroupRecordSchema,
} from '../gen/scrollback/store/v1/record_pb.js';
import { type Chat, ChatKind, ChatSchema, type Group } from '../gen/scrollback/v1/history_service_pb.js';
import { adoptPerson, type ChatSettings, giveOwnTimes, noteName, noteSettings } from './chat-settings.js';
import type { Commit } from './commit.js';
import { chatNumberKey, keyspace, textKey } from './keyspaces.js';
import { phoneOf, phoneOrMark } from './phone-of.js';

/** What a source tells of a chat. */
export interface ChatFacts {
  /** The canonical address. */
  jid: string;
  /** Other addresses of the same chat. */
  alternateJids: string[];
  /** '' for none. */
  name: string;
  nameRank: number;
  /** In ms since 1970, 0 for not stated. */
  createMs: number;
  settings: ChatSettings;
}

/**
 * Stores what a source tells of a chat and returns the chat's number. `asOfMs` is the time that the source speaks of: an older one
 * adds the addresses and fills a missing name, and changes nothing else.
 */
export async function putChat(commit: Commit, told: ChatFacts, asOfMs: number): Promise<number> {
  const facts = await underNumber(commit, told);
  const known = await loadChat(commit, facts.jid);
  const record = known ?? newChat(commit, facts.jid);
  const before = toBinary(ChatRecordSchema, record);
  if (known === undefined) {
    const person = await commit.overlay.get(textKey(keyspace.contact, facts.jid));
    if (person !== undefined) adoptPerson(record, fromBinary(ContactRecordSchema, person).contact);
  }
  const chat = chatOf(record);
  const asOf = BigInt(asOfMs);
  noteName(record, facts.name, facts.nameRank, asOf);
  chat.alternateJids = [...new Set([...chat.alternateJids, ...facts.alternateJids])]
    .filter((jid) => jid !== chat.jid)
    .sort();
  noteCreation(chat, timeOf(facts.createMs));
  noteSettings(record, facts.settings, asOf);
  saveChat(commit, record, before);
  return record.chatNumber;
}

/** Reads the record of a chat by any of its addresses, as it will be after the commit. */
export async function loadChat(commit: Commit, jid: string): Promise<ChatRecord | undefined> {
  const number = await commit.overlay.get(textKey(keyspace.chatNumber, jid));
  if (number === undefined) return undefined;
  const value = await commit.overlay.get(chatNumberKey(keyspace.chat, number.readUInt32BE(0)));
  return value === undefined ? undefined : giveOwnTimes(fromBinary(ChatRecordSchema, value));
}

/** Writes a chat's record and its addresses, when it differs from what it was (`before`, encoded). */
export function saveChat(commit: Commit, record: ChatRecord, before?: Uint8Array): void {
  const after = Buffer.from(toBinary(ChatRecordSchema, record));
  if (before !== undefined && after.equals(before)) return;
  const chat = chatOf(record);
  commit.overlay.put(chatNumberKey(keyspace.chat, record.chatNumber), after);
  const number = Buffer.alloc(4);
  number.writeUInt32BE(record.chatNumber);
  for (const jid of [chat.jid, ...chat.alternateJids]) commit.overlay.put(textKey(keyspace.chatNumber, jid), number);
  // When things are from is nobody's news.
  if (before === undefined || !sameChat(fromBinary(ChatRecordSchema, before).chat, chat)) {
    commit.touchChat(record.chatNumber);
  }
}

function sameChat(a: Chat | undefined, b: Chat): boolean {
  return a !== undefined && Buffer.from(toBinary(ChatSchema, a)).equals(toBinary(ChatSchema, b));
}

function newChat(commit: Commit, jid: string): ChatRecord {
  const chatNumber = commit.state.nextChatNumber++;
  commit.state.chatCount++;
  const chat = create(ChatSchema, { jid, kind: KINDS[chatKindOf(jid)] });
  const record = create(ChatRecordSchema, { chat, chatNumber });
  saveChat(commit, record);
  return record;
}

/** Of two times of creation the earlier one counts, whichever came first: a phone that was set up anew makes its chats anew. */
export function noteCreation(chat: Chat, time: Timestamp | undefined): void {
  if (time === undefined) return;
  if (chat.createTime === undefined || timestampMs(time) < timestampMs(chat.createTime)) chat.createTime = time;
}

/** The chat inside a record; a record without one was never written. */
export function chatOf(record: ChatRecord): Chat {
  if (record.chat === undefined) throw new Error('a stored chat has no chat');
  return record.chat;
}

/**
 * Stores a group with its members: the newest source wins as a whole, because members are a state and not facts; a tie is
 * decided by the encoding, so that the order of arrival does not matter. Returns true when the group was unknown.
 */
export async function putGroup(commit: Commit, told: Group, asOfMs: number): Promise<boolean> {
  const members = await byNumber(commit, told.members);
  const group = { ...told, members, pastMembers: await byNumber(commit, told.pastMembers) };
  const key = textKey(keyspace.group, group.jid);
  const value = await commit.overlay.get(key);
  const bytes = Buffer.from(toBinary(GroupRecordSchema, create(GroupRecordSchema, { group, asOfMs: BigInt(asOfMs) })));
  if (value === undefined || isNewer(fromBinary(GroupRecordSchema, value), value, asOfMs, bytes)) {
    commit.overlay.put(key, bytes);
  }
  return value === undefined;
}

function isNewer(known: GroupRecord, knownBytes: Buffer, asOfMs: number, bytes: Buffer): boolean {
  // Neither is a state, but what changes have told by now: the last one holds what came before.
  if (asOfMs === 0 && known.asOfMs === 0n) return true;
  if (known.asOfMs !== BigInt(asOfMs)) return BigInt(asOfMs) > known.asOfMs;
  return bytes.compare(knownBytes) > 0;
}

/** What a source tells under a LID belongs to its number: who reads a backup may have begun before the number was known. */
export async function underNumber<T extends { jid: string; alternateJids: string[] }>(
  commit: Commit,
  told: T,
): Promise<T> {
  const jid = await phoneOf(commit.overlay, told.jid);
  return jid === told.jid
    ? told
    : { ...told, jid, alternateJids: [...new Set([...told.alternateJids, told.jid])].sort() };
}

/** The same for people of a group, each once. */
async function byNumber<T extends { jid: string }>(commit: Commit, people: readonly T[]): Promise<T[]> {
  const resolved: T[] = [];
  for (const person of people) resolved.push({ ...person, jid: await phoneOrMark(commit.overlay, person.jid) });
  return distinctByJid(resolved);
}

/** People in ascending order of their addresses, each once. */
export function distinctByJid<T extends { jid: string }>(people: readonly T[]): T[] {
  const byJid = new Map(people.map((person) => [person.jid, person]));
  return [...byJid.values()].sort((a, b) => (a.jid < b.jid ? -1 : 1));
}

/** A timestamp of milliseconds since 1970; undefined for 0. */
export function timeOf(ms: number): Timestamp | undefined {
  return ms > 0 ? timestampFromMs(ms) : undefined;
}

const KINDS: Record<ChatKindName, ChatKind> = {
  direct: ChatKind.DIRECT,
  group: ChatKind.GROUP,
  newsletter: ChatKind.NEWSLETTER,
  broadcast: ChatKind.BROADCAST,
  status: ChatKind.STATUS,
  other: ChatKind.OTHER,
};
