import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type Timestamp, timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { chatKindOf, type ChatKind as ChatKindName } from '../domain/jid.js';
import {
  type ChatRecord,
  ChatRecordSchema,
  type ContactRecord,
  ContactRecordSchema,
  type GroupRecord,
  GroupRecordSchema,
} from '../gen/scrollback/store/v1/record_pb.js';
import { type Chat, ChatKind, ChatSchema, type Contact, type Group } from '../gen/scrollback/v1/history_service_pb.js';
import { type ChatSettings, noteSettings } from './chat-settings.js';
import type { Commit } from './commit.js';
import { chatNumberKey, keyspace, textKey } from './keyspaces.js';
import { phoneOf, phoneOrMark } from './phone-of.js';

/** How good a name of a chat is: a better one is never replaced by a worse one. */
export const nameRank = { none: 0, pushName: 1, subject: 2 } as const;

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
  archived: boolean;
  unreadCount: number;
  ephemeralSeconds: number;
  /** What only the link tells. */
  settings?: ChatSettings;
  /** False when `archived`, `unreadCount` and `ephemeralSeconds` are not told, but what is known already. */
  tellsView?: boolean;
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
  const later = asOf > record.asOfMs || (asOf === record.asOfMs && facts.name > chat.name);
  const better = facts.nameRank > record.nameRank || (facts.nameRank === record.nameRank && later);
  if (facts.name !== '' && better) {
    chat.name = facts.name;
    record.nameRank = facts.nameRank;
  }
  chat.alternateJids = [...new Set([...chat.alternateJids, ...facts.alternateJids])]
    .filter((jid) => jid !== chat.jid)
    .sort();
  noteCreation(chat, timeOf(facts.createMs));
  if (facts.tellsView !== false) noteView(record, facts, asOf);
  noteSettings(record, facts.settings ?? {}, asOf);
  saveChat(commit, record, before);
  return record.chatNumber;
}

/** Reads the record of a chat by any of its addresses, as it will be after the commit. */
export async function loadChat(commit: Commit, jid: string): Promise<ChatRecord | undefined> {
  const number = await commit.overlay.get(textKey(keyspace.chatNumber, jid));
  if (number === undefined) return undefined;
  const value = await commit.overlay.get(chatNumberKey(keyspace.chat, number.readUInt32BE(0)));
  return value === undefined ? undefined : fromBinary(ChatRecordSchema, value);
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
  commit.touch();
}

function newChat(commit: Commit, jid: string): ChatRecord {
  const chatNumber = commit.state.nextChatNumber++;
  commit.state.chatCount++;
  const chat = create(ChatSchema, { jid, kind: KINDS[chatKindOf(jid)] });
  const record = create(ChatRecordSchema, { chat, chatNumber });
  saveChat(commit, record);
  return record;
}

/** The phone's view of a chat: the later source wins; of two of the same time neither, so that their order does not matter. */
export function noteView(
  record: ChatRecord,
  view: Pick<Chat, 'archived' | 'unreadCount' | 'ephemeralSeconds'>,
  asOfMs: bigint,
): void {
  const chat = chatOf(record);
  if (asOfMs < record.asOfMs) return;
  const same = asOfMs === record.asOfMs;
  chat.archived = view.archived || (same && chat.archived);
  chat.unreadCount = same ? Math.max(chat.unreadCount, view.unreadCount) : view.unreadCount;
  chat.ephemeralSeconds = same ? Math.max(chat.ephemeralSeconds, view.ephemeralSeconds) : view.ephemeralSeconds;
  record.asOfMs = asOfMs;
}

/** Of two times of creation the earlier one counts, whichever came first: a phone that was set up anew makes its chats anew. */
export function noteCreation(chat: Chat, time: Timestamp | undefined): void {
  if (time === undefined) return;
  if (chat.createTime === undefined || timestampMs(time) < timestampMs(chat.createTime)) chat.createTime = time;
}

/** Gives the chat with a person their name and their addresses. */
function adoptPerson(record: ChatRecord, person: Contact | undefined): void {
  const chat = chatOf(record);
  if (person?.jid !== chat.jid) return;
  chat.alternateJids = [...new Set([...chat.alternateJids, ...person.alternateJids])].sort();
  if (person.name === '' || record.nameRank > nameRank.pushName) return;
  chat.name = person.name;
  record.nameRank = nameRank.pushName;
}

/** The chat inside a record; a record without one was never written. */
export function chatOf(record: ChatRecord): Chat {
  if (record.chat === undefined) throw new Error('a stored chat has no chat');
  return record.chat;
}

/**
 * Stores what a source tells of a person, and names the chat with them after it. An older source fills what is missing. Returns true
 * when the person was unknown.
 */
export async function putContact(commit: Commit, told: Contact, asOfMs: number): Promise<boolean> {
  const contact = await underNumber(commit, told);
  const key = textKey(keyspace.contact, contact.jid);
  const value = await commit.overlay.get(key);
  const known = value === undefined ? undefined : fromBinary(ContactRecordSchema, value);
  const merged = known === undefined ? { contact, asOfMs: BigInt(asOfMs) } : mergeContact(known, contact, asOfMs);
  const bytes = Buffer.from(toBinary(ContactRecordSchema, create(ContactRecordSchema, merged)));
  if (value === undefined || !bytes.equals(value)) commit.overlay.put(key, bytes);
  const chat = await loadChat(commit, contact.jid);
  if (chat !== undefined) {
    const before = toBinary(ChatRecordSchema, chat);
    adoptPerson(chat, merged.contact);
    saveChat(commit, chat, before);
  }
  return known === undefined;
}

function mergeContact(known: ContactRecord, contact: Contact, asOfMs: number): { contact: Contact; asOfMs: bigint } {
  const old = known.contact;
  if (old === undefined) return { contact, asOfMs: BigInt(asOfMs) };
  const newer = BigInt(asOfMs) > known.asOfMs;
  const tied = BigInt(asOfMs) === known.asOfMs && contact.name > old.name;
  const [first, second] = newer || tied ? [contact, old] : [old, contact];
  return {
    contact: {
      ...first,
      alternateJids: [...new Set([...old.alternateJids, ...contact.alternateJids])].sort(),
      name: first.name !== '' ? first.name : second.name,
      pushName: first.pushName !== '' ? first.pushName : second.pushName,
      username: first.username !== '' ? first.username : second.username,
      maskedNumber: first.maskedNumber !== '' ? first.maskedNumber : second.maskedNumber,
    },
    asOfMs: newer ? BigInt(asOfMs) : known.asOfMs,
  };
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
async function underNumber<T extends { jid: string; alternateJids: string[] }>(commit: Commit, told: T): Promise<T> {
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
