import { EventEmitter, once } from 'node:events';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { create, toBinary } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { invalidArgument } from '../../src/domain/fault.js';
import type { Chat, Contact, Group, Label } from '../../src/gen/scrollback/v1/history_service_pb.js';
import type { MessageKey } from '../../src/gen/scrollback/v1/message_pb.js';
import { MessageSchema } from '../../src/gen/scrollback/v1/message_pb.js';
import type {
  ChangeBatch,
  ChangeCursor,
  CoverageView,
  HistoryReader,
  MessagePage,
  MessageQuery,
  PageBounds,
  ResourcePage,
} from '../../src/store/history-reader.js';

interface StoredMessage {
  sentMs: number;
  /** Decides the order of messages of one millisecond. */
  number: number;
  kind: number;
  fromMe: boolean;
  chatJid: string;
  messageId: string;
  bytes: Buffer;
}

/** A history in memory: what `HistoryReader` promises, by arrays. */
export class MemoryHistory implements HistoryReader {
  revision = 0;
  ownerName = '';
  chats: Chat[] = [];
  contacts: Contact[] = [];
  groups: Group[] = [];
  labels: Label[] = [];
  /** What is known of the whole account, and of every chat. */
  coverage: Omit<CoverageView, 'chatJid'> = { stretches: [], gaps: [], firstMessageMs: 0, asOfMs: 0 };
  /** How many wait for changes. */
  followers = 0;
  readonly #messages: StoredMessage[] = [];
  readonly #log: { messages: StoredMessage[]; removed: MessageKey[] }[] = [];
  #closed = false;
  readonly #news = new EventEmitter().setMaxListeners(0);

  get messageCount(): number {
    return this.#messages.length;
  }

  get chatCount(): number {
    return this.chats.length;
  }

  /** Stores messages in one commit. */
  add(...messages: MessageInitShape<typeof MessageSchema>[]): void {
    const added = messages.map((init, index): StoredMessage => {
      const message = create(MessageSchema, init);
      return {
        sentMs: Number(message.sentTime?.seconds ?? 0n) * 1000 + (message.sentTime?.nanos ?? 0) / 1e6,
        number: this.#messages.length + index,
        kind: message.kind,
        fromMe: message.key?.fromMe ?? false,
        chatJid: message.key?.chatJid ?? '',
        messageId: message.key?.messageId ?? '',
        bytes: Buffer.from(toBinary(MessageSchema, message)),
      };
    });
    for (const message of added) this.#messages.push(message);
    this.#messages.sort((a, b) => a.sentMs - b.sentMs || a.number - b.number);
    this.#commit(added, []);
  }

  /** Ends everybody who follows. */
  close(): void {
    this.#closed = true;
    this.#news.emit('commit');
  }

  remove(...keys: MessageKey[]): void {
    this.#commit([], keys);
  }

  resolveChat(address: string): Promise<string> {
    if (address.includes('@')) return Promise.resolve(address);
    const digits = address.replace(/\D/g, '');
    if (digits === '') invalidArgument('chat', 'is no phone number and no JID');
    return Promise.resolve(`${digits}@s.whatsapp.net`);
  }

  async readMessages(query: MessageQuery, cursor: Buffer | undefined, bounds: PageBounds): Promise<MessagePage> {
    const fits = await this.#filter(query);
    const step = query.order === 'newest-first' ? -1 : 1;
    const page: StoredMessage[] = [];
    let bytes = 0;
    let more = false;
    for (let at = this.#start(cursor, step); at >= 0 && at < this.#messages.length; at += step) {
      const message = this.#messages[at];
      if (message === undefined || !fits(message)) continue;
      more = page.length >= bounds.maxMessages || (page.length > 0 && bytes + message.bytes.length > bounds.maxBytes);
      if (more) break;
      page.push(message);
      bytes += message.bytes.length;
    }
    const last = page.at(-1);
    const resume = last === undefined ? cursor : cursorOf(last);
    const chatJid = query.chat === undefined ? '' : await this.resolveChat(query.chat);
    return { chatJid, messages: page.map((message) => message.bytes), next: more ? resume : undefined, resume };
  }

  async findMessages(filter: Parameters<HistoryReader['findMessages']>[0]): Promise<Buffer[]> {
    const chatJid = filter.chat === undefined ? undefined : await this.resolveChat(filter.chat);
    const found = this.#messages.filter(
      (message) =>
        message.messageId === filter.messageId &&
        (chatJid === undefined || message.chatJid === chatJid) &&
        (filter.fromMe === undefined || message.fromMe === filter.fromMe),
    );
    return found.map((message) => message.bytes);
  }

  async nextChanges(
    filter: Pick<MessageQuery, 'chat' | 'kinds' | 'direction'>,
    { revision, index }: ChangeCursor,
    bounds: PageBounds,
    signal: AbortSignal,
  ): Promise<ChangeBatch | undefined> {
    this.followers++;
    try {
      const fits = await this.#filter({ ...filter, fromMs: undefined, toMs: undefined });
      while (!signal.aborted && !this.#closed) {
        const entry = this.#log[revision - 1];
        if (entry === undefined) {
          await once(this.#news, 'commit', { signal }).catch(() => undefined);
          continue;
        }
        const part = entry.messages.slice(index, index + bounds.maxMessages);
        const done = index + part.length >= entry.messages.length;
        const resume = done ? { revision: revision + 1, index: 0 } : { revision, index: index + part.length };
        const messages = part.filter(fits).map((message) => message.bytes);
        return { messages, removed: done ? entry.removed : [], revision: done ? revision : revision - 1, resume };
      }
      return undefined;
    } finally {
      this.followers--;
    }
  }

  listChats(kinds: ReadonlySet<number>, cursor: Buffer | undefined, limit: number): Promise<ResourcePage<Chat>> {
    const chats = this.chats.filter((chat) => kinds.size === 0 || kinds.has(chat.kind));
    return Promise.resolve(slice(chats, cursor, limit));
  }

  async getChat(address: string): Promise<Chat | undefined> {
    const jid = await this.resolveChat(address);
    return this.chats.find((chat) => chat.jid === jid);
  }

  async getCoverage(address: string | undefined): Promise<CoverageView> {
    return { chatJid: address === undefined ? '' : await this.resolveChat(address), ...this.coverage };
  }

  listContacts(cursor: Buffer | undefined, limit: number): Promise<ResourcePage<Contact>> {
    return Promise.resolve(slice(this.contacts, cursor, limit));
  }

  listLabels(): Promise<Label[]> {
    return Promise.resolve(this.labels);
  }

  listGroups(cursor: Buffer | undefined, limit: number): Promise<ResourcePage<Group>> {
    return Promise.resolve(slice(this.groups, cursor, limit));
  }

  #commit(messages: StoredMessage[], removed: MessageKey[]): void {
    this.#log.push({ messages, removed });
    this.revision++;
    this.#news.emit('commit');
  }

  async #filter(query: Omit<MessageQuery, 'order'>): Promise<(message: StoredMessage) => boolean> {
    const chatJid = query.chat === undefined ? undefined : await this.resolveChat(query.chat);
    return (message) =>
      (chatJid === undefined || message.chatJid === chatJid) &&
      (query.kinds.size === 0 || query.kinds.has(message.kind)) &&
      (query.direction === undefined || message.fromMe === (query.direction === 'outgoing')) &&
      message.sentMs >= (query.fromMs ?? 0) &&
      message.sentMs <= (query.toMs ?? Infinity);
  }

  /** The first message after the cursor in the direction of `step`. */
  #start(cursor: Buffer | undefined, step: 1 | -1): number {
    if (cursor === undefined) return step === 1 ? 0 : this.#messages.length - 1;
    const sentMs = cursor.readUIntBE(0, 6);
    const number = cursor.readUIntBE(6, 6);
    let low = 0;
    let high = this.#messages.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const message = this.#messages[middle];
      if (message === undefined) break;
      const before = message.sentMs - sentMs || message.number - number;
      if (before < 0 || (step === 1 && before === 0)) low = middle + 1;
      else high = middle;
    }
    return step === 1 ? low : low - 1;
  }
}

/** A message for a test. */
export function aMessage(
  messageId: string,
  { chatJid = '4917012345@s.whatsapp.net', sentMs = 1_700_000_000_000, text = '', kind = 1, fromMe = false } = {},
): MessageInitShape<typeof MessageSchema> {
  const key = { chatJid, senderJid: fromMe ? '' : chatJid, fromMe, messageId };
  return { key, sentTime: timestampFromMs(sentMs), kind, text };
}

function cursorOf(message: StoredMessage): Buffer {
  const cursor = Buffer.alloc(12);
  cursor.writeUIntBE(message.sentMs, 0, 6);
  cursor.writeUIntBE(message.number, 6, 6);
  return cursor;
}

function slice<T>(items: readonly T[], cursor: Buffer | undefined, limit: number): ResourcePage<T> {
  const start = cursor?.readUInt32BE(0) ?? 0;
  const end = start + limit;
  const next = Buffer.alloc(4);
  next.writeUInt32BE(end);
  return { items: items.slice(start, end), next: end < items.length ? next : undefined };
}
