import Database from 'better-sqlite3';
import { writeLegacyAccount, writeModernAccount } from './account-rows.js';
import { LegacyRows } from './legacy-rows.js';
import { ModernRows } from './modern-rows.js';
import { SyntheticAccount } from './synthetic-account.js';
import { SyntheticMessages } from './synthetic-message.js';
import { completeSchema, createTables, schemaOf, type Generation, type SchemaOptions } from './synthetic-schema.js';
import { writeTraps } from './synthetic-traps.js';
import { TableWriter } from './table-writer.js';

/** What database to make. */
export interface SyntheticOptions extends SchemaOptions {
  /** Decides everything that is not said here; 1 unless said. */
  seed?: number;
  /** Length of the account's whole sequence of messages. */
  messages: number;
  /** Number of chats; one per 300 messages unless said, from 40 to 3000. */
  chats?: number;
  /** `modern` unless said. */
  generation?: Generation;
  /** Adds rows with every trap that is known; then the schema is `loose`. */
  traps?: boolean;
  /** When the first message was sent; 2023-11-14 unless said, or 2019-04-24 for older generations. */
  startMs?: number;
  /** Only messages from this one on, counted from 1. The same message has the same content in every window. */
  fromMessage?: number;
  /** Only messages up to this one, itself included. */
  toMessage?: number;
  /** Added to all row ids: a second phone, or a backup that was restored, numbers its rows anew. */
  idOffset?: number;
  /**
   * 0 (unless said) is the first backup. Later ones show the same messages with later edits, revocations, reactions
   * taken back, receipts, stars, removed rows and, in one chat, a deletion that is not done yet. From 3 on no more is added.
   */
  revision?: number;
}

/** What a synthetic database holds. */
export interface SyntheticFacts {
  /** Rows of `message`, all of them. */
  messageRows: number;
  /** Rows of `messages`, all of them. */
  legacyRows: number;
  chats: number;
  groups: number;
  groupMembers: number;
  people: number;
  reactions: number;
  /** When the first and the last regular message was sent. */
  firstMs: number;
  lastMs: number;
  /** By trap, the ids of the rows (of `message`, in a legacy file of `messages`) that are in it. */
  traps: Record<string, number[]>;
}

/** Rows of one transaction: bounds what SQLite keeps in memory. */
const TRANSACTION_ROWS = 50_000;

/** Makes a msgstore.db at a path that is free. Needs the same memory for any number of messages. */
export function buildDatabase(path: string, options: SyntheticOptions): SyntheticFacts {
  const generation = options.generation ?? 'modern';
  const schema = schemaOf(generation, { ...options, loose: options.loose === true || options.traps === true });
  const database = new Database(path);
  try {
    database.pragma('page_size = 4096');
    // Nobody needs a half-made file after a crash.
    database.pragma('journal_mode = OFF');
    database.pragma('synchronous = OFF');
    for (const sql of createTables(schema)) database.exec(sql);
    const facts = writeRows(new TableWriter(database, schema), generation, options);
    for (const sql of completeSchema(generation, schema)) database.exec(sql);
    // A real file is in rollback mode and says so in its header; user_version is always 1.
    database.pragma('user_version = 1');
    return facts;
  } finally {
    database.close();
  }
}

function writeRows(tables: TableWriter, generation: Generation, options: SyntheticOptions): SyntheticFacts {
  const idOffset = options.idOffset ?? 0;
  const account = new SyntheticAccount({
    seed: options.seed ?? 1,
    chats: Math.max(40, options.chats ?? Math.min(3000, Math.floor(options.messages / 300))),
    generation,
    startMs: options.startMs ?? (generation === 'modern' ? 1_700_000_000_000 : 1_556_100_000_000),
    idOffset,
  });
  const messages = new SyntheticMessages(account);
  // Row 1 is the sentinel.
  const rowBase = 1 + idOffset;
  const modern = new ModernRows(messages, tables, rowBase);
  const legacy = new LegacyRows(messages, tables, rowBase);
  const { database } = tables;

  database.exec('BEGIN');
  writeSentinels(tables);
  let groupMembers = generation === 'legacy' ? 0 : writeModernAccount(account, tables);
  if (generation === 'legacy') groupMembers = writeLegacyAccount(account, tables);
  const first = options.fromMessage ?? 1;
  const last = Math.min(options.toMessage ?? options.messages, options.messages);
  let firstMs = 0;
  let lastMs = 0;
  for (let number = first; number <= last; number++) {
    const message = messages.message(number);
    const changes = messages.changes(message, options.revision ?? 0);
    if (firstMs === 0) firstMs = message.sentMs;
    lastMs = message.sentMs;
    if (changes.removed) continue;
    const { inModern, inLegacy } = homeOf(generation, number, options.messages);
    if (inModern) modern.write(message, changes);
    if (inLegacy) legacy.write(message, changes);
    if (number % TRANSACTION_ROWS === 0) database.exec('COMMIT; BEGIN');
  }
  if ((options.revision ?? 0) > 0) writeDeletion(tables, account, rowBase + Math.floor((first + last) / 2));
  const traps = options.traps === true ? writeTraps(tables, account, rowBase + options.messages + 1) : {};
  database.exec('COMMIT');

  return {
    messageRows: countRows(tables, 'message'),
    legacyRows: countRows(tables, 'messages'),
    chats: account.chats.length,
    groups: account.chats.filter(({ kind }) => kind === 'group').length,
    groupMembers,
    people: account.people.length,
    reactions: modern.reactions,
    firstMs,
    lastMs,
    traps,
  };
}

/** A transitional file holds old messages in the old table, new ones in the new table, and a stretch in both. */
function homeOf(generation: Generation, number: number, messages: number): { inModern: boolean; inLegacy: boolean } {
  if (generation !== 'transitional') return { inModern: generation !== 'legacy', inLegacy: generation === 'legacy' };
  return { inModern: number > messages * 0.5, inLegacy: number <= messages * 0.7 };
}

/** The row that WhatsApp writes first into every message table. */
function writeSentinels(tables: TableWriter): void {
  if (tables.has('message')) tables.add('message', { _id: 1, chat_row_id: -1, from_me: 0, key_id: '-1', sort_id: 0 });
  if (!tables.has('messages')) return;
  tables.add('messages', {
    _id: 1,
    key_remote_jid: '-1',
    key_from_me: 0,
    key_id: '-1',
    status: -1,
    needs_push: 0,
    timestamp: 0,
    media_wa_type: '-1',
    media_size: -1,
    received_timestamp: -1,
  });
}

/** The user has cleared a chat, and the phone has not yet removed the rows. */
function writeDeletion(tables: TableWriter, account: SyntheticAccount, throughRow: number): void {
  const chat = account.chats[3];
  if (chat === undefined || !tables.has('deleted_chat_job')) return;
  tables.add('deleted_chat_job', {
    chat_row_id: chat.rowId,
    block_size: 100,
    deleted_message_row_id: throughRow,
    deleted_starred_message_row_id: 1,
    deleted_messages_remove_files: 1,
  });
}

function countRows(tables: TableWriter, table: string): number {
  if (!tables.has(table)) return 0;
  const count = tables.database.prepare(`SELECT count(*) FROM ${table}`).pluck().get();
  return typeof count === 'number' ? count : 0;
}
