import { toBinary } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { required } from '../../src/cli/call-error.js';
import type { Connection } from '../../src/cli/client.js';
import {
  type Chat,
  ChatSchema,
  type Contact,
  ContactSchema,
  type Group,
  GroupSchema,
  Order,
} from '../../src/gen/scrollback/v1/history_service_pb.js';
import { type Message, MessageSchema } from '../../src/gen/scrollback/v1/message_pb.js';
import { keyText } from './oracle-message.js';

/** Everything that a client can read of a session. */
export interface WholeHistory {
  /** The oldest first. */
  messages: Message[];
  chats: Chat[];
  contacts: Contact[];
  groups: Group[];
}

/** Reads all of a session through the API. */
export async function readHistory(client: Connection, sessionId: string): Promise<WholeHistory> {
  return {
    messages: await readAllMessages(client, sessionId),
    chats: await readAllChats(client, sessionId),
    contacts: await readAllContacts(client, sessionId),
    groups: await readAllGroups(client, sessionId),
  };
}

/** Streams all messages of a session or of one chat, the oldest first. */
export async function readAllMessages(client: Connection, sessionId: string, chat = ''): Promise<Message[]> {
  const messages: Message[] = [];
  const request = { sessionId, chat, order: Order.OLDEST_FIRST };
  for await (const frame of client.history.readMessages(request)) messages.push(...frame.messages);
  return messages;
}

/** Pages through all chats. */
export async function readAllChats(client: Connection, sessionId: string): Promise<Chat[]> {
  const chats: Chat[] = [];
  for (let pageToken = '', more = true; more; more = pageToken !== '') {
    const page = await client.history.listChats({ sessionId, pageSize: 37, pageToken });
    chats.push(...page.chats);
    pageToken = page.nextPageToken;
  }
  return chats;
}

async function readAllContacts(client: Connection, sessionId: string): Promise<Contact[]> {
  const contacts: Contact[] = [];
  for (let pageToken = '', more = true; more; more = pageToken !== '') {
    const page = await client.history.listContacts({ sessionId, pageSize: 41, pageToken });
    contacts.push(...page.contacts);
    pageToken = page.nextPageToken;
  }
  return contacts;
}

async function readAllGroups(client: Connection, sessionId: string): Promise<Group[]> {
  const groups: Group[] = [];
  for (let pageToken = '', more = true; more; more = pageToken !== '') {
    const page = await client.history.listGroups({ sessionId, pageSize: 13, pageToken });
    groups.push(...page.groups);
    pageToken = page.nextPageToken;
  }
  return groups;
}

/** The revision of a session. */
export async function revisionOf(client: Connection, sessionId: string): Promise<bigint> {
  return required((await client.sessions.getSession({ sessionId })).session).revision;
}

/** A text that is equal for the keys of equal messages, and for those of the oracle. */
export function messageKeyText({ key }: Message): string {
  const { chatJid = '', senderJid = '', fromMe = false, messageId = '' } = key ?? {};
  return keyText({ chatJid, senderJid, fromMe, messageId });
}

/** When a message was sent; 0 for no time. */
export function sentMsOf({ sentTime }: Message): number {
  return sentTime === undefined ? 0 : timestampMs(sentTime);
}

/**
 * A history as lines of text that are equal exactly when the histories are, byte by byte, but for the revisions, which depend
 * on how it came about. Messages keep their order; chats with equal times may come in any.
 */
export function fingerprintOf(history: WholeHistory): string[] {
  const line = (kind: string, bytes: Uint8Array): string => `${kind} ${Buffer.from(bytes).toString('base64')}`;
  return [
    ...history.messages.map((message) =>
      line('message', toBinary(MessageSchema, { ...message, createRevision: 0n, revision: 0n })),
    ),
    ...history.chats.map((chat) => line('chat', toBinary(ChatSchema, { ...chat, revision: 0n }))).sort(),
    ...history.contacts.map((contact) => line('contact', toBinary(ContactSchema, contact))),
    ...history.groups.map((group) => line('group', toBinary(GroupSchema, group))),
  ];
}

/** The first lines that differ, for a message that a person can read; undefined when all are equal. */
export function firstDifference(left: readonly string[], right: readonly string[]): string | undefined {
  const length = Math.max(left.length, right.length);
  for (let at = 0; at < length; at++) {
    if (left[at] === right[at]) continue;
    return `line ${String(at)} of ${String(left.length)} and ${String(right.length)}:\n${show(left[at])}\n${show(right[at])}`;
  }
  return undefined;
}

function show(line: string | undefined): string {
  if (line === undefined) return '(nothing)';
  const [kind = '', text = ''] = line.split(' ');
  return `${kind} ${JSON.stringify(Buffer.from(text, 'base64').toString('latin1'))}`;
}
