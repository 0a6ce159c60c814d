import type { BaileysEventMap, WASocket } from '@whiskeysockets/baileys';
import { proto } from '@whiskeysockets/baileys';
import type { Me } from './addresses.js';
import { encodeEvent, encodeRecord } from './inbox-record.js';

/** What the tap tells of. */
export interface TapDependencies {
  me: () => Me;
  now: () => number;
  keep: (record: Buffer) => void;
  /** True for a message whose content is in the inbox already; asked once for each. */
  isKept: (chat: string, id: string) => boolean;
}

/**
 * Listens to the library before its buffer, which holds events back, merges them, and loses them when the connection ends. What
 * came as encrypted messages is in the inbox by then; of the rest, what says something of people, chats, groups and receipts is
 * kept here, serialised at once, because the library changes its objects later.
 */
export function tapEvents(socket: WASocket, dependencies: TapDependencies): void {
  const { ev } = socket;
  const emit = ev.emit.bind(ev);
  ev.emit = (event, data) => {
    for (const record of recordsOf(event, data, dependencies)) dependencies.keep(record);
    // Nobody else listens for messages, and of those in its buffer the library makes a list with each that comes.
    return event === 'messages.upsert' || emit(event, data);
  };
}

function recordsOf<Name extends keyof BaileysEventMap>(
  name: Name,
  data: BaileysEventMap[Name],
  dependencies: TapDependencies,
): Buffer[] {
  if (name === 'messages.upsert') {
    // Safety: the event's name says what its data is.
    return upserted(data as BaileysEventMap['messages.upsert'], dependencies);
  }
  const entries = selected(name, data);
  if (entries.length === 0) return [];
  const { me, now } = dependencies;
  return [encodeRecord({ type: 'event', me: me(), atMs: now(), name }, encodeEvent(entries))];
}

function upserted({ messages }: BaileysEventMap['messages.upsert'], dependencies: TapDependencies): Buffer[] {
  const { me, now, isKept } = dependencies;
  const { CIPHERTEXT } = proto.WebMessageInfo.StubType;
  return messages.flatMap((message) => {
    const { key } = message;
    if (isKept(key.remoteJid ?? '', key.id ?? '')) return [];
    // What could not be read was kept when the reading failed.
    if (message.messageStubType === CIPHERTEXT) return [];
    if (!message.message && !message.messageStubType) return [];
    const { remoteJid, remoteJidAlt, participant, participantAlt, id, fromMe } = key;
    const kept = { remoteJid, remoteJidAlt, participant, participantAlt, id, fromMe };
    const head = { me: me(), atMs: now(), key: kept };
    const body = encodeInfo(message);
    if (body !== undefined) return [encodeRecord({ type: 'info', ...head }, body)];
    return [encodeRecord({ type: 'content', ...head, sentS: 0, unreadable: true })];
  });
}

/** What the library made of a channel's message is in the form of JSON; undefined for what has no form at all. */
function encodeInfo(message: proto.IWebMessageInfo): Uint8Array | undefined {
  try {
    return proto.WebMessageInfo.encode(proto.WebMessageInfo.fromObject(message)).finish();
  } catch {
    return undefined;
  }
}

/** The entries of an event that say something which no message says. */
function selected(name: keyof BaileysEventMap, data: unknown): unknown[] {
  const entries = (Array.isArray(data) ? data : [data]) as unknown[];
  const wanted = WANTED[name];
  return wanted === undefined ? [] : entries.filter((entry) => wanted(entry as Record<string, unknown>));
}

type Wanted = (entry: Record<string, unknown>) => boolean;

const has =
  (...names: string[]): Wanted =>
  (entry) =>
    names.some((name) => entry[name] !== undefined && entry[name] !== null);

const WANTED: Partial<Record<keyof BaileysEventMap, Wanted>> = {
  // Edits and revocations come here too, after their messages, which are kept.
  'messages.update': ({ update }) => {
    const { status, starred, message } = (update ?? {}) as Record<string, unknown>;
    return message === undefined && ((typeof status === 'number' && status > 0) || starred === true);
  },
  'message-receipt.update': () => true,
  'contacts.upsert': has('name', 'lid', 'phoneNumber', 'username'),
  'contacts.update': has('name', 'lid', 'phoneNumber', 'username'),
  'chats.upsert': has('archived', 'ephemeralExpiration', 'name'),
  // Each message updates its chat; only what the owner did to the chat counts.
  'chats.update': (entry) =>
    has('archived', 'ephemeralExpiration')(entry) ||
    // Null takes it back.
    entry.muteEndTime !== undefined ||
    entry.pinned !== undefined ||
    (entry.unreadCount !== undefined && entry.conversationTimestamp === undefined),
  'groups.upsert': has('participants'),
  'groups.update': has('participants'),
  'newsletter-settings.update': has('update'),
  'labels.edit': has('id'),
  'labels.association': has('association'),
  'lid-mapping.update': has('lid'),
  call: has('id'),
};
