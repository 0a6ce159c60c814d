import type { SyntheticAccount } from './synthetic-account.js';
import type { SyntheticChanges, SyntheticMessage, SyntheticMessages } from './synthetic-message.js';
import { mediaKinds } from './modern-row-columns.js';
import { Random, randomBytes } from './synthetic-random.js';
import type { Cell, RowWriter, TableWriter } from './table-writer.js';

const columns =
  '_id key_remote_jid key_from_me key_id status needs_push data timestamp media_url media_mime_type media_wa_type ' +
  'media_size media_name media_caption media_hash media_duration origin latitude longitude remote_resource ' +
  'received_timestamp receipt_server_timestamp recipient_count starred quoted_row_id mentioned_jids edit_version forwarded';

/** Writes messages as rows of the legacy tables, in which every address is a text. */
export class LegacyRows {
  readonly #account: SyntheticAccount;
  readonly #random = new Random();
  readonly #messages: RowWriter;
  readonly #quotes: RowWriter;
  readonly #vcards: RowWriter;
  readonly #thumbnails: RowWriter;
  #quoteId: number;

  constructor(
    readonly messages: SyntheticMessages,
    tables: TableWriter,
    readonly rowBase: number,
  ) {
    this.#account = messages.account;
    this.#quoteId = rowBase;
    this.#messages = tables.into('messages', columns);
    this.#quotes = tables.into('messages_quotes', columns);
    this.#vcards = tables.into('messages_vcards', 'message_row_id sender_jid chat_jid vcard');
    this.#thumbnails = tables.into('message_thumbnails', 'thumbnail timestamp key_remote_jid key_from_me key_id');
  }

  /** Writes a message with everything that hangs on it. */
  write(message: SyntheticMessage, changes: SyntheticChanges): void {
    const id = this.rowBase + message.number;
    this.#messages(...this.#cells(id, message, changes, this.#quoted(message)));
    if (message.type !== 4 && message.type !== 14) return;
    for (let card = 0; card < (message.type === 4 ? 1 : 3); card++) {
      const name = this.#account.words.name(this.#random);
      const sender = this.#account.jidOf(message.sender, false);
      this.#vcards(id, sender, message.chat.jid, `BEGIN:VCARD\nVERSION:3.0\nFN:${name}\nEND:VCARD`);
    }
  }

  #quoted(message: SyntheticMessage): number {
    const back = message.number & 7;
    if (back === 0 || message.type !== 0 || message.number % 8 !== 5) return 0;
    const original = this.messages.message(message.number - 1 - (message.number % back));
    if (original.number < 1) return 0;
    const untouched = this.messages.changes(original, 0);
    this.#quotes(...this.#cells(++this.#quoteId, original, { ...untouched, revoked: 'no' }, 0));
    return this.#quoteId;
  }

  #cells(id: number, message: SyntheticMessage, changes: SyntheticChanges, quote: number): Cell[] {
    const random = this.#random;
    random.start(this.#account.options.seed, message.number, 7);
    const dice = random.next();
    const revoked = changes.revoked !== 'no';
    const system = message.type === 7;
    const media = [1, 2, 3, 9, 13, 20, 42, 43].includes(message.type) && !revoked;
    const located = (message.type === 5 || message.type === 16) && !revoked;
    const group = message.chat.members.length > 0;
    const mentions = group && message.type === 0 && dice % 25 === 2 && !revoked;
    if (media && message.type === 1) {
      this.#thumbnails(randomBytes(random, 240), '2021', message.chat.jid, message.fromMe ? 1 : 0, message.keyId);
    }
    return [
      id,
      message.chat.jid,
      message.fromMe ? 1 : 0,
      message.keyId,
      system ? 6 : message.fromMe ? changes.status : 0,
      0,
      revoked || media ? null : message.text,
      message.sentMs,
      media ? `https://mmg.whatsapp.net/d/f/${String(random.next())}.enc` : null,
      media ? (mediaKinds[message.type]?.[0] ?? null) : null,
      system ? '0' : String(revoked ? 0 : message.type),
      system ? random.pick([1, 4, 5, 11, 12, 14, 18, 19]) : media ? random.below(2_000_000) : 0,
      media && message.type === 9 ? 'report.pdf' : located ? 'A place' : null,
      media ? message.text : null,
      media ? randomBytes(random, 32).toString('base64') : null,
      media && (message.type === 2 || message.type === 3) ? random.below(120) : 0,
      message.type === 2 && dice % 5 !== 0 ? 1 : 0,
      located ? random.below(18_000_000) / 100_000 - 90 : 0,
      located ? random.below(36_000_000) / 100_000 - 180 : 0,
      message.sender < 0 ? null : this.#account.jidOf(message.sender, false),
      message.fromMe ? -1 : message.sentMs + 400,
      message.fromMe ? message.sentMs + 200 : -1,
      0,
      changes.starred ? 1 : null,
      quote,
      mentions
        ? message.chat.members
            .slice(0, 2)
            .map((member) => this.#account.jidOf(member, false))
            .join(',')
        : null,
      revoked ? 7 : 0,
      dice % 64 === 0 && !revoked ? 1 : 0,
    ];
  }
}
