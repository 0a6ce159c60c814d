import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { readIdentityKey } from '../domain/identity.js';
import { isLid } from '../domain/jid.js';
import { identityForm, readCreateRevision, REVISION_TAIL_BYTES } from '../domain/page-format.js';
import { POSITION_CHAT_OFFSET } from '../domain/position.js';
import {
  type ChatRecord,
  ContactRecordSchema,
  GroupRecordSchema,
  ResolutionSchema,
} from '../gen/scrollback/store/v1/record_pb.js';
import { type MessageKey, MessageSchema } from '../gen/scrollback/v1/message_pb.js';
import { type Commit, keyOf, primaryKeyOf } from './commit.js';
import { uniteClears } from './cleared-chats.js';
import { uniteCoverage } from './coverage.js';
import type { Database } from './database.js';
import { joinLabels } from './chat-labels.js';
import { joinSettings } from './chat-settings.js';
import { chatOf, loadChat, noteCreation, noteView, putContact, saveChat } from './directory.js';
import { encodeFacts, fingerprint } from './facts.js';
import { awaitingValue, readAwaiting } from './awaiting.js';
import { identityKeyOf, makeIdentityKey, positionOf, type ResolvedIdentity, resolveIdentity } from './identity.js';
import { chatNumberKey, identityOfHidden, keyspace, prefixEnd, prefixKey, textKey } from './keyspaces.js';
import { markDeleted, mergeFacts } from './merge-page.js';
import { mergePartial } from './merge-partial.js';
import { resolveFacts } from './resolve-facts.js';

/**
 * Keeps that LIDs stand for phone numbers, and unites what was stored under both: chats, people and groups in this commit. When
 * messages must follow, the state says so (`resolution`), and `resolveStep` is to be called until it says no more. Resolves to how many
 * mappings were new.
 */
export async function learnMappings(commit: Commit, database: Database, mappings: [string, string][]): Promise<number> {
  const news: [string, string][] = [];
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
    if (await uniteChats(commit, lid, phone)) messagesFollow = true;
    await uniteContacts(commit, lid, phone);
  }
  if (messagesFollow) {
    await resolveGroups(commit, database, new Map(news));
    commit.state.resolution = create(ResolutionSchema, { afterKey: Buffer.alloc(0) });
    commit.touch();
  }
  return news.length;
}

/** Returns true when messages of a chat must be rewritten. */
async function uniteChats(commit: Commit, lid: string, phone: string): Promise<boolean> {
  const lidChat = await loadChat(commit, lid);
  if (lidChat === undefined || chatOf(lidChat).jid === phone) return false;
  const phoneChat = await loadChat(commit, phone);
  if (phoneChat === undefined) {
    const chat = chatOf(lidChat);
    chat.alternateJids = [...new Set([...chat.alternateJids, lid])].sort();
    chat.jid = phone;
    saveChat(commit, lidChat);
    return true;
  }
  joinChats(phoneChat, lidChat);
  await joinLabels(commit, phoneChat, lidChat);
  saveChat(commit, phoneChat);
  commit.overlay.delete(chatNumberKey(keyspace.chat, lidChat.chatNumber));
  await uniteClears(commit, lidChat.chatNumber, phoneChat.chatNumber);
  await uniteCoverage(commit, lidChat.chatNumber, phoneChat.chatNumber);
  commit.overlay.put(chatNumberKey(keyspace.united, lidChat.chatNumber), numberBytes(phoneChat.chatNumber));
  commit.state.chatCount--;
  return true;
}

function joinChats(target: ChatRecord, gone: ChatRecord): void {
  const chat = chatOf(target);
  const other = chatOf(gone);
  chat.alternateJids = [...new Set([...chat.alternateJids, ...other.alternateJids, other.jid])].sort();
  if (other.name !== '' && (chat.name === '' || gone.nameRank > target.nameRank)) {
    chat.name = other.name;
    target.nameRank = gone.nameRank;
  }
  noteCreation(chat, other.createTime);
  noteView(target, other, gone.asOfMs);
  joinSettings(target, gone);
}

async function uniteContacts(commit: Commit, lid: string, phone: string): Promise<void> {
  const value = await commit.overlay.get(textKey(keyspace.contact, lid));
  if (value === undefined) return;
  const { contact, asOfMs } = fromBinary(ContactRecordSchema, value);
  commit.overlay.delete(textKey(keyspace.contact, lid));
  if (contact === undefined) return;
  await putContact(commit, { ...contact, jid: phone, alternateJids: [...contact.alternateJids, lid] }, Number(asOfMs));
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

function distinctByJid<T extends { jid: string }>(people: T[]): T[] {
  const byJid = new Map(people.map((person) => [person.jid, person]));
  return [...byJid.values()].sort((a, b) => (a.jid < b.jid ? -1 : 1));
}

/**
 * Rewrites the next stretch of stored messages whose LIDs have been resolved meanwhile: by their rows, then by what is hidden of them,
 * then identities without a row. Sets how far it came in the state, and removes `resolution` from it at the end.
 */
export async function resolveStep(commit: Commit, database: Database): Promise<void> {
  const { resolution } = commit.state;
  if (resolution === undefined) return;
  const after = Buffer.from(resolution.afterKey);
  const stage = Math.max(
    0,
    STAGES.findIndex((prefix) => prefix === after[0]),
  );
  const space = STAGES[stage] ?? keyspace.message;
  const gt = after.length === 0 ? prefixKey(space) : after;
  let last: Buffer | undefined;
  await commit.before;
  for await (const entries of database.scan({ gt, lt: prefixEnd(space), limit: STEP_ROWS })) {
    for (const [key, value] of entries) {
      last = key;
      if (space === keyspace.identity) await rekeyIdentity(commit, key, value);
      else if (!value.includes(LID_MARK)) continue;
      else if (space === keyspace.hidden) await rewriteIdentity(commit, identityOfHidden(key));
      else await rewriteRow(commit, key);
    }
  }
  const next = STAGES[stage + 1];
  // The smallest key of a keyspace comes before all in it, and tells the stages apart.
  if (last !== undefined) resolution.afterKey = last;
  else if (next === undefined) delete commit.state.resolution;
  else resolution.afterKey = prefixKey(next);
}

async function rewriteRow(commit: Commit, primaryKey: Buffer): Promise<void> {
  const chatNumber = primaryKey.readUInt32BE(1 + POSITION_CHAT_OFFSET);
  const row = await commit.overlay.get(primaryKey);
  if (row === undefined) return;
  const key = messageKeyOf(row);
  const identityKey = identityKeyOf(chatNumber, key);
  const stored = await resolveIdentity(commit.overlay, identityKey);
  const facts = stored === undefined ? undefined : await commit.loadFacts(stored);
  if (stored === undefined || facts === undefined) return;
  const resolved = await resolveFacts(facts, (jid) => resolve(commit, jid));
  if (resolved === undefined) return;
  const newKey = keyOf(resolved);
  const chat = await loadChat(commit, newKey.chatJid);
  const newChatNumber = chat?.chatNumber ?? chatNumber;
  await commit.loadTotals([chatNumber, newChatNumber]);
  commit.removeRow(stored);
  commit.overlay.delete(stored.identityKey);
  for (const id of facts.message.alternateMessageIds) commit.overlay.delete(identityKeyOf(chatNumber, key, id));
  const moved = identityKeyOf(newChatNumber, newKey);
  const outcome = await mergeFacts(commit, {
    identityKey: moved,
    aliases: resolved.message.alternateMessageIds.map((id) => identityKeyOf(newChatNumber, newKey, id)),
    facts: resolved,
    mark: fingerprint(encodeFacts(resolved)),
    createRevision: readCreateRevision(row, row.length),
  });
  if (key.chatJid !== newKey.chatJid || key.senderJid !== newKey.senderJid) commit.logRemoved(key);
  // What it was joined with may hold LIDs, and its row may lie where this scan does not come any more.
  if (outcome === 'updated') await rewriteIdentity(commit, moved);
}

/** Rewrites the message that an identity leads to. */
async function rewriteIdentity(commit: Commit, identityKey: Buffer): Promise<void> {
  const stored = await resolveIdentity(commit.overlay, identityKey);
  if (stored?.value[0] === identityForm.message) await rewriteRow(commit, primaryKeyOf(positionOf(stored)));
}

async function rekeyIdentity(commit: Commit, identityKey: Buffer, value: Buffer): Promise<void> {
  if (value[0] === identityForm.deleted) await rekeyDeleted(commit, identityKey);
  if (value[0] === identityForm.awaiting) await rekeyAwaiting(commit, { identityKey, value });
}

/** What waits for a message waits for it under the resolved address. */
async function rekeyAwaiting(commit: Commit, stored: ResolvedIdentity): Promise<void> {
  const { facts } = await readAwaiting(commit.overlay, stored);
  const chatNumber = await currentChatNumber(commit, stored.identityKey.readUInt32BE(1));
  const moved = identityKeyOf(chatNumber, keyOf(facts));
  if (moved.equals(stored.identityKey) && awaitingValue(facts).equals(stored.value)) return;
  commit.overlay.delete(stored.identityKey);
  await commit.loadTotals([chatNumber]);
  await mergePartial(commit, chatNumber, facts);
}

/** What the user deleted stays deleted under the resolved address. */
async function rekeyDeleted(commit: Commit, identityKey: Buffer): Promise<void> {
  const parts = readIdentityKey(identityKey);
  const senderJid = isLid(parts.senderJid) ? await resolve(commit, parts.senderJid) : parts.senderJid;
  const chatNumber = await currentChatNumber(commit, parts.chatNumber);
  if (senderJid === parts.senderJid && chatNumber === parts.chatNumber) return;
  const moved = makeIdentityKey({ ...parts, chatNumber, senderJid });
  commit.overlay.delete(identityKey);
  await commit.loadTotals([chatNumber]);
  await markDeleted(commit, moved);
}

/** The number of the chat that a chat was united with; its own number while it was not. */
async function currentChatNumber(commit: Commit, chatNumber: number): Promise<number> {
  const united = await commit.overlay.get(chatNumberKey(keyspace.united, chatNumber));
  return united === undefined ? chatNumber : united.readUInt32BE(0);
}

function messageKeyOf(row: Buffer): MessageKey {
  const { key } = fromBinary(MessageSchema, row.subarray(0, row.length - REVISION_TAIL_BYTES));
  if (key === undefined) throw new Error('a stored message has no key');
  return key;
}

/** The phone JID that a LID stands for, or the address itself. */
async function resolve(commit: Commit, jid: string): Promise<string> {
  if (!isLid(jid)) return jid;
  const phone = await commit.overlay.get(textKey(keyspace.mapping, jid));
  return phone === undefined ? jid : phone.toString();
}

function numberBytes(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** The keyspaces that are gone through, one after the other. */
const STAGES = [keyspace.message, keyspace.hidden, keyspace.identity] as const;

/** What every unresolved address in what is encoded contains. */
const LID_MARK = Buffer.from('@lid');

/** Rows of one step: it is one commit, between which other writes of the session get their turn. */
const STEP_ROWS = 2000;
