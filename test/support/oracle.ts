import { readAddresses } from './oracle-addresses.js';
import {
  readChats,
  readContacts,
  readGroups,
  type ExpectedChat,
  type ExpectedContact,
  type ExpectedGroup,
} from './oracle-directory.js';
import { readLegacy } from './oracle-legacy.js';
import type { ExpectedMessage } from './oracle-message.js';
import { readModern, type SkippedRows } from './oracle-modern.js';
import { openForOracle } from './oracle-tables.js';

/** What a database means, by an independent reading. */
export interface ExpectedHistory {
  /**
   * One for each row that becomes a message: the modern table first, each in order of row ids. Two rows may have the same
   * key (a phone and a LID chat of one person); they are one message then.
   */
  messages: ExpectedMessage[];
  /** Rows of both message tables: `rows` = `messages.length` + all of `skipped`. */
  rows: number;
  skipped: SkippedRows;
  chats: ExpectedChat[];
  contacts: ExpectedContact[];
  groups: ExpectedGroup[];
}

/**
 * Reads a msgstore.db by plain SQL with joins, slowly and without any code of the importer: the written-down
 * interpretation of WhatsApp's tables that an import is held against. Needs memory for all messages.
 */
export function readByPlainSql(databasePath: string): ExpectedHistory {
  const database = openForOracle(databasePath);
  try {
    const addresses = readAddresses(database);
    const skipped: SkippedRows = { sentinel: 0, orphan: 0, deleted: 0, duplicate: 0, malformed: 0 };
    const modern = readModern(database, addresses, skipped);
    const legacy = readLegacy(database, addresses, modern.known, skipped);
    const messages = [...modern.messages, ...legacy.messages];
    const chats = readChats(database, addresses, messages);
    const groups = readGroups(database, addresses, chats);
    const contacts = readContacts(database, addresses, chats);
    return { messages, rows: modern.rows + legacy.rows, skipped, chats, contacts, groups };
  } finally {
    database.close();
  }
}
