import { knownId } from './message-id.js';
import { messageKind } from '../../domain/message-kind.js';
import type { Address } from './addresses.js';
import { MessageFinder } from './canonical-id.js';
import { Related } from './children.js';
import type { ImportFile } from './import-file.js';
import {
  type LocationFields,
  type MediaFields,
  type MessageFields,
  type QuotedFields,
  removeContent,
} from './message-fields.js';
import type { Row } from './schema.js';
import { legacyQuoteTable, legacyTable, legacyVcardTable } from './legacy-tables.js';
import { doubleOf, int32Of, sha256Of, textOf, timeOf, uint32Of, wholeOf } from './value.js';
import { deliveryOf, isViewOnce, kindOf, systemEventKindOf, waType } from './wa-type.js';

const at = legacyTable.at;

/** `status` of a row that is a notice of the system; `media_size` is its action then. */
const STATUS_SYSTEM = 6;

/** `edit_version` of a message that was deleted for everyone. */
const EDIT_REVOKED = 7;

const NONE: readonly never[] = [];

/** Kinds whose media columns describe a file; other kinds use the columns for other things. */
const FILES: ReadonlySet<number> = new Set([
  messageKind.image,
  messageKind.video,
  messageKind.audio,
  messageKind.voice,
  messageKind.document,
  messageKind.sticker,
  messageKind.gif,
  messageKind.videoNote,
]);

/** Reads rows of the legacy table into fields: it carries nearly everything in columns of its own. */
export class LegacyMessage {
  private readonly quotes: Related | undefined;
  private readonly vcards: Related | undefined;
  private readonly finder: MessageFinder;

  constructor(private readonly file: ImportFile) {
    this.quotes = Related.open(file.keyset, legacyQuoteTable, file.indexes);
    this.vcards = Related.open(file.keyset, legacyVcardTable, file.indexes);
    this.finder = new MessageFinder(file);
  }

  /** Fills in who, where and under which id, and the sender's name. */
  identity(fields: MessageFields, row: Row, chat: Address, keyId: string): void {
    fields.chatJid = this.file.lids.use(chat);
    fields.fromMe = wholeOf(row[at.key_from_me]) !== 0;
    const sender = this.senderOf(fields.fromMe, chat, row[at.remote_resource]);
    fields.senderJid = this.file.lids.use(sender);
    fields.senderName = sender === undefined ? '' : sender.name;
    fields.messageId = keyId;
    fields.alternateMessageIds = NONE;
  }

  /** Tells whether the modern table of the same file has the message, too: that row wins. */
  isDuplicate(fields: MessageFields): boolean {
    return this.finder.exists(fields.chatJid, fields.fromMe, fields.messageId);
  }

  /** Fills in everything else. Throws `TooManyRows`. */
  rest(fields: MessageFields, row: Row, chat: Address): void {
    const id = wholeOf(row[0]);
    const type = typeOf(row[at.media_wa_type]);
    const isSystem = type === waType.text && row[at.status] === STATUS_SYSTEM;
    const byAdmin = type === waType.revokedByAdmin;
    const isRevoked = byAdmin || type === waType.revokedBySender || row[at.edit_version] === EDIT_REVOKED;
    fields.ordinal = id;
    fields.waType = isRevoked ? (byAdmin ? type : waType.revokedBySender) : isSystem ? waType.system : type;
    fields.kind = kindOf(fields.waType, wholeOf(row[at.origin]));
    fields.sentMs = timeOf(row[at.timestamp]);
    fields.receivedMs = timeOf(row[at.received_timestamp]);
    const status = row[at.status];
    fields.deliveryState = typeof status === 'number' ? deliveryOf(status, fields.fromMe) : 0;
    fields.starred = wholeOf(row[at.starred]) !== 0;
    removeContent(fields);
    fields.revocation = isRevoked ? { revokeMs: 0, adminJid: '', byAdmin } : undefined;
    if (isRevoked) return;
    const data = textOf(row[at.data]);
    fields.text = data || textOf(row[at.media_caption]);
    fields.viewOnce = isViewOnce(type);
    fields.forwardScore = uint32Of(row[at.forwarded]);
    fields.mentionedJids = this.mentions(textOf(row[at.mentioned_jids]));
    fields.quoted = this.quoted(row, chat);
    if (isSystem) {
      const action = int32Of(row[at.media_size]);
      const kind = systemEventKindOf(action, waType.system);
      fields.systemEvent = { kind, waAction: action, participantJids: NONE, value: data, oldValue: '' };
    }
    if (fields.kind === messageKind.contact) this.contacts(fields, id, data);
    if (fields.kind === messageKind.location || fields.kind === messageKind.liveLocation) {
      fields.location = locationOf(row);
    }
    if (FILES.has(fields.kind)) fields.media = mediaOf(row);
  }

  private senderOf(fromMe: boolean, chat: Address, resource: Row[number] | undefined): Address | undefined {
    if (fromMe) return undefined;
    return chat.person ? chat : this.file.addresses.ofText(textOf(resource));
  }

  private quoted(row: Row, chat: Address): QuotedFields | undefined {
    const quoteId = wholeOf(row[at.quoted_row_id]);
    const quote = quoteId > 0 ? this.quotes?.first(quoteId) : undefined;
    if (quote === undefined) return undefined;
    const q = legacyQuoteTable.at;
    const fromMe = wholeOf(quote[q.key_from_me]) !== 0;
    const from = this.file.addresses.ofText(textOf(quote[q.key_remote_jid])) ?? chat;
    const type = typeOf(quote[q.media_wa_type]);
    return {
      chatJid: this.file.lids.use(from),
      senderJid: this.file.lids.use(this.senderOf(fromMe, from, quote[q.remote_resource])),
      fromMe,
      messageId: knownId(quote[q.key_id]),
      kind: kindOf(type, wholeOf(quote[q.origin])),
      text: textOf(quote[q.data]) || textOf(quote[q.media_caption]),
      sentMs: timeOf(quote[q.timestamp]),
      waType: type,
    };
  }

  /** The column is a list of addresses, separated by commas. */
  private mentions(list: string): readonly string[] {
    if (list === '') return NONE;
    const jids = new Set<string>();
    for (const address of list.split(',')) {
      const jid = this.file.lids.use(this.file.addresses.ofText(address.trim()));
      if (jid !== '') jids.add(jid);
    }
    return [...jids].sort();
  }

  /** A contact is in `messages_vcards`, in older files in the row itself, where the text would be. */
  private contacts(fields: MessageFields, id: number, data: string): void {
    const rows = this.vcards?.of(id) ?? [];
    const cards = rows.map((row) => textOf(row[legacyVcardTable.at.vcard])).filter((card) => card !== '');
    fields.vcards = cards;
    if (!data.startsWith('BEGIN:VCARD')) return;
    fields.text = '';
    if (cards.length === 0) fields.vcards = [data];
  }
}

/** The type is a text here: `'1'`. */
function typeOf(value: Row[number] | undefined): number {
  const digits = textOf(value);
  return /^-?\d{1,9}$/.test(digits) ? Number(digits) : waType.text;
}

function locationOf(row: Row): LocationFields {
  return {
    latitude: doubleOf(row[at.latitude]),
    longitude: doubleOf(row[at.longitude]),
    name: textOf(row[at.media_name]),
    address: '',
    liveDurationSeconds: 0,
    finalLatitude: 0,
    finalLongitude: 0,
    finalMs: 0,
  };
}

function mediaOf(row: Row): MediaFields {
  return {
    mimeType: textOf(row[at.media_mime_type]),
    fileName: textOf(row[at.media_name]),
    filePath: '',
    sizeBytes: Math.max(wholeOf(row[at.media_size]), 0),
    sha256: sha256Of(row[at.media_hash]),
    encryptedSha256: sha256Of(row[at.media_enc_hash]),
    mediaKey: undefined,
    directPath: '',
    url: textOf(row[at.media_url]),
    durationSeconds: uint32Of(row[at.media_duration]),
    width: 0,
    height: 0,
    transcription: '',
  };
}
