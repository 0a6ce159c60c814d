import { knownId } from './message-id.js';
import { editTable, messageTable, revokedTable } from './tables.js';
import { Related } from './children.js';
import type { FileChat, ImportFile } from './import-file.js';
import type { RowReader } from './keyset.js';
import type { Row } from './schema.js';
import { hashText, SideIndexReader } from './side-index.js';
import { textOf, wholeOf } from './value.js';
import { waType } from './wa-type.js';

const messageAt = messageTable.at;

/** Names of the side indexes by text: message rows by the hash of their ids. */
export const aliasIndex = 'message:aliases';
export const keyIndex = 'message:keys';

/** Tells whether a type is that of a message that was deleted for everyone. */
export function isRevokedType(type: number): boolean {
  return type === waType.revokedBySender || type === waType.revokedByAdmin;
}

/**
 * Returns the first id of a message: an edit gives its row the edit's id, and keeps the one that everybody knows it by
 * beside it; a revocation likewise.
 */
export function firstIdOf(keyId: string, type: number, edit: Row | undefined, revoked: Row | undefined): string {
  const original = knownId(edit?.[editTable.at.original_key_id]);
  if (original !== '') return original;
  if (!isRevokedType(type)) return keyId;
  return knownId(revoked?.[revokedTable.at.revoked_key_id]) || keyId;
}

/** Finds modern messages by their ids, out of the order of reading. */
export class MessageFinder {
  private readonly messages: RowReader | undefined;
  private readonly edits: Related | undefined;
  private readonly revocations: Related | undefined;
  private readonly aliases: SideIndexReader | undefined;
  private readonly keys: SideIndexReader | undefined;

  constructor(private readonly file: ImportFile) {
    const { keyset, indexes } = file;
    const aliases = indexes.get(aliasIndex);
    const keys = indexes.get(keyIndex);
    this.messages = keyset.rows(messageTable);
    this.edits = Related.open(keyset, editTable, indexes);
    this.revocations = Related.open(keyset, revokedTable, indexes);
    this.aliases = aliases && new SideIndexReader(aliases);
    this.keys = keys && new SideIndexReader(keys);
  }

  /** Returns the first id of the message that has `keyId` now, or `keyId` itself. */
  resolve(chatJid: string, fromMe: boolean, keyId: string): string {
    if (this.aliases === undefined || keyId === '') return keyId;
    for (const rowId of this.aliases.rowsOf(hashText(keyId))) {
      const row = this.messages?.get(rowId);
      if (row === undefined || row[messageAt.key_id] !== keyId || !this.isIn(row, chatJid, fromMe)) continue;
      return this.firstIdOf(row);
    }
    return keyId;
  }

  /** Tells whether a modern message has this id, as its first or its present one. */
  exists(chatJid: string, fromMe: boolean, id: string): boolean {
    if (this.keys === undefined) return false;
    for (const rowId of this.keys.rowsOf(hashText(id))) {
      const row = this.messages?.get(rowId);
      if (row === undefined || !this.isIn(row, chatJid, fromMe)) continue;
      if (row[messageAt.key_id] === id || this.firstIdOf(row) === id) return true;
    }
    return false;
  }

  /** Reads a message row and its first id; undefined when there is no such row. */
  byRow(rowId: number): { type: number; id: string } | undefined {
    const row = this.messages?.get(rowId);
    return row && { type: wholeOf(row[messageAt.message_type]), id: this.firstIdOf(row) };
  }

  private firstIdOf(row: Row): string {
    const rowId = wholeOf(row[0]);
    const type = wholeOf(row[messageAt.message_type]);
    const edit = this.edits?.first(rowId);
    const revoked = isRevokedType(type) ? this.revocations?.first(rowId) : undefined;
    return firstIdOf(textOf(row[messageAt.key_id]), type, edit, revoked);
  }

  private isIn(row: Row, chatJid: string, fromMe: boolean): boolean {
    if ((wholeOf(row[messageAt.from_me]) !== 0) !== fromMe) return false;
    const chat: FileChat | 'orphan' | 'malformed' = this.file.chat(wholeOf(row[messageAt.chat_row_id]));
    return typeof chat !== 'string' && chat.address.jid === chatJid;
  }
}
