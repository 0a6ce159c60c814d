import { fromBinary } from '@bufbuild/protobuf';
import { type ChatRecord, ChatRecordSchema } from '../gen/scrollback/store/v1/record_pb.js';
import type { Chat } from '../gen/scrollback/v1/history_service_pb.js';
import { decodeTotals } from './chat-totals.js';
import type { CoverageReads, CoveredChat } from './coverage-reads.js';
import type { Database } from './database.js';
import { chatOf, timeOf } from './directory.js';
import type { CoverageView, ResourcePage } from './history-reader.js';
import { chatNumberKey, keyspace, prefixEnd, prefixKey, textKey } from './keyspaces.js';
import type { KnownTotals } from './known-totals.js';

/** The reading side of chats. */
export class ChatReads {
  readonly #database: Database;
  readonly #totals: KnownTotals;
  readonly #coverage: CoverageReads;

  constructor(database: Database, totals: KnownTotals, coverage: CoverageReads) {
    this.#database = database;
    this.#totals = totals;
    this.#coverage = coverage;
  }

  /** Reads the record of a chat by any of its addresses. */
  async find(jid: string): Promise<ChatRecord | undefined> {
    const number = await this.#database.get(textKey(keyspace.chatNumber, jid));
    if (number === undefined) return undefined;
    const value = await this.#database.get(chatNumberKey(keyspace.chat, number.readUInt32BE(0)));
    return value === undefined ? undefined : fromBinary(ChatRecordSchema, value);
  }

  /** Reads the records of all chats. */
  async all(): Promise<ChatRecord[]> {
    const records: ChatRecord[] = [];
    for await (const entries of this.#database.scan({ gte: prefixKey(keyspace.chat), lt: prefixEnd(keyspace.chat) })) {
      for (const [, value] of entries) records.push(fromBinary(ChatRecordSchema, value));
    }
    return records;
  }

  /** Lists chats, the one with the newest message first. */
  async list(kinds: ReadonlySet<number>, cursor: Buffer | undefined, limit: number): Promise<ResourcePage<Chat>> {
    const records = (await this.all()).filter((record) => kinds.size === 0 || kinds.has(chatOf(record).kind));
    const chats = await this.#withTotals(records);
    const ranked = chats
      .map((found) => ({ ...found, rank: rankOf(found.chat) }))
      .sort((a, b) => a.rank.compare(b.rank));
    const rest = cursor === undefined ? ranked : ranked.filter(({ rank }) => rank.compare(cursor) > 0);
    const page = rest.slice(0, limit);
    return { items: await this.#withGaps(page), next: rest.length > limit ? page.at(-1)?.rank : undefined };
  }

  /** Returns a chat by any of its addresses; undefined when it is unknown. */
  async get(jid: string): Promise<Chat | undefined> {
    const record = await this.find(jid);
    return record === undefined ? undefined : (await this.#withGaps(await this.#withTotals([record])))[0];
  }

  /** What is known to be complete of a chat, by any of its addresses, or of the whole account. */
  async coverage(jid: string | undefined): Promise<CoverageView> {
    if (jid === undefined) return this.#coverage.ofAccount();
    const record = await this.find(jid);
    const [found] = record === undefined ? [] : await this.#withTotals([record]);
    return this.#coverage.ofChat(found?.covered ?? { jid, chatNumber: undefined, firstMs: 0 });
  }

  async #withGaps(found: FoundChat[]): Promise<Chat[]> {
    const gaps = await this.#coverage.gapsOfChats(found.map(({ covered }) => covered));
    return found.map(({ chat }, i) => ({ ...chat, gaps: gaps[i] ?? 0 }));
  }

  async #withTotals(records: ChatRecord[]): Promise<FoundChat[]> {
    // Taken before the database is read: what is saved meanwhile is then found there.
    const unsaved = records.map(({ chatNumber }) => this.#totals.durableOf(chatNumber));
    const values = await this.#database.getMany(
      records.map(({ chatNumber }) => chatNumberKey(keyspace.chatTotals, chatNumber)),
    );
    return records.map((record, i) => {
      const totals = unsaved[i] ?? decodeTotals(values[i]);
      const chat: Chat = {
        ...chatOf(record),
        messageCount: BigInt(totals.messageCount),
        revision: BigInt(totals.revision),
      };
      const first = timeOf(totals.firstMs);
      const last = timeOf(totals.lastMs);
      if (first !== undefined) chat.firstMessageTime = first;
      if (last !== undefined) chat.lastMessageTime = last;
      return { chat, covered: { jid: chat.jid, chatNumber: record.chatNumber, firstMs: totals.firstMs } };
    });
  }
}

/** A chat with its totals, and what its coverage depends on. */
interface FoundChat {
  chat: Chat;
  covered: CoveredChat;
}

/** Bytes whose order is that of the list: the newest message first, then by JID. */
function rankOf(chat: Chat): Buffer {
  const seconds = Number(chat.lastMessageTime?.seconds ?? 0n);
  const ms = seconds * 1000 + Math.floor((chat.lastMessageTime?.nanos ?? 0) / 1e6);
  const rank = Buffer.alloc(7);
  rank.writeUIntBE(2 ** 48 - 1 - ms, 0, 6);
  return Buffer.concat([rank, Buffer.from(chat.jid)]);
}
