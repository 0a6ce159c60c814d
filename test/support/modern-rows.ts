import type { SyntheticAccount } from './synthetic-account.js';
import type { SyntheticChanges, SyntheticMessage, SyntheticMessages } from './synthetic-message.js';
import { ModernAddOns } from './modern-add-ons.js';
import { mediaKinds, rowColumns, type RowName } from './modern-row-columns.js';
import { hexDigits, Random, randomBytes } from './synthetic-random.js';
import type { RowWriter, TableWriter } from './table-writer.js';

/** Writes messages as rows of the modern tables. */
export class ModernRows {
  readonly #account: SyntheticAccount;
  readonly #random = new Random();
  readonly #rows: Record<RowName, RowWriter>;
  readonly #addOns: ModernAddOns;
  #callId: number;

  constructor(
    readonly messages: SyntheticMessages,
    tables: TableWriter,
    readonly rowBase: number,
  ) {
    this.#account = messages.account;
    this.#callId = rowBase;
    const prepared = Object.entries(rowColumns).map(([name, columns]) => [name, tables.into(name, columns)]);
    // Safety: the entries have exactly the names of `rowColumns`.
    this.#rows = Object.fromEntries(prepared) as Record<RowName, RowWriter>;
    this.#addOns = new ModernAddOns(this.#account, this.#rows, this.#random, rowBase);
  }

  /** How many reactions were written, removed ones included. */
  get reactions(): number {
    return this.#addOns.reactions;
  }

  /** Writes a message with everything that hangs on it. */
  write(message: SyntheticMessage, changes: SyntheticChanges): void {
    const random = this.#random;
    const { seed } = this.#account.options;
    // Streams of their own, so that a message's content does not depend on what happened to it.
    random.start(seed, message.number, 8);
    const id = this.rowBase + message.number;
    const editKey = hexDigits(random, 4);
    const editedText = changes.edited ? `${message.text ?? ''} (${this.#account.words.text(random)})` : message.text;
    random.start(seed, message.number, 7);
    const revoked = changes.revoked !== 'no';
    const type = changes.revoked === 'by-admin' ? 64 : revoked ? 15 : message.type;
    const dice = random.next();
    const forwarded = type < 4 && dice % 64 === 0;
    const sender = message.sender < 0 ? 0 : this.#account.jidRowOf(message.sender, message.senderAsLid);
    this.#rows.message(
      id,
      message.inTwin ? message.chat.twinRowId : message.chat.rowId,
      message.fromMe ? 1 : 0,
      changes.edited && !revoked && dice % 3 === 0 ? editKey : message.keyId,
      sender === 0 && dice % 5 === 0 ? null : sender,
      message.type === 7 ? 6 : message.fromMe ? changes.status : type === 2 && dice % 2 === 0 ? 9 : 0,
      0,
      0,
      forwarded ? 1 : 0,
      type === 2 && dice % 5 !== 0 ? 1 : 0,
      message.sentMs,
      message.fromMe ? 0 : message.sentMs + 300 + (dice & 0x7ff),
      message.fromMe ? message.sentMs + 200 : -1,
      type,
      revoked ? null : editedText,
      changes.starred ? 1 : 0,
      0,
      0,
      id,
    );
    if (revoked) {
      const admin = changes.revoked === 'by-admin' ? this.#account.jidRowOf(message.chat.members[0] ?? -1, true) : null;
      this.#rows.message_revoked(id, message.keyId, admin, message.sentMs + 60_000);
    } else {
      this.#content(message, id, type, dice);
      if (changes.edited)
        this.#rows.message_edit_info(id, message.keyId, message.sentMs + 90_000, message.sentMs + 89_000);
      if (forwarded && dice % 128 !== 0) this.#rows.message_forwarded(id, dice % 512 === 64 ? 127 : 1);
    }
    if (message.type !== 7) {
      random.start(seed, message.number, 9);
      if ((dice >>> 4) % 16 === 0) this.#addOns.react(message, id, changes.reactionsChanged);
      if (message.fromMe) this.#addOns.receipts(message, id, changes.status);
      if (message.chat.ephemeralSeconds > 0) {
        const seconds = message.chat.ephemeralSeconds;
        this.#rows.message_ephemeral(id, seconds, message.sentMs + seconds * 1000);
      }
      if (dice % 10 < 5) this.#rows.message_secret(id, randomBytes(random, 32));
    }
  }

  #content(message: SyntheticMessage, id: number, type: number, dice: number): void {
    const random = this.#random;
    const { words } = this.#account;
    switch (type) {
      case 0:
        if ((dice >>> 8) % 50 === 0)
          this.#rows.message_text(id, words.text(random), words.name(random), `https://example.org/${message.keyId}`);
        if ((dice >>> 8) % 8 === 1) this.#quote(message, id);
        if (message.chat.kind === 'group' && (dice >>> 8) % 25 === 2) this.#mention(message, id);
        return;
      case 4:
      case 14:
        for (let card = 0; card < (type === 4 ? 1 : 3); card++) {
          const name = words.name(random);
          this.#rows.message_vcard(
            id,
            `BEGIN:VCARD\nVERSION:3.0\nFN:${name}\nTEL;waid=49${String(random.next())}:+49\nEND:VCARD`,
          );
        }
        return;
      case 5:
      case 16: {
        const live = type === 16;
        const latitude = random.below(18_000_000) / 100_000 - 90;
        const longitude = random.below(36_000_000) / 100_000 - 180;
        this.#rows.message_location(
          id,
          message.chat.rowId,
          latitude,
          longitude,
          live ? null : words.name(random),
          live ? '' : words.text(random),
          live ? 900 : null,
          live ? latitude / 2 : null,
          live ? longitude / 2 : null,
          live ? message.sentMs + 800_000 : null,
        );
        return;
      }
      case 7:
        this.#system(message, id);
        return;
      case 10:
        this.#rows.missed_call_logs(id, message.sentMs, dice & 1, 0);
        return;
      case 90: {
        const group = message.chat.kind === 'group' ? message.chat.jidRow : 0;
        const answered = (dice >>> 4) % 3 !== 0;
        const other =
          message.chat.person < 0 ? message.chat.jidRow : this.#account.jidRowOf(message.chat.person, false);
        const bytes = answered ? random.next() : null;
        this.#rows.call_log(
          ++this.#callId,
          other,
          message.fromMe ? 1 : 0,
          `call:${message.keyId}`,
          -1,
          message.sentMs,
          dice & 1,
          answered ? 1 + random.below(4000) : 0,
          answered ? 5 : 2,
          bytes,
          group,
        );
        this.#rows.message_call_log(id, this.#callId);
        return;
      }
      case 24:
        this.#rows.message_group_invite(
          id,
          this.#account.chats.find(({ kind }) => kind === 'group')?.jidRow ?? 0,
          0,
          words.name(random),
          hexDigits(random, 2),
          message.sentMs + 259_200_000,
        );
        return;
      case 36:
      case 56:
        this.#rows.message_ephemeral_setting(id, 604_800);
        return;
      case 66:
      case 106:
        this.#addOns.poll(message, id);
        return;
      case 92:
        this.#addOns.event(message, id);
        return;
      case 99:
        this.#rows.message_album(id, 2, 1);
        return;
      default:
        if ([1, 2, 3, 9, 13, 20, 42, 43, 81, 82].includes(type)) this.#media(message, id, type, dice);
    }
  }

  #media(message: SyntheticMessage, id: number, type: number, dice: number): void {
    const random = this.#random;
    const [mime = '', folder = ''] = mediaKinds[type] ?? mediaKinds[1] ?? [];
    const visual = type !== 2 && type !== 9 && type !== 82;
    const timed = type === 2 || type === 3 || type === 43 || type === 81 || type === 82;
    const name = type === 9 ? `${this.#account.words.name(random)}.pdf` : null;
    const size = 1000 + random.below(2_000_000);
    const hash = randomBytes(random, 32).toString('base64');
    const onPhone = dice % 3 !== 0;
    this.#rows.message_media(
      id,
      message.chat.rowId,
      onPhone ? `Media/WhatsApp ${folder}/${message.keyId}` : null,
      onPhone ? size : null,
      size,
      mime,
      name,
      type === 9 && message.text === null && dice % 2 === 0 ? this.#account.words.text(random) : null,
      timed ? 1 + random.below(120) : 0,
      visual ? 1080 : 0,
      visual ? 1920 : 0,
      hash,
      randomBytes(random, 32).toString('base64'),
      randomBytes(random, 32),
      `/v/t62.7118-24/${String(random.next())}_n.enc?ccb=11-4`,
      `https://mmg.whatsapp.net/v/${String(random.next())}`,
      type === 82 || (type === 2 && dice % 50 === 0) ? this.#account.words.text(random) : null,
    );
    if (visual && type !== 20) this.#rows.message_thumbnail(id, randomBytes(random, 240));
    if (type === 20 && dice % 8 === 0) this.#rows.media_hash_thumbnail(hash, randomBytes(random, 120));
    if (type === 42 || type === 43 || type === 82) this.#rows.message_view_once_media(id, dice % 3);
    if (message.album !== 0) this.#rows.message_association(id, this.rowBase + message.album, 2);
  }

  #quote(message: SyntheticMessage, id: number): void {
    const back = message.number & 7;
    if (back === 0) return;
    const original = this.messages.message(message.number - 1 - this.#random.below(back));
    if (original.number < 1) return;
    const sender = original.sender < 0 ? 0 : this.#account.jidRowOf(original.sender, original.senderAsLid);
    const chat = message.inTwin ? message.chat.twinRowId : message.chat.rowId;
    this.#rows.message_quoted(
      id,
      chat,
      chat,
      original.fromMe ? 1 : 0,
      sender,
      original.keyId,
      original.sentMs,
      original.type,
      original.text,
    );
  }

  #mention(message: SyntheticMessage, id: number): void {
    const random = this.#random;
    const mentioned = new Set([random.pick(message.chat.members), random.pick(message.chat.members)]);
    for (const person of mentioned)
      this.#rows.message_mentions(id, this.#account.jidRowOf(person, random.next() % 2 === 0));
  }

  #system(message: SyntheticMessage, id: number): void {
    const random = this.#random;
    const action = random.pick(message.chat.kind === 'group' ? groupActions : directActions);
    this.#rows.message_system(id, action);
    if ([4, 5, 7, 12, 13, 14, 15, 16, 20, 79].includes(action)) {
      const count = 1 + random.below(3);
      for (let n = 0; n < count; n++)
        this.#rows.message_system_chat_participant(
          id,
          this.#account.jidRowOf(random.pick(message.chat.members), n % 2 === 0),
        );
    }
    if (action === 1) this.#rows.message_system_value_change(id, this.#account.words.name(random));
    if (action === 12) this.#rows.message_system_group(id, 0);
    if (action === 6) this.#rows.message_system_photo_change(id, String(random.next()));
    if (action === 58) this.#rows.message_system_block_contact(id, random.next() & 1);
    if (action === 28)
      this.#rows.message_system_number_change(
        id,
        this.#account.jidRowOf(message.chat.person, false),
        this.#account.jidRowOf(message.chat.person + 1, false),
      );
  }
}

const groupActions = [1, 2, 4, 5, 6, 7, 11, 12, 12, 12, 13, 14, 15, 16, 20, 21, 27, 29, 70, 79, 84, 118, 400] as const;
const directActions = [18, 19, 28, 46, 56, 57, 58, 67, 129, 136, 165] as const;
