import type Database from 'better-sqlite3';
import { isPerson, type Addresses } from './oracle-addresses.js';
import { byCodeUnits, keyText, type ExpectedMessage } from './oracle-message.js';
import { count32, flag, integer, rowsOf, text, time } from './oracle-tables.js';

/** A chat, with what its messages add up to. A chat without messages has the count 0. */
export interface ExpectedChat {
  jid: string;
  alternateJids: string[];
  name: string;
  messageCount: number;
  firstMs: number | undefined;
  lastMs: number | undefined;
  createMs: number | undefined;
  archived: boolean;
  unreadCount: number;
  ephemeralSeconds: number;
}

/** A person. */
export interface ExpectedContact {
  jid: string;
  alternateJids: string[];
  pushName: string;
  username: string;
  maskedNumber: string;
}

/** A group. */
export interface ExpectedGroup {
  jid: string;
  subject: string;
  createMs: number | undefined;
  members: ExpectedMember[];
  pastMembers: { jid: string; leaveMs: number | undefined; leftVoluntarily: boolean }[];
}

export interface ExpectedMember {
  jid: string;
  rank: 'MEMBER' | 'ADMIN' | 'SUPERADMIN';
  pending: boolean;
  joinMs: number | undefined;
  label: string;
  fromMe: boolean;
}

/** Reads the chats of both generations, in ascending order of their JIDs. */
export function readChats(
  database: Database.Database,
  addresses: Addresses,
  messages: readonly ExpectedMessage[],
): ExpectedChat[] {
  const chats = new Map<string, ExpectedChat>();
  const chat = (jid: string): ExpectedChat => {
    const known = chats.get(jid) ?? bareChat(jid, addresses);
    chats.set(jid, known);
    return known;
  };
  const sql = `SELECT c.*, coalesce(c.account_jid_row_id, c.jid_row_id) AS jidRow, n.name
    FROM chat c LEFT JOIN newsletter n ON n.chat_row_id = c._id ORDER BY c._id`;
  for (const row of rowsOf(database, sql)) {
    const jid = addresses.byRow.get(integer(row.jidRow) ?? 0);
    if (jid === undefined) continue;
    const entry = chat(jid);
    const name = isPerson(jid) ? '' : text(row.name) === '' ? text(row.subject) : text(row.name);
    if (entry.name === '') entry.name = name;
    entry.createMs ??= time(row.created_timestamp);
    entry.archived ||= flag(row.archived);
    entry.unreadCount = Math.max(entry.unreadCount, count32(row.unseen_message_count));
    entry.ephemeralSeconds = Math.max(entry.ephemeralSeconds, count32(row.ephemeral_expiration));
    for (const other of [row.jid_row_id, row.jidRow]) {
      const plain = addresses.plainByRow.get(integer(other) ?? 0);
      if (plain !== undefined && plain !== jid && !entry.alternateJids.includes(plain)) entry.alternateJids.push(plain);
    }
  }
  for (const row of rowsOf(database, 'SELECT * FROM chat_list ORDER BY _id')) {
    const jid = addresses.canonical(text(row.key_remote_jid));
    if (jid === undefined) continue;
    const entry = chat(jid);
    if (entry.name === '' && !isPerson(jid)) entry.name = text(row.subject);
    entry.createMs ??= time(row.creation);
    entry.archived ||= flag(row.archived);
  }
  const counted = new Set<string>();
  for (const { key, sentMs } of messages) {
    const entry = chat(key.chatJid);
    const id = keyText(key);
    if (counted.has(id)) continue;
    counted.add(id);
    entry.messageCount++;
    if (sentMs === undefined) continue;
    entry.firstMs = Math.min(entry.firstMs ?? sentMs, sentMs);
    entry.lastMs = Math.max(entry.lastMs ?? sentMs, sentMs);
  }
  for (const entry of chats.values()) entry.alternateJids.sort(byCodeUnits);
  return [...chats.values()].sort((left, right) => byCodeUnits(left.jid, right.jid));
}

function bareChat(jid: string, addresses: Addresses): ExpectedChat {
  return {
    jid,
    alternateJids: addresses.lidsOf(jid),
    name: isPerson(jid) ? (addresses.names.get(jid)?.name ?? '') : '',
    messageCount: 0,
    firstMs: undefined,
    lastMs: undefined,
    createMs: undefined,
    archived: false,
    unreadCount: 0,
    ephemeralSeconds: 0,
  };
}

/** Reads the people of the `jid` table, or where there is none those of chats and groups, in ascending order of their JIDs. */
export function readContacts(
  database: Database.Database,
  addresses: Addresses,
  chats: readonly ExpectedChat[],
): ExpectedContact[] {
  const jids = addresses.rows.size > 0 ? addresses.byRow.values() : legacyPeople(database, addresses, chats);
  const people = new Set([...jids].filter((jid) => isPerson(jid) && jid !== '0@s.whatsapp.net'));
  return [...people].sort(byCodeUnits).map((jid) => {
    const names = addresses.names.get(jid);
    return {
      jid,
      alternateJids: addresses.lidsOf(jid),
      pushName: names?.name ?? '',
      username: names?.username ?? '',
      maskedNumber: names?.masked ?? '',
    };
  });
}

const ranks = ['MEMBER', 'ADMIN', 'SUPERADMIN'] as const;

/** Whoever the owner had a chat with, or was in a group with. */
function legacyPeople(database: Database.Database, addresses: Addresses, chats: readonly ExpectedChat[]): string[] {
  const members = [...rowsOf(database, 'SELECT jid FROM group_participants')].map(({ jid }) => text(jid));
  return [...chats.map(({ jid }) => jid), ...members.map((jid) => addresses.canonical(jid) ?? '')];
}

/** Reads the groups with their members, in ascending order of their JIDs. */
export function readGroups(
  database: Database.Database,
  addresses: Addresses,
  chats: readonly ExpectedChat[],
): ExpectedGroup[] {
  const groups = new Map<string, ExpectedGroup>();
  const group = (jid: string): ExpectedGroup => {
    const chat = chats.find((known) => known.jid === jid);
    const bare = { jid, subject: chat?.name ?? '', createMs: chat?.createMs, members: [], pastMembers: [] };
    const known = groups.get(jid) ?? bare;
    groups.set(jid, known);
    return known;
  };
  for (const { jid } of chats) if (jid.endsWith('@g.us')) group(jid);
  for (const row of rowsOf(database, 'SELECT * FROM group_participant_user ORDER BY _id')) {
    const groupJid = addresses.byRow.get(integer(row.group_jid_row_id) ?? 0);
    const jid = addresses.byRow.get(integer(row.user_jid_row_id) ?? 0);
    if (groupJid?.endsWith('@g.us') !== true || jid === undefined) continue;
    const rank = ranks[integer(row.rank) ?? 0] ?? 'MEMBER';
    const label = text(row.label);
    addMember(group(groupJid), {
      jid,
      rank,
      pending: flag(row.pending),
      joinMs: time(row.add_timestamp),
      label,
      fromMe: false,
    });
  }
  for (const row of rowsOf(database, 'SELECT * FROM group_participants ORDER BY _id')) {
    const groupJid = addresses.canonical(text(row.gjid));
    const owner = row.jid === '';
    const jid = owner ? '' : addresses.canonical(text(row.jid));
    if (groupJid?.endsWith('@g.us') !== true || jid === undefined) continue;
    const rank = ranks[integer(row.admin) ?? 0] ?? 'MEMBER';
    addMember(group(groupJid), { jid, rank, pending: flag(row.pending), joinMs: undefined, label: '', fromMe: owner });
  }
  for (const row of rowsOf(database, 'SELECT * FROM group_past_participant_user ORDER BY _id')) {
    const groupJid = addresses.byRow.get(integer(row.group_jid_row_id) ?? 0);
    const jid = addresses.byRow.get(integer(row.user_jid_row_id) ?? 0);
    if (groupJid?.endsWith('@g.us') !== true || jid === undefined) continue;
    const { pastMembers } = group(groupJid);
    const known = pastMembers.find((past) => past.jid === jid);
    const left = { jid, leaveMs: time(row.timestamp), leftVoluntarily: flag(row.is_leave) };
    if (known === undefined) pastMembers.push(left);
    else if ((left.leaveMs ?? 0) >= (known.leaveMs ?? 0)) Object.assign(known, left);
  }
  for (const { members, pastMembers } of groups.values()) {
    members.sort((left, right) => byCodeUnits(left.jid, right.jid));
    pastMembers.sort((left, right) => byCodeUnits(left.jid, right.jid));
  }
  return [...groups.values()].sort((left, right) => byCodeUnits(left.jid, right.jid));
}

/** A member who is listed twice, by phone and by LID, is one: with the higher rank, and otherwise as listed first. */
function addMember(group: ExpectedGroup, member: ExpectedMember): void {
  const known = group.members.find(({ jid }) => jid === member.jid);
  if (known === undefined) group.members.push(member);
  else if (ranks.indexOf(member.rank) > ranks.indexOf(known.rank)) known.rank = member.rank;
}
