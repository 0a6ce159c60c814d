import { fromBinary, toJson } from '@bufbuild/protobuf';
import { readIdentityKey } from '../../src/domain/identity.js';
import { identityForm } from '../../src/domain/page-format.js';
import {
  AwaitingFactsSchema,
  ChatRecordSchema,
  ContactRecordSchema,
  CoverageRecordSchema,
  GroupRecordSchema,
  HiddenFactsSchema,
} from '../../src/gen/scrollback/store/v1/record_pb.js';
import { Database } from '../../src/store/database.js';
import { chatOf } from '../../src/store/directory.js';
import { type Keyspace, keyspace, prefixEnd, prefixKey } from '../../src/store/keyspaces.js';

/**
 * Everything that a closed history keeps beside its messages, as text, sorted: what is hidden, what waits, what was deleted, chats,
 * people, groups, coverage. Numbers of chats are replaced by their addresses, because they depend on the order of arrival.
 */
export async function dumpHistory(directory: string): Promise<string[]> {
  const database = await Database.open(directory, { cacheBytes: 1024 * 1024, writeBufferBytes: 256 * 1024 });
  try {
    return await dump(database);
  } finally {
    await database.close();
  }
}

async function dump(database: Database): Promise<string[]> {
  const lines: string[] = [];
  const jids = new Map<number, string>();
  for (const [, value] of await entriesOf(database, keyspace.chat)) {
    const record = fromBinary(ChatRecordSchema, value);
    jids.set(record.chatNumber, chatOf(record).jid);
    lines.push(`chat ${JSON.stringify(toJson(ChatRecordSchema, { ...record, chatNumber: 0 }))}`);
  }
  const chatAt = (key: Buffer, offset = 1): string => jids.get(key.readUInt32BE(offset)) ?? `gone chat`;
  const nameOf = (key: Buffer): string => {
    const { messageId, fromMe, senderJid } = readIdentityKey(key);
    return [chatAt(key), messageId, fromMe ? 'me' : senderJid].join(' ');
  };
  const identities = await entriesOf(database, keyspace.identity);
  const gone = new Set(identities.filter(([, value]) => value[0] === identityForm.deleted).map(([key]) => nameOf(key)));
  for (const [key, value] of identities) {
    lines.push(`${nameOf(key)} ${whatIs(value, nameOf, gone)}`);
  }
  for (const [key, value] of await entriesOf(database, keyspace.hidden)) {
    lines.push(
      `${nameOf(key)} hides ${JSON.stringify(toJson(HiddenFactsSchema, fromBinary(HiddenFactsSchema, value)))}`,
    );
  }
  for (const [key, value] of await entriesOf(database, keyspace.chatNumber)) {
    lines.push(`${key.toString('utf8', 1)} leads to ${chatAt(value, 0)}`);
  }
  for (const [key, value] of await entriesOf(database, keyspace.mapping)) {
    lines.push(`${key.toString('utf8', 1)} stands for ${value.toString()}`);
  }
  for (const [key] of await entriesOf(database, keyspace.unresolved)) {
    lines.push(`${key.toString('utf8', 1)} is unresolved`);
  }
  for (const [, value] of await entriesOf(database, keyspace.contact)) {
    lines.push(`contact ${JSON.stringify(toJson(ContactRecordSchema, fromBinary(ContactRecordSchema, value)))}`);
  }
  for (const [, value] of await entriesOf(database, keyspace.group)) {
    lines.push(`group ${JSON.stringify(toJson(GroupRecordSchema, fromBinary(GroupRecordSchema, value)))}`);
  }
  for (const [key, value] of await entriesOf(database, keyspace.coverage)) {
    const of = key.length === 1 ? 'the account' : chatAt(key);
    lines.push(`${of} covers ${JSON.stringify(toJson(CoverageRecordSchema, fromBinary(CoverageRecordSchema, value)))}`);
  }
  return lines.sort();
}

/** What an identity leads to, without its place, which the message tells, and its mark, which depends on what came last. */
function whatIs(value: Buffer, nameOf: (key: Buffer) => string, gone: ReadonlySet<string>): string {
  switch (value[0]) {
    case identityForm.message:
      return 'is stored';
    case identityForm.deleted:
      return 'is deleted';
    case identityForm.alias:
      // The other id of a deleted message leads to it or is itself deleted: that is the same.
      return gone.has(nameOf(value.subarray(1))) ? 'is deleted' : `is ${nameOf(value.subarray(1))}`;
    default:
      return `waits ${JSON.stringify(toJson(AwaitingFactsSchema, fromBinary(AwaitingFactsSchema, value.subarray(1))))}`;
  }
}

async function entriesOf(database: Database, space: Keyspace): Promise<[Buffer, Buffer][]> {
  const all: [Buffer, Buffer][] = [];
  for await (const entries of database.scan({ gte: prefixKey(space), lt: prefixEnd(space) })) all.push(...entries);
  return all;
}
