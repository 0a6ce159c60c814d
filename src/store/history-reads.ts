import { create, fromBinary } from '@bufbuild/protobuf';
import { identityRange, readIdentityKey } from '../domain/identity.js';
import { isPerson, parseChatAddress } from '../domain/jid.js';
import { DomainError, invalidArgument } from '../domain/fault.js';
import { identityForm } from '../domain/page-format.js';
import {
  type ChatRecord,
  ContactRecordSchema,
  GroupRecordSchema,
  type HistoryRecord,
  LabelRecordSchema,
} from '../gen/scrollback/store/v1/record_pb.js';
import {
  type Chat,
  type Contact,
  type Group,
  type Label,
  LabelSchema,
} from '../gen/scrollback/v1/history_service_pb.js';
import { ChatReads } from './chat-reads.js';
import { primaryKeyOf } from './commit.js';
import type { CoverageReads } from './coverage-reads.js';
import type { Database, Snapshot } from './database.js';
import { chatOf } from './directory.js';
import { type ChangeFilter, readChanges } from './follow.js';
import type {
  ChangeBatch,
  ChangeCursor,
  CoverageView,
  HistoryReader,
  MessagePage,
  MessageQuery,
  PageBounds,
  ResourcePage,
} from './history-reader.js';
import { positionOf } from './identity.js';
import { keyspace, prefixEnd, prefixKey, textKey } from './keyspaces.js';
import type { KnownTotals } from './known-totals.js';
import { fetchRows, readMessagePage, type ResolvedQuery } from './message-reads.js';
import { inTurn } from './read-gate.js';
import type { Wakeup } from './wakeup.js';

/** The reading side of a history. */
export abstract class HistoryReads implements HistoryReader {
  readonly #database: Database;
  readonly #state: () => HistoryRecord;
  readonly #chats: ChatReads;
  readonly #wakeup: Wakeup;

  protected constructor(
    database: Database,
    state: () => HistoryRecord,
    totals: KnownTotals,
    wakeup: Wakeup,
    coverage: CoverageReads,
  ) {
    this.#database = database;
    this.#state = state;
    this.#chats = new ChatReads(database, totals, coverage);
    this.#wakeup = wakeup;
  }

  get revision(): number {
    return Number(this.#state().revision);
  }

  get messageCount(): number {
    return Number(this.#state().messageCount);
  }

  get chatCount(): number {
    return Number(this.#state().chatCount);
  }

  get ownerName(): string {
    return this.#state().ownerName;
  }

  async resolveChat(address: string): Promise<string> {
    return (await this.#locate(address)).jid;
  }

  /** The canonical JID of an address and the record of its chat, if it is stored, in as few look-ups as there can be: each takes its turn. */
  async #locate(address: string): Promise<{ jid: string; record: ChatRecord | undefined }> {
    const jid = parseChatAddress(address);
    if (jid === undefined) {
      invalidArgument(
        'chat',
        'is neither a JID (491701234567@s.whatsapp.net) nor a phone number with its country code',
      );
    }
    const record = await this.#chats.find(jid);
    if (record !== undefined) return { jid: chatOf(record).jid, record };
    const mapped = await this.#database.get(textKey(keyspace.mapping, jid));
    if (mapped === undefined) return { jid, record };
    const phone = mapped.toString();
    return { jid: phone, record: await this.#chats.find(phone) };
  }

  async readMessages(asked: MessageQuery, cursor: Buffer | undefined, bounds: PageBounds): Promise<MessagePage> {
    const { chat, ...rest } = asked;
    const read = async (scope: ResolvedQuery['scope'], chatJid: string): Promise<MessagePage> => {
      const page = await inTurn(bounds, () => readMessagePage(this.#database, { ...rest, scope }, cursor, bounds));
      return { ...page, chatJid };
    };
    if (chat === undefined) return read('account', '');
    const { jid, record } = await this.#locate(chat);
    if (record === undefined) return { chatJid: jid, messages: [], next: undefined, resume: cursor };
    return read({ chatNumber: record.chatNumber }, jid);
  }

  async findMessages(filter: {
    chat: string | undefined;
    messageId: string;
    fromMe: boolean | undefined;
    sender: string | undefined;
  }): Promise<Buffer[]> {
    const sender = filter.sender === undefined ? undefined : await this.resolveChat(filter.sender);
    const chats = await this.#chatsToSearch(filter.chat);
    // An identity and its row must be of one commit: a message whose time becomes known better moves.
    const snapshot = this.#database.snapshot();
    try {
      const found: Buffer[] = [];
      let bytes = 0;
      for (const chat of chats) {
        for (const row of await this.#findInChat(chat, { ...filter, sender }, snapshot)) {
          found.push(row);
          bytes += row.length;
        }
        if (found.length >= MAX_FOUND || bytes > MAX_FOUND_BYTES) break;
      }
      return found.slice(0, MAX_FOUND);
    } finally {
      await snapshot.close();
    }
  }

  async #findInChat(
    { chatNumber, jid }: NumberedChat,
    filter: { messageId: string; fromMe: boolean | undefined; sender: string | undefined },
    snapshot: Snapshot,
  ): Promise<Buffer[]> {
    const keys = new Map<string, Buffer>();
    scan: for await (const entries of this.#database.scan({
      ...identityRange(chatNumber, filter.messageId),
      snapshot,
    })) {
      for (const [key, value] of entries) {
        const { fromMe, senderJid } = readIdentityKey(key);
        if (filter.fromMe !== undefined && filter.fromMe !== fromMe) continue;
        const author = fromMe ? '' : isPerson(jid) ? jid : senderJid;
        if (filter.sender !== undefined && filter.sender !== author) continue;
        const isAlias = value[0] === identityForm.alias;
        const identityKey = isAlias ? value.subarray(1) : key;
        const target = isAlias ? await this.#database.get(identityKey, snapshot) : value;
        if (target?.[0] !== identityForm.message) continue;
        const primaryKey = primaryKeyOf(positionOf({ identityKey, value: target }));
        keys.set(primaryKey.toString('latin1'), primaryKey);
        if (keys.size === MAX_FOUND) break scan;
      }
    }
    const rows = await fetchRows(
      this.#database,
      [...keys.values()].sort((a, b) => a.compare(b)),
      false,
      MAX_FOUND_BYTES,
      snapshot,
    );
    return rows.filter((row) => row !== undefined);
  }

  async #chatsToSearch(chat: string | undefined): Promise<NumberedChat[]> {
    const record = chat === undefined ? undefined : (await this.#locate(chat)).record;
    const records = chat === undefined ? await this.#chats.all() : record === undefined ? [] : [record];
    return records.map((one) => ({ chatNumber: one.chatNumber, jid: chatOf(one).jid }));
  }

  async nextChanges(
    filter: Pick<MessageQuery, 'chat' | 'kinds' | 'direction'>,
    cursor: ChangeCursor,
    bounds: PageBounds,
    signal: AbortSignal,
  ): Promise<ChangeBatch | undefined> {
    if (cursor.revision > this.revision + 1)
      throw new DomainError({ reason: 'REVISION_AHEAD', revision: this.revision });
    while (!signal.aborted && !this.#wakeup.closed) {
      const news = this.#wakeup.next(signal);
      const wanted = { ...filter, ...(await this.#followedChat(filter.chat)) };
      const batch = await inTurn(bounds, () => readChanges(this.#database, wanted, cursor, bounds));
      if (batch !== undefined) return batch;
      await news;
    }
    return undefined;
  }

  async #followedChat(address: string | undefined): Promise<Pick<ChangeFilter, 'chatNumber' | 'chatJids'>> {
    if (address === undefined) return { chatNumber: undefined, chatJids: undefined };
    const { jid, record } = await this.#locate(address);
    if (record === undefined) return { chatNumber: null, chatJids: new Set([jid]) };
    const chat = chatOf(record);
    return { chatNumber: record.chatNumber, chatJids: new Set([chat.jid, ...chat.alternateJids]) };
  }

  listChats(kinds: ReadonlySet<number>, cursor: Buffer | undefined, limit: number): Promise<ResourcePage<Chat>> {
    return this.#chats.list(kinds, cursor, limit);
  }

  async getChat(address: string): Promise<Chat | undefined> {
    return this.#chats.get(await this.resolveChat(address));
  }

  async getCoverage(address: string | undefined): Promise<CoverageView> {
    return this.#chats.coverage(address === undefined ? undefined : await this.resolveChat(address));
  }

  /** All LIDs that are known to stand for a phone number, ascending. It passes over all mappings. */
  async lidsOf(phone: string): Promise<string[]> {
    const lids: string[] = [];
    const range = { gte: prefixKey(keyspace.mapping), lt: prefixEnd(keyspace.mapping) };
    for await (const entries of this.#database.scan(range)) {
      for (const [key, value] of entries) if (value.toString() === phone) lids.push(key.toString('utf8', 1));
    }
    return lids;
  }

  async listContacts(cursor: Buffer | undefined, limit: number): Promise<ResourcePage<Contact>> {
    return this.#listByJid(keyspace.contact, cursor, limit, Infinity, (value) => {
      const { contact } = fromBinary(ContactRecordSchema, value);
      return contact;
    });
  }

  async listGroups(cursor: Buffer | undefined, limit: number, maxBytes: number): Promise<ResourcePage<Group>> {
    return this.#listByJid(keyspace.group, cursor, limit, maxBytes, (value) => {
      const { group } = fromBinary(GroupRecordSchema, value);
      return group;
    });
  }

  async listLabels(): Promise<Label[]> {
    const labels: Label[] = [];
    const range = { gte: prefixKey(keyspace.label), lt: prefixEnd(keyspace.label), limit: MAX_LABELS };
    for await (const entries of this.#database.scan(range)) {
      for (const [key, value] of entries) {
        const { name, deleted } = fromBinary(LabelRecordSchema, value);
        if (!deleted && name !== '') labels.push(create(LabelSchema, { labelId: key.toString('utf8', 1), name }));
      }
    }
    return labels;
  }

  async #listByJid<T>(
    space: typeof keyspace.contact | typeof keyspace.group,
    cursor: Buffer | undefined,
    limit: number,
    maxBytes: number,
    decode: (value: Buffer) => T | undefined,
  ): Promise<ResourcePage<T>> {
    const items: T[] = [];
    let bytes = 0;
    let last: Buffer | undefined;
    // A cursor comes from outside: it must not lead to other records.
    if (cursor !== undefined && cursor[0] !== space) throw new DomainError({ reason: 'INVALID_PAGE_TOKEN' });
    const gt = cursor ?? prefixKey(space);
    for await (const entries of this.#database.scan({ gt, lt: prefixEnd(space), limit: limit + 1, batchSize: 64 })) {
      for (const [key, value] of entries) {
        bytes += value.length;
        if (items.length === limit || (items.length > 0 && bytes > maxBytes)) return { items, next: last };
        const item = decode(value);
        if (item !== undefined) items.push(item);
        last = key;
      }
    }
    return { items, next: undefined };
  }
}

/** A chat to search: its number, and its canonical address. */
interface NumberedChat {
  chatNumber: number;
  jid: string;
}

/** As the API promises for GetMessage. */
const MAX_FOUND = 1000;
const MAX_FOUND_BYTES = 1024 * 1024;

/** WhatsApp allows some dozens; an answer without pages must stay small whatever comes. */
const MAX_LABELS = 1000;
