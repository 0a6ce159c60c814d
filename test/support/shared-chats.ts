import type { proto } from '@whiskeysockets/baileys';
import Sqlite from 'better-sqlite3';
import { Source } from '../../src/gen/scrollback/v1/message_pb.js';

/** Somebody with whom there is a chat; one of the addresses may be missing. */
export interface Friend {
  name: string;
  phone?: string;
  lid?: string;
}

/** One of the messages with a friend, that every source tells alike. */
export interface SharedMessage {
  friend: Friend;
  n: number;
}

export const idOf = ({ friend, n }: SharedMessage): string =>
  `3EB0${Buffer.from(friend.name).toString('hex').toUpperCase()}${String(n).padStart(4, '0')}`;
export const textOf = ({ friend, n }: SharedMessage): string => `${String(n)} with ${friend.name}`;
export const isOwn = ({ n }: SharedMessage): boolean => n % 4 === 0;
export const secondsOf = ({ friend, n }: SharedMessage): number => 1_690_000_000 + n * 60 + friend.name.charCodeAt(0);
/** A backup knows the millisecond. */
const backupMsOf = (message: SharedMessage): number => secondsOf(message) * 1000 + 1 + message.n;

/** The address that a source uses. */
export function jidOf({ phone, lid }: Friend, form: 'phone' | 'lid'): string {
  const inForm = form === 'phone' ? phone : lid;
  if (inForm !== undefined) return `${inForm}@${form === 'phone' ? 's.whatsapp.net' : 'lid'}`;
  return phone !== undefined ? `${phone}@s.whatsapp.net` : `${lid ?? ''}@lid`;
}

/** The messages with some friends from one number up to another. */
export function messagesOf(friends: readonly Friend[], from: number, to: number): SharedMessage[] {
  return friends.flatMap((friend) => Array.from({ length: to - from }, (_, at) => ({ friend, n: from + at })));
}

/** A database of a phone with these messages, chats addressed in one form; it resolves no LID. */
export function backupOf(messages: readonly SharedMessage[], form: 'phone' | 'lid'): Buffer {
  const db = new Sqlite(':memory:');
  try {
    db.exec(`CREATE TABLE jid (_id INTEGER PRIMARY KEY, user TEXT, server TEXT);
      CREATE TABLE chat (_id INTEGER PRIMARY KEY, jid_row_id INTEGER);
      CREATE TABLE message (_id INTEGER PRIMARY KEY, chat_row_id, from_me, key_id, timestamp, message_type, text_data)`);
    const chats = new Map<string, number>();
    for (const [at, message] of messages.entries()) {
      const jid = jidOf(message.friend, form);
      const chat = chats.get(jid) ?? chats.size + 1;
      if (!chats.has(jid)) {
        db.prepare('INSERT INTO jid VALUES (?, ?, ?)').run(chat, ...jid.split('@'));
        db.prepare('INSERT INTO chat VALUES (?, ?)').run(chat, chat);
        chats.set(jid, chat);
      }
      db.prepare('INSERT INTO message VALUES (?, ?, ?, ?, ?, 0, ?)').run(
        at + 1,
        chat,
        isOwn(message) ? 1 : 0,
        idOf(message),
        backupMsOf(message),
        textOf(message),
      );
    }
    return db.serialize();
  } finally {
    db.close();
  }
}

/** A chunk of history with these messages. */
export function chunkOf(
  messages: readonly SharedMessage[],
  form: 'phone' | 'lid',
  syncType: proto.HistorySync.HistorySyncType,
): proto.IHistorySync {
  const chats = new Map<string, proto.IHistorySyncMsg[]>();
  for (const message of messages.toReversed()) {
    const remoteJid = jidOf(message.friend, form);
    const key = { remoteJid, fromMe: isOwn(message), id: idOf(message) };
    const told = { key, message: { conversation: textOf(message) }, messageTimestamp: secondsOf(message) };
    chats.set(remoteJid, [...(chats.get(remoteJid) ?? []), { message: told }]);
  }
  const conversations = [...chats].map(([id, list]) => ({ id, messages: list }));
  return { syncType, chunkOrder: 1, progress: 50, conversations };
}

/** What a source told. */
export interface Told {
  source: Source;
  messages: readonly SharedMessage[];
}

/** The plain union of what was told, each message as a line of text; `resolved` is whose LID stands for the number. */
export function unionOf(told: readonly Told[], resolved: readonly Friend[]): string[] {
  const sources = new Map<string, { message: SharedMessage; sources: Set<Source> }>();
  for (const { source, messages } of told) {
    for (const message of messages) {
      const known = sources.get(idOf(message)) ?? { message, sources: new Set<Source>() };
      known.sources.add(source);
      sources.set(idOf(message), known);
    }
  }
  return [...sources.values()]
    .map(({ message, sources: from }) => {
      const { friend } = message;
      const chat = jidOf(friend, resolved.includes(friend) ? 'phone' : 'lid');
      return lineOf({
        chat,
        sender: isOwn(message) ? '' : chat,
        id: idOf(message),
        ms: from.has(Source.BACKUP) ? backupMsOf(message) : secondsOf(message) * 1000,
        text: textOf(message),
        sources: [...from].sort((a, b) => a - b),
      });
    })
    .sort();
}

/** What a message is, as a line of text. */
export function lineOf(message: {
  chat: string;
  sender: string;
  id: string;
  ms: number;
  text: string;
  sources: readonly Source[];
}): string {
  const { chat, sender, id, ms, text, sources } = message;
  return [chat, sender, id, ms, text, sources.map((source) => Source[source])].join(' | ');
}
