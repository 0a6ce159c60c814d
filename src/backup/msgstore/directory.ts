import { isPerson, parseJid } from '../../domain/jid.js';
import { jidOfRow } from './mappings.js';
import { Groups } from './groups.js';
import { type ImportFile, withImportFile } from './import-file.js';
import { NO_ROW } from './keyset.js';
import { isMasked } from './names.js';
import { answer } from '../refusal.js';
import { legacyChatTable, legacyMemberTable } from './legacy-tables.js';
import type { Row } from './schema.js';
import { legacyChatJids } from './survey-chats.js';
import { jidTable, lidNameTable } from './tables.js';
import type { Answer, DirectoryContact, DirectoryGroup, DirectoryResult, ReadDirectoryTask } from '../task.js';
import { textOf } from './value.js';

/** Members that one page holds at most, but for a single larger group. Chosen: about 10 MB as objects. */
const PAGE_MEMBERS = 50_000;

/** WhatsApp itself, as sender of announcements: nobody to list. */
const WHATSAPP = '0@s.whatsapp.net';

/** People of one legacy file; real ones have some thousand. */
const MAX_LEGACY_PEOPLE = 1_000_000;

/** Reads a page of people or groups; the answer to a `ReadDirectoryTask`. Never throws. */
export function readDirectory(task: ReadDirectoryTask): Answer<DirectoryResult> {
  return answer(() =>
    withImportFile(task, (file) => (task.part === 'contacts' ? readContacts(file, task) : readGroups(file, task))),
  );
}

/** The internal id of a person is the row of `jid`: a person with a phone row and a LID row comes twice. */
function readContacts(file: ImportFile, task: ReadDirectoryTask): DirectoryResult {
  const { keyset } = file;
  const contacts = new Map<string, DirectoryContact>();
  const jids = keyset.range(jidTable);
  if (jids === undefined) return readLegacyContacts(file, task);
  const names = keyset.rows(lidNameTable);
  let readThroughId = task.afterId;
  let count = 0;
  try {
    for (jids.open(task.afterId, Number.MAX_SAFE_INTEGER, task.maxRows); jids.id !== NO_ROW; jids.advance()) {
      count++;
      readThroughId = jids.id;
      const fileJid = jidOfRow(jids.row);
      if (fileJid === undefined || !isPerson(fileJid) || fileJid === WHATSAPP) continue;
      addContact(contacts, file, fileJid, names?.get(jids.id));
    }
  } finally {
    jids.close();
  }
  return { contacts: [...contacts.values()], groups: [], readThroughId, done: count < task.maxRows };
}

const legacyPeopleOf = new WeakMap<ImportFile, readonly string[]>();

/**
 * Files of before 2018 have no table of addresses: who is in them are those that the owner chatted with and the members
 * of groups. The internal id is the place in their list, from 1.
 */
function readLegacyContacts(file: ImportFile, task: ReadDirectoryTask): DirectoryResult {
  let people = legacyPeopleOf.get(file);
  if (people === undefined) legacyPeopleOf.set(file, (people = legacyPeople(file)));
  const contacts = new Map<string, DirectoryContact>();
  const readThroughId = Math.min(task.afterId + task.maxRows, people.length);
  for (const jid of people.slice(task.afterId, readThroughId)) addContact(contacts, file, jid, undefined);
  return { contacts: [...contacts.values()], groups: [], readThroughId, done: readThroughId >= people.length };
}

function legacyPeople({ keyset }: ImportFile): string[] {
  const people = new Set(legacyChatJids(keyset));
  const add = (text: string): void => {
    const jid = parseJid(text);
    if (jid !== undefined && people.size < MAX_LEGACY_PEOPLE) people.add(jid);
  };
  keyset.each(legacyChatTable, (_, row) => {
    add(textOf(row[legacyChatTable.at.key_remote_jid]));
  });
  keyset.each(legacyMemberTable, (_, row) => {
    add(textOf(row[legacyMemberTable.at.jid]));
  });
  return [...people].filter((jid) => isPerson(jid) && jid !== WHATSAPP);
}

function addContact(
  contacts: Map<string, DirectoryContact>,
  file: ImportFile,
  fileJid: string,
  nameRow: Row | undefined,
): void {
  const jid = file.addresses.mappings.get(fileJid) ?? fileJid;
  let contact = contacts.get(jid);
  if (contact === undefined) {
    contact = { jid, alternateJids: [], pushName: '', username: '', maskedNumber: '' };
    contacts.set(jid, contact);
  }
  if (fileJid !== jid && !contact.alternateJids.includes(fileJid)) contact.alternateJids.push(fileJid);
  if (nameRow === undefined) return;
  const name = textOf(nameRow[lidNameTable.at.display_name]);
  if (isMasked(name)) contact.maskedNumber ||= name;
  else contact.pushName ||= name;
  contact.username ||= textOf(nameRow[lidNameTable.at.username]);
}

const groupsOf = new WeakMap<ImportFile, Groups>();

/** The internal id of a group is its place in the list, from 1. */
function readGroups(file: ImportFile, task: ReadDirectoryTask): DirectoryResult {
  let groups = groupsOf.get(file);
  if (groups === undefined) groupsOf.set(file, (groups = new Groups(file)));
  const found: DirectoryGroup[] = [];
  let readThroughId = task.afterId;
  let members = 0;
  while (readThroughId < groups.list.length && found.length < task.maxRows && members < PAGE_MEMBERS) {
    const listed = groups.list[readThroughId++];
    const group = listed && groups.read(listed);
    if (group === undefined) continue;
    found.push(group);
    members += group.members.length + group.pastMembers.length;
  }
  return { contacts: [], groups: found, readThroughId, done: readThroughId >= groups.list.length };
}
