import type Database from 'better-sqlite3';
import { isPerson, type Addresses } from './oracle-addresses.js';
import { deliveryOf, eventOf, isViewOnce, kindOf } from './oracle-kinds.js';
import {
  bareMessage,
  byCodeUnits,
  type ExpectedKey,
  type ExpectedMedia,
  type ExpectedMessage,
  type ExpectedQuoted,
  type ExpectedSystemEvent,
} from './oracle-message.js';
import { deletedIds, MESSAGE_SQL } from './oracle-modern-sql.js';
import { Sides, statedTime } from './oracle-sides.js';
import { count32, flag, int32, integer, real, rowsOf, sha256, text, time, type Row } from './oracle-tables.js';

/** Why rows became no message. */
export interface SkippedRows {
  sentinel: number;
  orphan: number;
  deleted: number;
  duplicate: number;
  malformed: number;
}

/** Texts beyond this make their row malformed. */
const TEXT_MAX_BYTES = 1024 * 1024;

/** Reads the rows of `message`, in order of their ids; `skipped` is counted up. */
export function readModern(database: Database.Database, addresses: Addresses, skipped: SkippedRows): ModernReading {
  const recentMs = lastTime(database) - 30 * 86_400_000;
  const sides = new Sides(database, addresses);
  const deleted = deletedIds(database);
  const messages: ExpectedMessage[] = [];
  const known = new Set<string>();
  const albums: [message: ExpectedMessage, parent: number][] = [];
  const byRow = new Map<number, ExpectedMessage>();
  let rows = 0;
  for (const row of rowsOf(database, MESSAGE_SQL)) {
    rows++;
    const reason = reasonToSkip(row, addresses);
    const rowId = integer(row._id) ?? 0;
    if (reason !== undefined) {
      skipped[reason]++;
      continue;
    }
    const key = keyOf(row, addresses);
    const alternates = idsOf(row).filter((id) => id !== key.messageId);
    for (const id of idsOf(row)) known.add(legacyKey(key.chatJid, key.fromMe, id));
    if (deleted.has(rowId)) {
      skipped.deleted++;
      continue;
    }
    const message = messageOf(row, rowId, key, addresses, sides);
    const isVotedOn = message.kind === 'POLL' || message.kind === 'EVENT';
    const isRecent = message.sentMs !== undefined && recentMs > 0 && message.sentMs >= recentMs;
    if (message.kind !== 'REVOKED' && (isVotedOn || isRecent)) message.secret = secretOf(row);
    message.alternateMessageIds = [...new Set(alternates)].sort(byCodeUnits);
    messages.push(message);
    byRow.set(rowId, message);
    const parent = integer(row.albumParent);
    if (parent !== undefined && message.kind !== 'REVOKED') albums.push([message, parent]);
  }
  for (const [message, parent] of albums) message.albumMessageId = byRow.get(parent)?.key.messageId ?? '';
  resolveQuotes(messages);
  return { messages, rows, known };
}

/** What the modern table says. */
export interface ModernReading {
  messages: ExpectedMessage[];
  rows: number;
  /** Chat, direction and id of every row that has a chat, deleted ones included: see `legacyKey`. */
  known: ReadonlySet<string>;
}

/** The natural key of the legacy table. */
export function legacyKey(chatJid: string, fromMe: boolean, id: string): string {
  return JSON.stringify([chatJid, fromMe, id]);
}

/** Returns true when an id is one: not empty, at most 128 bytes, no NUL. */
export function isMessageId(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && !value.includes('\0') && Buffer.byteLength(value) <= 128;
}

function reasonToSkip(row: Row, addresses: Addresses): keyof SkippedRows | undefined {
  const id = integer(row._id);
  if ((row.key_id === '-1' && integer(row.chat_row_id) === -1) || (id === 1 && row.chat_row_id === null))
    return 'sentinel';
  const chatJidRow = integer(row.chatJidRow) ?? 0;
  if (row.chatRow === null || !addresses.rows.has(chatJidRow)) return 'orphan';
  if (!addresses.byRow.has(chatJidRow) || !isMessageId(row.key_id)) return 'malformed';
  if ((integer(row.textBytes) ?? 0) > TEXT_MAX_BYTES) return 'malformed';
  return undefined;
}

/** All ids of a row, the one that counts first. */
function idsOf(row: Row): string[] {
  const type = int32(row.message_type);
  const revoked = type === 15 || type === 64 ? [row.revoked_key_id] : [];
  return [row.original_key_id, ...revoked, row.key_id].filter(isMessageId);
}

function keyOf(row: Row, addresses: Addresses): ExpectedKey {
  const chatJid = addresses.byRow.get(integer(row.chatJidRow) ?? 0) ?? '';
  const fromMe = flag(row.from_me);
  const senderJid = senderOf(chatJid, fromMe, row.sender_jid_row_id, addresses);
  return { chatJid, senderJid, fromMe, messageId: idsOf(row)[0] ?? '' };
}

function senderOf(chatJid: string, fromMe: boolean, senderRow: unknown, addresses: Addresses): string {
  if (fromMe) return '';
  return isPerson(chatJid) ? chatJid : (addresses.byRow.get(integer(senderRow) ?? 0) ?? '');
}

function messageOf(row: Row, rowId: number, key: ExpectedKey, addresses: Addresses, sides: Sides): ExpectedMessage {
  const waType = int32(row.message_type);
  const message = bareMessage('message', rowId, key);
  const sortId = integer(row.sort_id) ?? 0;
  if (sortId > 0) message.ordinal = sortId;
  message.kind = kindOf(waType, row.origin);
  message.waType = waType;
  message.sentMs = time(row.timestamp);
  message.receivedMs = time(row.received_timestamp);
  message.deliveryState = deliveryOf(integer(row.status), key.fromMe);
  message.starred = flag(row.starred);
  message.expireMs = time(row.expire_timestamp);
  if (!key.fromMe) message.senderName = addresses.names.get(key.senderJid)?.name ?? '';
  const reactions = sides.reactions(rowId, key.chatJid);
  message.reactions = reactions.filter(({ emoji }) => emoji !== '');
  message.removedReactions = reactions.filter(({ emoji }) => emoji === '');
  if (message.kind === 'REVOKED') {
    const adminRow = integer(row.admin_jid_row_id) ?? 0;
    message.revocation = {
      revokeMs: time(row.revoke_timestamp),
      adminJid: addresses.byRow.get(adminRow) ?? '',
      byAdmin: waType === 64 || adminRow > 0,
    };
    return message;
  }
  message.text = text(row.text_data);
  if (message.text === '' && message.kind === 'DOCUMENT') message.text = text(row.media_caption);
  if (message.kind === 'EVENT') {
    // Over-long names are as good as none; the text of the message then stands for it.
    message.text = (Buffer.byteLength(text(row.eventName)) <= 4096 ? text(row.eventName) : '') || message.text;
    message.event = sides.event(rowId, key.chatJid, row);
  }
  message.viewOnce = isViewOnce(waType);
  if (row.editRow !== null) message.editMs = time(row.edited_timestamp) ?? time(row.editSenderTime);
  message.forwardScore =
    row.forwardedRow !== null ? count32(row.forward_score) : (integer(row.origination_flags) ?? 0) & 1;
  if (row.mediaRow !== null) message.media = mediaOf(row);
  if (row.quotedRow !== null) message.quoted = quotedOf(row, key, addresses);
  message.mentionedJids = sides.mentions(rowId);
  message.contactCards = sides.vcards(rowId);
  message.poll = sides.poll(rowId, key.chatJid, row);
  if (message.kind === 'CALL') message.call = sides.call(rowId, row);
  if (message.kind === 'SYSTEM') message.systemEvent = systemEventOf(row, rowId, waType, addresses, sides);
  if (row.albumRow !== null) {
    message.album = { imageCount: count32(row.image_count), videoCount: count32(row.video_count) };
  }
  if (row.locationRow !== null) {
    message.location = {
      latitude: real(row.latitude),
      longitude: real(row.longitude),
      name: text(row.place_name),
      address: text(row.place_address),
      liveDurationSeconds: count32(row.live_location_share_duration),
      finalLatitude: real(row.live_location_final_latitude),
      finalLongitude: real(row.live_location_final_longitude),
      finalMs: time(row.live_location_final_timestamp),
    };
  }
  if (row.inviteRow !== null) {
    message.groupInvite = {
      groupJid: addresses.byRow.get(integer(row.inviteGroup) ?? 0) ?? '',
      groupName: text(row.group_name),
      inviteCode: text(row.invite_code),
      expireMs: statedTime(row.expiration),
    };
  }
  const preview = { url: text(row.url), title: text(row.page_title), description: text(row.description) };
  // The table also holds the colours of a status, without any link.
  if (preview.url !== '' || preview.title !== '' || preview.description !== '') message.linkPreview = preview;
  return message;
}

/** The newest time among the last rows that no wrong clock wrote; 0 for none. */
function lastTime(database: Database.Database): number {
  const times = ['message', 'messages'].flatMap((table) =>
    [...rowsOf(database, `SELECT timestamp, received_timestamp FROM ${table} ORDER BY _id DESC LIMIT 100`)].flatMap(
      (row) => [time(row.timestamp) ?? 0, time(row.received_timestamp) ?? 0],
    ),
  );
  return Math.max(0, ...times.filter((ms) => ms >= Date.UTC(2009, 0, 1) && ms <= Date.now() + 86_400_000));
}

/** A secret has 32 bytes; the first polls had it in their own row. */
function secretOf({ message_secret: own, enc_key: ofPoll }: Row): string {
  const known = [own, ofPoll].find((secret) => Buffer.isBuffer(secret) && secret.length === 32);
  return Buffer.isBuffer(known) ? known.toString('hex') : '';
}

function mediaOf(row: Row): ExpectedMedia {
  const size = integer(row.file_size) ?? 0;
  const length = integer(row.file_length) ?? 0;
  return {
    mimeType: text(row.mime_type),
    fileName: text(row.media_name),
    filePath: text(row.file_path),
    sizeBytes: Math.max(size > 0 ? size : length, 0),
    sha256: sha256(row.file_hash),
    encryptedSha256: sha256(row.enc_file_hash),
    mediaKey: Buffer.isBuffer(row.media_key) ? row.media_key.toString('hex') : '',
    directPath: text(row.direct_path),
    url: text(row.message_url),
    durationSeconds: count32(row.media_duration),
    width: count32(row.width),
    height: count32(row.height),
    transcription: text(row.raw_transcription_text),
  };
}

function quotedOf(row: Row, key: ExpectedKey, addresses: Addresses): ExpectedQuoted {
  const chatJid = addresses.byRow.get(integer(row.quotedJidRow) ?? 0) ?? key.chatJid;
  const fromMe = flag(row.quotedFromMe);
  const senderJid = senderOf(chatJid, fromMe, row.quotedSender, addresses);
  const waType = int32(row.quotedType);
  return {
    key: { chatJid, senderJid, fromMe, messageId: text(row.quotedId) },
    kind: kindOf(waType, row.quotedOrigin),
    text: text(row.quotedText),
    sentMs: time(row.quotedTime),
    waType,
  };
}

function systemEventOf(
  row: Row,
  rowId: number,
  waType: number,
  addresses: Addresses,
  sides: Sides,
): ExpectedSystemEvent {
  const action = int32(row.action_type);
  const participants = sides.participants(rowId);
  const numbers = row.numberRow === null ? [] : [row.old_jid_row_id, row.new_jid_row_id];
  for (const number of numbers) {
    const jid = addresses.byRow.get(integer(number) ?? 0);
    if (jid !== undefined && !participants.includes(jid)) participants.push(jid);
  }
  return {
    kind: eventOf(action, waType),
    waAction: action,
    participantJids: participants,
    value: text(row.text_data),
    oldValue: text(row.old_data),
  };
}

/** A quote may name its original by the id of an edit: it gets the id that counts. */
function resolveQuotes(messages: readonly ExpectedMessage[]): void {
  const names = new Map<string, string>();
  for (const { key, alternateMessageIds } of messages) {
    for (const id of alternateMessageIds) names.set(legacyKey(key.chatJid, key.fromMe, id), key.messageId);
  }
  for (const { quoted } of messages) {
    if (quoted === undefined) continue;
    const { chatJid, fromMe, messageId } = quoted.key;
    quoted.key.messageId = names.get(legacyKey(chatJid, fromMe, messageId)) ?? messageId;
  }
}
