import type Database from 'better-sqlite3';
import { isPerson, type Addresses } from './oracle-addresses.js';
import { deliveryOf, eventOf, isViewOnce, kindOf } from './oracle-kinds.js';
import { bareMessage, byCodeUnits, type ExpectedKey, type ExpectedMessage } from './oracle-message.js';
import { isMessageId, legacyKey, type SkippedRows } from './oracle-modern.js';
import {
  count32,
  flag,
  groupRows,
  int32,
  integer,
  real,
  rowsOf,
  sha256,
  text,
  time,
  type Row,
} from './oracle-tables.js';

/** Texts beyond this make their row malformed. */
const TEXT_MAX_BYTES = 1024 * 1024;

/** Legacy `status` of a row that is a notice of the system. */
const STATUS_SYSTEM = 6;

/** `edit_version` of a message that was deleted for everyone. */
const EDIT_REVOKED = 7;

/** Kinds whose media columns describe a file. */
const FILES = new Set(['IMAGE', 'VIDEO', 'AUDIO', 'VOICE', 'DOCUMENT', 'STICKER', 'GIF', 'VIDEO_NOTE']);

const LEGACY_SQL = `
  SELECT m.*, length(CAST(m.data AS BLOB)) AS textBytes, length(CAST(m.media_caption AS BLOB)) AS captionBytes,
    q._id AS quotedRow, q.key_remote_jid AS quotedChat, q.key_from_me AS quotedFromMe, q.key_id AS quotedId,
    q.remote_resource AS quotedSender, q.timestamp AS quotedTime, q.media_wa_type AS quotedType, q.origin AS quotedOrigin,
    q.data AS quotedData, q.media_caption AS quotedCaption
  FROM messages m LEFT JOIN messages_quotes q ON q._id = m.quoted_row_id AND m.quoted_row_id > 0
  ORDER BY m._id`;

/** Reads the rows of `messages`, in order of their ids; `known` are the keys of the modern rows. */
export function readLegacy(
  database: Database.Database,
  addresses: Addresses,
  known: ReadonlySet<string>,
  skipped: SkippedRows,
): { messages: ExpectedMessage[]; rows: number } {
  const vcards = groupRows(database, 'message_row_id', 'SELECT * FROM messages_vcards ORDER BY _id');
  const hidden = hiddenThrough(database, addresses);
  const messages: ExpectedMessage[] = [];
  let rows = 0;
  for (const row of rowsOf(database, LEGACY_SQL)) {
    rows++;
    const rowId = integer(row._id) ?? 0;
    const chatJid = addresses.canonical(text(row.key_remote_jid));
    const bytes = Math.max(integer(row.textBytes) ?? 0, integer(row.captionBytes) ?? 0);
    if (row.key_remote_jid === '-1' || (rowId === 1 && row.key_remote_jid === null)) {
      skipped.sentinel++;
    } else if (chatJid === undefined || !isMessageId(row.key_id) || bytes > TEXT_MAX_BYTES) {
      skipped.malformed++;
    } else if ((hidden.get(chatJid) ?? []).some((hides) => hides(row, rowId))) {
      skipped.deleted++;
    } else if (known.has(legacyKey(chatJid, flag(row.key_from_me), row.key_id))) {
      skipped.duplicate++;
    } else {
      const key = keyOf(addresses, chatJid, row.key_from_me, row.remote_resource, row.key_id);
      messages.push(messageOf(row, rowId, key, addresses, vcards.get(rowId) ?? []));
    }
  }
  return { messages, rows };
}

function keyOf(addresses: Addresses, chatJid: string, me: unknown, resource: unknown, id: unknown): ExpectedKey {
  const fromMe = flag(me);
  const sender = isPerson(chatJid) ? chatJid : (addresses.canonical(text(resource)) ?? '');
  return { chatJid, senderJid: fromMe ? '' : sender, fromMe, messageId: text(id) };
}

function typeOf(waType: unknown): number {
  return /^-?\d{1,9}$/.test(text(waType)) ? Number(waType) : 0;
}

function messageOf(row: Row, rowId: number, key: ExpectedKey, addresses: Addresses, vcards: Row[]): ExpectedMessage {
  const message = bareMessage('messages', rowId, key);
  const type = typeOf(row.media_wa_type);
  const system = type === 0 && integer(row.status) === STATUS_SYSTEM;
  const revoked = integer(row.edit_version) === EDIT_REVOKED || type === 15 || type === 64;
  message.waType = revoked ? (type === 64 ? 64 : 15) : system ? 7 : type;
  message.kind = kindOf(message.waType, row.origin);
  message.sentMs = time(row.timestamp);
  message.receivedMs = time(row.received_timestamp);
  message.deliveryState = deliveryOf(integer(row.status), key.fromMe);
  message.starred = flag(row.starred);
  if (!key.fromMe) message.senderName = addresses.names.get(key.senderJid)?.name ?? '';
  if (revoked) {
    message.revocation = { revokeMs: undefined, adminJid: '', byAdmin: type === 64 };
    return message;
  }
  const caption = text(row.media_caption);
  message.text = text(row.data) === '' ? caption : text(row.data);
  message.viewOnce = isViewOnce(type);
  message.forwardScore = count32(row.forwarded);
  message.mentionedJids = mentionsOf(text(row.mentioned_jids), addresses);
  if (row.quotedRow !== null) {
    const chatJid = addresses.canonical(text(row.quotedChat)) ?? key.chatJid;
    message.quoted = {
      key: keyOf(addresses, chatJid, row.quotedFromMe, row.quotedSender, row.quotedId),
      kind: kindOf(typeOf(row.quotedType), row.quotedOrigin),
      text: text(row.quotedData) === '' ? text(row.quotedCaption) : text(row.quotedData),
      sentMs: time(row.quotedTime),
      waType: typeOf(row.quotedType),
    };
  }
  if (system) {
    const action = int32(row.media_size);
    message.systemEvent = {
      kind: eventOf(action, 7),
      waAction: action,
      participantJids: [],
      value: text(row.data),
      oldValue: '',
    };
  }
  if (message.kind === 'CONTACT') addContacts(message, vcards, row);
  if (message.kind === 'LOCATION' || message.kind === 'LIVE_LOCATION') {
    message.location = {
      latitude: real(row.latitude),
      longitude: real(row.longitude),
      name: text(row.media_name),
      address: '',
      liveDurationSeconds: 0,
      finalLatitude: 0,
      finalLongitude: 0,
      finalMs: undefined,
    };
  }
  if (FILES.has(message.kind)) {
    message.media = {
      mimeType: text(row.media_mime_type),
      fileName: text(row.media_name),
      filePath: '',
      sizeBytes: Math.max(integer(row.media_size) ?? 0, 0),
      sha256: sha256(row.media_hash),
      encryptedSha256: sha256(row.media_enc_hash),
      mediaKey: '',
      directPath: '',
      url: text(row.media_url),
      durationSeconds: count32(row.media_duration),
      width: 0,
      height: 0,
      transcription: '',
    };
  }
  return message;
}

/** A contact is in `messages_vcards`, in older files in the row itself, where the text would be. */
function addContacts(message: ExpectedMessage, vcards: Row[], row: Row): void {
  message.contactCards = vcards.map((card) => text(card.vcard)).filter((card) => card !== '');
  if (!text(row.data).startsWith('BEGIN:VCARD')) return;
  message.text = '';
  if (message.contactCards.length === 0) message.contactCards = [text(row.data)];
}

function mentionsOf(list: string, addresses: Addresses): string[] {
  const jids = list.split(',').flatMap((address) => addresses.canonical(address.trim()) ?? []);
  return [...new Set(jids)].sort(byCodeUnits);
}

type Hides = (row: Row, rowId: number) => boolean;

/** What `deleted_chat_job` hides in the legacy table, by chat: there the bounds are `_id`s. */
function hiddenThrough(database: Database.Database, addresses: Addresses): Map<string, Hides[]> {
  const hidden = new Map<string, Hides[]>();
  const sql = `SELECT j.*, coalesce(c.account_jid_row_id, c.jid_row_id) AS jidRow
    FROM deleted_chat_job j JOIN chat c ON c._id = j.chat_row_id`;
  for (const job of rowsOf(database, sql)) {
    const jid = addresses.byRow.get(integer(job.jidRow) ?? 0);
    if (jid === undefined) continue;
    const rules = hidden.get(jid) ?? [];
    rules.push((row, rowId) => {
      const starred = flag(row.starred);
      const bound = (value: unknown): number => (value === null ? 1 : (integer(value) ?? 0));
      if (rowId <= bound(starred ? job.deleted_starred_message_row_id : job.deleted_message_row_id)) return true;
      const through = starred ? job.deleted_categories_starred_message_row_id : job.deleted_categories_message_row_id;
      return rowId <= bound(through) && text(job.deleted_message_categories).includes(`"${text(row.media_wa_type)}"`);
    });
    hidden.set(jid, rules);
  }
  return hidden;
}
