import type { Database } from 'better-sqlite3';
import { type Address, Addresses } from './addresses.js';
import { readMappings } from './mappings.js';
import { UnresolvedLids } from './actors.js';
import { openDatabase } from './database.js';
import { Keyset, type RowReader } from './keyset.js';
import { Names } from './names.js';
import { PageWriter } from './page-writer.js';
import { Pulse } from '../pulse.js';
import { type Row, Schema } from './schema.js';
import { chatTable } from './tables.js';
import { type ImportPlan, readPlanNames, type SideIndex, type TaskBase } from '../task.js';
import { wholeOf } from './value.js';

/** A chat of the file. */
export interface FileChat {
  rowId: number;
  address: Address;
  /** The session's number of the chat. */
  number: number;
}

/** Chats that are kept at a time; when more are used, it starts anew. */
const MAX_KEPT = 65_536;

const at = chatTable.at;

/** What the tasks of one plan share in one thread: the open database and what was learned from it once. */
export class ImportFile {
  readonly keyset: Keyset;
  readonly addresses: Addresses;
  readonly lids = new UnresolvedLids();
  readonly writer = new PageWriter();
  readonly indexes: ReadonlyMap<string, SideIndex>;
  /** The time that the file speaks of. */
  readonly asOfMs: number;
  private readonly numbers: ReadonlyMap<string, number>;
  private readonly chatRows: RowReader | undefined;
  private readonly chats = new Map<number, FileChat | 'orphan' | 'malformed'>();

  constructor(
    readonly db: Database,
    plan: ImportPlan,
    pulse: Pulse,
  ) {
    this.keyset = new Keyset(db, new Schema(db), pulse);
    this.asOfMs = plan.asOfMs;
    const own = readMappings(this.keyset);
    const names = readPlanNames(plan);
    const mappings = new Map([...names.extraMappings, ...own]);
    this.addresses = new Addresses(this.keyset, mappings, Names.read(this.keyset, own));
    this.indexes = new Map(plan.sideIndexes.map((index) => [index.table, index]));
    this.numbers = new Map(names.chats);
    this.chatRows = this.keyset.rows(chatTable);
  }

  /** Returns a chat by its row, or why it cannot be used. */
  chat(rowId: number): FileChat | 'orphan' | 'malformed' {
    let chat = this.chats.get(rowId);
    if (chat === undefined) {
      chat = this.readChat(rowId);
      if (this.chats.size >= MAX_KEPT) this.chats.clear();
      this.chats.set(rowId, chat);
    }
    return chat;
  }

  /** Returns the session's number of a chat. The plan has all chats that the survey found, so a missing one is our fault. */
  numberOf(jid: string): number {
    const number = this.numbers.get(jid);
    if (number === undefined) throw new Error('the plan lacks a chat of the file');
    return number;
  }

  private readChat(rowId: number): FileChat | 'orphan' | 'malformed' {
    const row = this.chatRows?.get(rowId);
    if (row === undefined) return 'orphan';
    const address = this.addresses.ofRow(chatJidRowId(row));
    if (address === 'missing') return 'orphan';
    if (address === 'malformed') return 'malformed';
    return { rowId, address, number: this.numberOf(address.jid) };
  }
}

/** Returns which row of `jid` is a chat's address: newer files have a second column, which counts where it is set. */
export function chatJidRowId(row: Row): number {
  return wholeOf(row[at.account_jid_row_id]) || wholeOf(row[at.jid_row_id]);
}

/** The file of this thread; one at a time, because another plan means that the last one is done. */
let current: { planId: number; path: string; file: ImportFile } | undefined;

/**
 * Runs work on the file of a plan, which stays open for the next task. It is closed when another plan comes, and when
 * the work throws: what was open then is not to be trusted.
 */
export function withImportFile<T>(task: TaskBase & { plan: ImportPlan }, work: (file: ImportFile) => T): T {
  try {
    return work(importFileOf(task.plan, new Pulse(task.control)));
  } catch (error) {
    closeImportFile();
    throw error;
  }
}

/** Closes the thread's file; safe to call twice. */
export function closeImportFile(): void {
  current?.file.db.close();
  current = undefined;
}

function importFileOf(plan: ImportPlan, pulse: Pulse): ImportFile {
  if (current?.planId === plan.planId && current.path === plan.databasePath) {
    current.file.keyset.pulse = pulse;
    return current.file;
  }
  closeImportFile();
  const db = openDatabase(plan.databasePath);
  try {
    const file = new ImportFile(db, plan, pulse);
    current = { planId: plan.planId, path: plan.databasePath, file };
    return file;
  } catch (error) {
    db.close();
    throw error;
  }
}
