import { knownId } from './message-id.js';
import { keepsSecret } from '../../domain/kept-secret.js';
import { messageKind } from '../../domain/message-kind.js';
import type { Address } from './addresses.js';
import { firstIdOf, isRevokedType, MessageFinder } from './canonical-id.js';
import type { FileChat, ImportFile } from './import-file.js';
import { type MessageFields, type QuotedFields, removeContent } from './message-fields.js';
import { ModernAddOns } from './modern-add-ons.js';
import { ModernContent } from './modern-content.js';
import type { ModernSides } from './modern-sides.js';
import type { Row } from './schema.js';
import {
  associationTable,
  editTable,
  ephemeralTable,
  forwardedTable,
  messageTable,
  quotedTable,
  revokedTable,
} from './tables.js';
import { int32Of, textOf, timeOf, uint32Of, wholeOf } from './value.js';
import { deliveryOf, isViewOnce, kindOf, waType } from './wa-type.js';

const at = messageTable.at;
const NO_IDS: readonly string[] = [];

/** `message_association.association_type` of a picture in an album (WhatsApp Web's `AssociationType.MEDIA_ALBUM`). */
const ALBUM_ASSOCIATION = 1;

/** Reads rows of the modern table into fields. */
export class ModernMessage {
  private readonly content: ModernContent;
  private readonly addOns: ModernAddOns;
  private readonly finder: MessageFinder;

  constructor(
    private readonly file: ImportFile,
    private readonly sides: ModernSides,
  ) {
    this.content = new ModernContent(file, sides);
    this.addOns = new ModernAddOns(file, sides);
    this.finder = new MessageFinder(file);
  }

  /** Fills in who, where and under which ids: all that identity needs, and the sender's name. `keyId` is the row's own, checked before. */
  identity(fields: MessageFields, row: Row, chat: FileChat, keyId: string): void {
    const id = wholeOf(row[0]);
    const type = int32Of(row[at.message_type]);
    fields.fromMe = wholeOf(row[at.from_me]) !== 0;
    fields.chatJid = this.file.lids.use(chat.address);
    const sender = this.senderOf(fields.fromMe, chat, row[at.sender_jid_row_id]);
    fields.senderJid = this.file.lids.use(sender);
    fields.senderName = sender === undefined ? '' : sender.name;
    const edit = this.sides.edit.first(id);
    const revoked = isRevokedType(type) ? this.sides.revoked.first(id) : undefined;
    fields.messageId = keyId;
    fields.alternateMessageIds = NO_IDS;
    if (edit === undefined && revoked === undefined) return;
    fields.messageId = firstIdOf(keyId, type, edit, revoked);
    fields.alternateMessageIds = otherIds(fields.messageId, keyId, edit, revoked);
  }

  /** Fills in everything else. */
  rest(fields: MessageFields, row: Row, chat: FileChat): void {
    const id = wholeOf(row[0]);
    const type = int32Of(row[at.message_type]);
    const sortId = wholeOf(row[at.sort_id]);
    const { content, sides } = this;
    fields.ordinal = sortId > 0 ? sortId : id;
    fields.waType = type;
    fields.kind = kindOf(type, wholeOf(row[at.origin]));
    fields.sentMs = timeOf(row[at.timestamp]);
    fields.receivedMs = timeOf(row[at.received_timestamp]);
    const status = row[at.status];
    fields.deliveryState = typeof status === 'number' ? deliveryOf(status, fields.fromMe) : 0;
    fields.starred = wholeOf(row[at.starred]) !== 0;
    fields.expireMs = timeOf(sides.ephemeral.first(id)?.[ephemeralTable.at.expire_timestamp]);
    fields.reactions = this.addOns.reactions(id, chat.address);
    if (fields.kind === messageKind.revoked) {
      removeContent(fields);
      fields.revocation = content.revocation(id, type);
      return;
    }
    fields.revocation = undefined;
    fields.text = textOf(row[at.text_data]);
    if (fields.text === '' && fields.kind === messageKind.document) fields.text = content.caption(id);
    const isEvent = fields.kind === messageKind.event;
    if (isEvent) fields.text = this.addOns.eventName(id) || fields.text;
    fields.event = isEvent ? this.addOns.event(id, chat.address) : undefined;
    fields.viewOnce = isViewOnce(type);
    const edit = sides.edit.first(id);
    fields.editMs = timeOf(edit?.[editTable.at.edited_timestamp]) || timeOf(edit?.[editTable.at.sender_timestamp]);
    const forwarded = sides.forwarded.first(id);
    fields.forwardScore =
      forwarded === undefined
        ? wholeOf(row[at.origination_flags]) & 1
        : uint32Of(forwarded[forwardedTable.at.forward_score]);
    fields.media = content.media(id);
    fields.quoted = this.quoted(id, chat);
    fields.mentionedJids = content.mentions(id);
    fields.location = content.location(id);
    fields.vcards = content.vcards(id);
    fields.poll = this.addOns.poll(id, chat.address);
    const isVotedOn = isEvent || fields.kind === messageKind.poll;
    const isRecent = !isVotedOn && keepsSecret(fields.sentMs, this.file.asOfMs);
    fields.secret = isVotedOn ? this.addOns.secret(id) : undefined;
    fields.recentSecret = isRecent ? this.addOns.secret(id) : undefined;
    fields.call = fields.kind === messageKind.call ? content.call(id) : undefined;
    fields.systemEvent = fields.kind === messageKind.system ? content.systemEvent(id, type, fields.text) : undefined;
    fields.groupInvite = content.groupInvite(id);
    fields.linkPreview = content.linkPreview(id);
    fields.album = content.album(id);
    fields.albumMessageId = this.albumOf(id);
  }

  private senderOf(fromMe: boolean, chat: FileChat, senderRowId: Row[number] | undefined): Address | undefined {
    if (fromMe) return undefined;
    return chat.address.person ? chat.address : this.file.addresses.known(wholeOf(senderRowId));
  }

  private quoted(id: number, chat: FileChat): QuotedFields | undefined {
    const row = this.sides.quoted.first(id);
    if (row === undefined) return undefined;
    const q = quotedTable.at;
    const fromMe = wholeOf(row[q.from_me]) !== 0;
    const from = this.quotedChat(row, chat);
    const chatJid = this.file.lids.use(from.address);
    const type = int32Of(row[q.message_type]);
    return {
      chatJid,
      senderJid: this.file.lids.use(this.senderOf(fromMe, from, row[q.sender_jid_row_id])),
      fromMe,
      messageId: this.finder.resolve(chatJid, fromMe, knownId(row[q.key_id])),
      kind: kindOf(type, wholeOf(row[q.origin])),
      text: textOf(row[q.text_data]),
      sentMs: timeOf(row[q.timestamp]),
      waType: type,
    };
  }

  /** The original's chat: mostly the reply's own, but a private reply quotes a group. */
  private quotedChat(row: Row, chat: FileChat): FileChat {
    const rowId = wholeOf(row[quotedTable.at.chat_row_id]) || wholeOf(row[quotedTable.at.parent_message_chat_row_id]);
    if (rowId === chat.rowId || rowId === 0) return chat;
    const original = this.file.chat(rowId);
    return typeof original === 'string' ? chat : original;
  }

  private albumOf(id: number): string {
    for (const row of this.sides.association.all(id)) {
      const parent = this.finder.byRow(wholeOf(row[associationTable.at.parent_message_row_id]));
      const isAlbum = row[associationTable.at.association_type] === ALBUM_ASSOCIATION;
      if (parent !== undefined && (isAlbum || parent.type === waType.album)) return parent.id;
    }
    return '';
  }
}

function otherIds(firstId: string, keyId: string, edit: Row | undefined, revoked: Row | undefined): readonly string[] {
  const ids = new Set([
    keyId,
    firstId,
    knownId(edit?.[editTable.at.original_key_id]),
    knownId(revoked?.[revokedTable.at.revoked_key_id]),
  ]);
  ids.delete(firstId);
  ids.delete('');
  return ids.size === 0 ? NO_IDS : [...ids].sort();
}
