import type { Address } from './addresses.js';
import { TooManyRows } from './children.js';
import { Deletions } from './deleted.js';
import type { ImportFile } from './import-file.js';
import type { RangeCursor } from './keyset.js';
import { LegacyMessage } from './legacy-message.js';
import { emptyFields, type MessageFields } from './message-fields.js';
import { messageIdOf } from './message-id.js';
import type { PageReader, RowOutcome } from './page-reader.js';
import { type Row, TOO_LONG } from './schema.js';
import { legacyTable } from './legacy-tables.js';
import { textOf, wholeOf } from './value.js';

const at = legacyTable.at;

/** Reads pages of the legacy table `messages`. Its rows carry their chat's address and need no row of `chat`. */
export class LegacyPages implements PageReader {
  private readonly message: LegacyMessage;
  private readonly deletions: Deletions;
  /** Rows of `chat` by canonical JID, for those that `deleted_chat_job` speaks of. */
  private readonly emptied: ReadonlyMap<string, readonly number[]>;
  private readonly fields: MessageFields = emptyFields();

  constructor(
    private readonly file: ImportFile,
    readonly cursor: RangeCursor,
  ) {
    this.message = new LegacyMessage(file);
    this.deletions = Deletions.read(file.keyset);
    this.emptied = emptiedChats(file, this.deletions);
  }

  open(afterId: number, throughId: number, maxRows: number): void {
    this.cursor.open(afterId, throughId, maxRows);
  }

  close(): void {
    this.cursor.close();
  }

  readRow(): RowOutcome {
    const { row } = this.cursor;
    const remote = row[at.key_remote_jid];
    if (remote === '-1' || (row[0] === 1 && remote === null)) return 'sentinel';
    const chat = this.file.addresses.ofText(textOf(remote));
    const keyId = messageIdOf(row[at.key_id]);
    const tooLong = row[at.data] === TOO_LONG || row[at.media_caption] === TOO_LONG;
    return chat === undefined || keyId === undefined || tooLong ? 'malformed' : this.write(row, chat, keyId);
  }

  private write(row: Row, chat: Address, keyId: string): RowOutcome {
    const { fields, message, file } = this;
    const chatNumber = file.numberOf(chat.jid);
    message.identity(fields, row, chat, keyId);
    if (this.isDeleted(row, chat)) {
      file.writer.deleted(fields, chatNumber);
      return 'deleted';
    }
    if (message.isDuplicate(fields)) return 'duplicate';
    try {
      message.rest(fields, row, chat);
    } catch (error) {
      if (error instanceof TooManyRows) return 'malformed';
      throw error;
    }
    return file.writer.message(fields, chatNumber) ? 'message' : 'malformed';
  }

  /** In this table the bounds of the job are `_id`s: so WhatsApp's own view has it. */
  private isDeleted(row: Row, chat: Address): boolean {
    const rowIds = this.emptied.get(chat.jid);
    if (rowIds === undefined) return false;
    const id = wholeOf(row[0]);
    const starred = wholeOf(row[at.starred]) !== 0;
    const type = row[at.media_wa_type];
    return rowIds.some((rowId) => this.deletions.hides(rowId, id, id, starred, textOf(type)));
  }
}

function emptiedChats(file: ImportFile, deletions: Deletions): Map<string, number[]> {
  const emptied = new Map<string, number[]>();
  for (const rowId of deletions.chatRowIds()) {
    const chat = file.chat(rowId);
    if (typeof chat === 'string') continue;
    const known = emptied.get(chat.address.jid);
    if (known === undefined) emptied.set(chat.address.jid, [rowId]);
    else known.push(rowId);
  }
  return emptied;
}
