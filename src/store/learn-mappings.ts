import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type ChatRecord, GroupRecordSchema, ResolutionSchema } from '../gen/scrollback/store/v1/record_pb.js';
import type { Commit } from './commit.js';
import { uniteClears } from './cleared-chats.js';
import { uniteCoverage } from './coverage.js';
import type { Database } from './database.js';
import { joinLabels } from './chat-labels.js';
import { joinSettings, noteName } from './chat-settings.js';
import { chatOf, distinctByJid, loadChat, noteCreation, saveChat } from './directory.js';
import { chatNumberKey, keyspace, prefixEnd, prefixKey, textKey } from './keyspaces.js';
import { moveContact } from './people.js';

/**
 * Keeps that LIDs stand for phone numbers, and unites what was stored under both: chats, people and groups in this commit. When
 * messages must follow, the state says so (`resolution`), and `resolveStep` is to be called until it says no more. Resolves to how many
 * mappings were new.
 *
 * A LID stands for the number that was told first, for good: what was stored under it is stored under that number and cannot be told
 * apart from what was the number's own. Somebody who changes their number keeps their LID, so what comes by the new number is another
 * chat, and what comes by the LID goes on in the first one.
 */
export async function learnMappings(commit: Commit, database: Database, mappings: [string, string][]): Promise<number> {
  const news: [string, string][] = [];
  const retold = new Set(commit.state.resolution?.retoldChats);
  let messagesFollow = false;
  await commit.overlay.prefetch(mappings.map(([lid]) => textKey(keyspace.mapping, lid)));
  for (const [lid, phone] of mappings) {
    const key = textKey(keyspace.mapping, lid);
    if ((await commit.overlay.get(key)) !== undefined) continue;
    commit.overlay.put(key, Buffer.from(phone));
    news.push([lid, phone]);
  }
  if (news.length === 0) return 0;
  const seen = [keyspace.unresolved, keyspace.contact, keyspace.chatNumber] as const;
  await commit.overlay.prefetch(news.flatMap(([lid]) => seen.map((space) => textKey(space, lid))));
  for (const [lid, phone] of news) {
    const unresolved = textKey(keyspace.unresolved, lid);
    if ((await commit.overlay.get(unresolved)) !== undefined) {
      commit.overlay.delete(unresolved);
      messagesFollow = true;
    }
    const united = await uniteChats(commit, lid, phone);
    if (united !== undefined) messagesFollow = true;
    if (united !== undefined && united > 0) retold.add(united);
    await uniteContacts(commit, lid, phone);
  }
  if (messagesFollow) {
    await resolveGroups(commit, database, new Map(news));
    commit.state.resolution = create(ResolutionSchema, { retoldChats: [...retold] });
    commit.touch();
  }
  return news.length;
}

/**
 * Returns the number of the chat that the LID's chat was united with, 0 when that one only changed its address; undefined when the LID
 * has no chat of its own.
 */
async function uniteChats(commit: Commit, lid: string, phone: string): Promise<number | undefined> {
  const lidChat = await loadChat(commit, lid);
  if (lidChat === undefined || chatOf(lidChat).jid === phone) return undefined;
  const phoneChat = await loadChat(commit, phone);
  if (phoneChat === undefined) {
    const chat = chatOf(lidChat);
    chat.alternateJids = [...new Set([...chat.alternateJids, lid])].sort();
    chat.jid = phone;
    saveChat(commit, lidChat);
    return 0;
  }
  joinChats(phoneChat, lidChat);
  await joinLabels(commit, phoneChat, lidChat);
  saveChat(commit, phoneChat);
  commit.overlay.delete(chatNumberKey(keyspace.chat, lidChat.chatNumber));
  await uniteClears(commit, lidChat.chatNumber, phoneChat.chatNumber);
  await uniteCoverage(commit, lidChat.chatNumber, phoneChat.chatNumber);
  commit.overlay.put(chatNumberKey(keyspace.united, lidChat.chatNumber), numberBytes(phoneChat.chatNumber));
  commit.state.chatCount--;
  return phoneChat.chatNumber;
}

function joinChats(target: ChatRecord, gone: ChatRecord): void {
  const chat = chatOf(target);
  const other = chatOf(gone);
  chat.alternateJids = [...new Set([...chat.alternateJids, ...other.alternateJids, other.jid])].sort();
  noteName(target, other.name, gone.nameRank, gone.nameAsOfMs);
  noteCreation(chat, other.createTime);
  joinSettings(target, gone);
}

async function uniteContacts(commit: Commit, lid: string, phone: string): Promise<void> {
  const value = await commit.overlay.get(textKey(keyspace.contact, lid));
  if (value === undefined) return;
  commit.overlay.delete(textKey(keyspace.contact, lid));
  await moveContact(commit, value, phone);
}

async function resolveGroups(commit: Commit, database: Database, news: ReadonlyMap<string, string>): Promise<void> {
  const range = { gte: prefixKey(keyspace.group), lt: prefixEnd(keyspace.group) };
  await commit.before;
  for await (const entries of database.scan(range)) {
    for (const [key, value] of entries) {
      const record = fromBinary(GroupRecordSchema, value);
      let changed = false;
      for (const person of [...(record.group?.members ?? []), ...(record.group?.pastMembers ?? [])]) {
        const phone = news.get(person.jid);
        if (phone === undefined) continue;
        person.jid = phone;
        changed = true;
      }
      if (!changed || record.group === undefined) continue;
      record.group.members = distinctByJid(record.group.members);
      record.group.pastMembers = distinctByJid(record.group.pastMembers);
      commit.overlay.put(key, Buffer.from(toBinary(GroupRecordSchema, record)));
    }
  }
}

function numberBytes(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** The phone numbers that are known of these LIDs. */
export async function mappingsOf(database: Database, lids: string[]): Promise<[lid: string, phone: string][]> {
  const phones = await database.getMany(lids.map((lid) => textKey(keyspace.mapping, lid)));
  return lids.flatMap((lid, i): [string, string][] => {
    const phone = phones[i];
    return phone === undefined ? [] : [[lid, phone.toString()]];
  });
}
