import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ChatRecordSchema, type ContactRecord, ContactRecordSchema } from '../gen/scrollback/store/v1/record_pb.js';
import { ContactSchema } from '../gen/scrollback/v1/history_service_pb.js';
import { adoptPerson } from './chat-settings.js';
import type { Commit } from './commit.js';
import { loadChat, saveChat, underNumber } from './directory.js';
import { keyspace, textKey } from './keyspaces.js';

/** What a source tells of a person; '' for what it does not tell. */
export interface PersonFacts {
  /** The canonical address. */
  jid: string;
  alternateJids: string[];
  /** What the owner's address book calls them. */
  bookName: string;
  /** What they call themselves. */
  pushName: string;
  username: string;
  maskedNumber: string;
}

/** When each name of a person is from, in ms since 1970. */
type NameTimes = Pick<ContactRecord, 'bookNameAsOfMs' | 'pushNameAsOfMs' | 'usernameAsOfMs' | 'maskedNumberAsOfMs'>;

/**
 * Stores what a source tells of a person, and names the chat with them after it. Each name is a fact of its own: the later one wins, and
 * of two of the same time the greater, so that their order does not matter. Returns true when the person was unknown.
 */
export async function putContact(commit: Commit, told: PersonFacts, asOfMs: number): Promise<boolean> {
  const asOf = BigInt(asOfMs);
  const times = { bookNameAsOfMs: asOf, pushNameAsOfMs: asOf, usernameAsOfMs: asOf, maskedNumberAsOfMs: asOf };
  return putPerson(commit, told, times);
}

/** Stores the record of a person, of whom another address was learned, under that one. */
export function moveContact(commit: Commit, bytes: Buffer, jid: string): Promise<boolean> {
  const record = readContact(bytes);
  const { alternateJids = [], jid: old = '' } = record.contact ?? {};
  return putPerson(commit, { ...factsOf(record), jid, alternateJids: [...alternateJids, old] }, record);
}

async function putPerson(commit: Commit, given: PersonFacts, times: NameTimes): Promise<boolean> {
  const told = await underNumber(commit, given);
  const key = textKey(keyspace.contact, told.jid);
  const value = await commit.overlay.get(key);
  const known = value === undefined ? create(ContactRecordSchema) : readContact(value);
  const contact = joinNames(known, told, times);
  contact.jid = told.jid;
  contact.alternateJids = [...new Set([...contact.alternateJids, ...told.alternateJids])].sort();
  contact.name = known.bookName !== '' ? known.bookName : contact.pushName;
  const bytes = Buffer.from(toBinary(ContactRecordSchema, { ...known, contact }));
  if (value === undefined || !bytes.equals(value)) commit.overlay.put(key, bytes);
  const chat = await loadChat(commit, told.jid);
  if (chat !== undefined) {
    const before = toBinary(ChatRecordSchema, chat);
    adoptPerson(chat, contact);
    saveChat(commit, chat, before);
  }
  return value === undefined;
}

/** Takes the names that win into the record, and returns its contact, whose best name is not chosen yet. */
function joinNames(known: ContactRecord, told: PersonFacts, times: NameTimes) {
  const contact = known.contact ?? create(ContactSchema);
  const wins = (name: string, old: string, asOfMs: bigint, oldAsOfMs: bigint): boolean =>
    name !== '' && (asOfMs > oldAsOfMs || (asOfMs === oldAsOfMs && name > old));
  if (wins(told.bookName, known.bookName, times.bookNameAsOfMs, known.bookNameAsOfMs)) {
    known.bookName = told.bookName;
    known.bookNameAsOfMs = times.bookNameAsOfMs;
  }
  for (const name of ['pushName', 'username', 'maskedNumber'] as const) {
    const time = `${name}AsOfMs` as const;
    if (!wins(told[name], contact[name], times[time], known[time])) continue;
    contact[name] = told[name];
    known[time] = times[time];
  }
  return contact;
}

function factsOf({ bookName, contact }: ContactRecord): PersonFacts {
  const { jid, alternateJids, pushName, username, maskedNumber } = contact ?? create(ContactSchema);
  return { jid, alternateJids, bookName, pushName, username, maskedNumber };
}

/** Reads a record; one with one time for all names gets one for each. */
function readContact(bytes: Uint8Array): ContactRecord {
  const record = fromBinary(ContactRecordSchema, bytes);
  const { contact, asOfMs } = record;
  if (contact === undefined) return record;
  if (record.bookName === '' && contact.name !== contact.pushName) {
    record.bookName = contact.name;
    record.bookNameAsOfMs = asOfMs;
  }
  if (asOfMs === 0n) return record;
  for (const name of ['pushName', 'username', 'maskedNumber'] as const) {
    const time = `${name}AsOfMs` as const;
    if (contact[name] !== '' && record[time] === 0n) record[time] = asOfMs;
  }
  record.asOfMs = 0n;
  return record;
}
