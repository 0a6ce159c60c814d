import { TooManyRows } from './children.js';
import { Deletions } from './deleted.js';
import type { FileChat, ImportFile } from './import-file.js';
import { NO_ROW, type RangeCursor } from './keyset.js';
import { emptyFields, type MessageFields } from './message-fields.js';
import { messageIdOf } from './message-id.js';
import { ModernMessage } from './modern-message.js';
import { ModernSides } from './modern-sides.js';
import type { PageReader, RowOutcome } from './page-reader.js';
import { type Row, TOO_LONG } from './schema.js';
import { messageTable } from './tables.js';
import { int32Of, wholeOf } from './value.js';

const at = messageTable.at;

/** Reads pages of the modern table `message`, merged with the tables beside it. */
export class ModernPages implements PageReader {
  readonly cursor: RangeCursor;
  private readonly sides: ModernSides;
  private readonly message: ModernMessage;
  private readonly deletions: Deletions;
  private readonly fields: MessageFields = emptyFields();

  constructor(
    private readonly file: ImportFile,
    cursor: RangeCursor,
  ) {
    this.cursor = cursor;
    this.sides = new ModernSides(file);
    this.message = new ModernMessage(file, this.sides);
    this.deletions = Deletions.read(file.keyset);
  }

  open(afterId: number, throughId: number, maxRows: number): void {
    this.cursor.open(afterId, throughId, maxRows);
    if (this.cursor.id !== NO_ROW) this.sides.open(afterId, throughId);
  }

  close(): void {
    this.cursor.close();
    this.sides.close();
  }

  readRow(): RowOutcome {
    const { row } = this.cursor;
    if (isSentinel(row)) return 'sentinel';
    const chat = this.file.chat(wholeOf(row[at.chat_row_id]));
    if (typeof chat === 'string') return chat;
    const keyId = messageIdOf(row[at.key_id]);
    if (keyId === undefined || row[at.text_data] === TOO_LONG) return 'malformed';
    return this.write(row, chat, keyId);
  }

  private write(row: Row, chat: FileChat, keyId: string): RowOutcome {
    const { fields, message, file } = this;
    message.identity(fields, row, chat, keyId);
    if (this.isDeleted(row, chat)) {
      file.writer.deleted(fields, chat.number);
      return 'deleted';
    }
    try {
      message.rest(fields, row, chat);
    } catch (error) {
      if (error instanceof TooManyRows) return 'malformed';
      throw error;
    }
    return file.writer.message(fields, chat.number) ? 'message' : 'malformed';
  }

  private isDeleted(row: Row, chat: FileChat): boolean {
    const id = wholeOf(row[0]);
    const sortId = wholeOf(row[at.sort_id]);
    const starred = wholeOf(row[at.starred]) !== 0;
    return this.deletions.hides(chat.rowId, id, sortId > 0 ? sortId : id, starred, int32Of(row[at.message_type]));
  }
}

/** The first row of every message table is a dummy: id `-1` in chat −1, the rest mostly NULL. */
function isSentinel(row: Row): boolean {
  return row[at.chat_row_id] === -1 ? row[at.key_id] === '-1' : row[0] === 1 && row[at.chat_row_id] === null;
}
