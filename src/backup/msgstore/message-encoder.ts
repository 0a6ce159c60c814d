import type {
  CallFields,
  EventFields,
  GroupInviteFields,
  LinkPreviewFields,
  LocationFields,
  MediaFields,
  MessageFields,
  PollFields,
  QuotedFields,
  ReactionFields,
  ResponseFields,
  RevocationFields,
  SystemEventFields,
  VoteFields,
} from './message-fields.js';
import type { ProtoWriter } from './proto-writer.js';

/** `SOURCE_BACKUP` of the public `Source`. */
const SOURCE_BACKUP = 1;

/**
 * Writes a `scrollback.v1.Message` without its revision tail. The field numbers are those of
 * proto/scrollback/v1/message.proto; `test/backup/message-encoder.test.ts` holds the two against each other.
 */
export function writeMessage(writer: ProtoWriter, fields: MessageFields): void {
  const key = writer.begin(1);
  writer.ascii(1, fields.chatJid);
  writer.ascii(2, fields.senderJid);
  writer.bool(3, fields.fromMe);
  writer.string(4, fields.messageId);
  writer.end(key);
  writer.time(2, fields.sentMs);
  writer.uint(3, fields.kind);
  writer.string(4, fields.text);
  if (fields.media !== undefined) writeMedia(writer, fields.media);
  if (fields.quoted !== undefined) writeQuoted(writer, fields.quoted);
  for (const jid of fields.mentionedJids) writer.ascii(7, jid);
  for (const reaction of fields.reactions) if (reaction.emoji !== '') writeReaction(writer, 8, reaction);
  writer.time(9, fields.editMs);
  if (fields.revocation !== undefined) writeRevocation(writer, fields.revocation);
  writer.uint(11, fields.forwardScore);
  writer.uint(12, fields.deliveryState);
  if (fields.location !== undefined) writeLocation(writer, 13, fields.location);
  for (const vcard of fields.vcards) {
    const card = writer.begin(14);
    writer.string(1, vcard);
    writer.end(card);
  }
  if (fields.poll !== undefined) writePoll(writer, fields.poll);
  if (fields.call !== undefined) writeCall(writer, fields.call);
  if (fields.systemEvent !== undefined) writeSystemEvent(writer, fields.systemEvent);
  if (fields.groupInvite !== undefined) writeGroupInvite(writer, fields.groupInvite);
  if (fields.linkPreview !== undefined) writeLinkPreview(writer, fields.linkPreview);
  writer.bool(20, fields.starred);
  writer.time(21, fields.expireMs);
  writer.string(22, fields.senderName);
  const sources = writer.begin(23);
  writer.varint(SOURCE_BACKUP);
  writer.end(sources);
  writer.int32(24, fields.waType);
  writer.bool(25, fields.viewOnce);
  if (fields.album !== undefined) {
    const album = writer.begin(26);
    writer.uint(1, fields.album.imageCount);
    writer.uint(2, fields.album.videoCount);
    writer.end(album);
  }
  writer.string(27, fields.albumMessageId);
  for (const id of fields.alternateMessageIds) writer.element(28, id);
  writer.time(29, fields.receivedMs);
  if (fields.event !== undefined) writeEvent(writer, fields.event);
}

/** Writes a `scrollback.store.v1.HiddenFacts`: mostly nothing. */
export function writeHiddenFacts(writer: ProtoWriter, fields: MessageFields): void {
  for (const reaction of fields.reactions) if (reaction.emoji === '') writeReaction(writer, 1, reaction);
  if (fields.poll !== undefined) {
    for (const vote of fields.poll.votes) if (vote.optionIndexes.length === 0) writeVote(writer, 2, vote);
  }
  writer.bytes(3, fields.secret);
}

/** Goes on with it: what is stored, and is no part of what a message is recognised by. */
export function writeRecentSecret(writer: ProtoWriter, fields: MessageFields): void {
  writer.bytes(3, fields.recentSecret);
}

function writeMedia(writer: ProtoWriter, media: MediaFields): void {
  const start = writer.begin(5);
  writer.string(1, media.mimeType);
  writer.string(2, media.fileName);
  writer.string(3, media.filePath);
  writer.uint(4, media.sizeBytes);
  writer.bytes(5, media.sha256);
  writer.bytes(6, media.encryptedSha256);
  writer.bytes(7, media.mediaKey);
  writer.string(8, media.directPath);
  writer.string(9, media.url);
  writer.uint(10, media.durationSeconds);
  writer.uint(11, media.width);
  writer.uint(12, media.height);
  writer.string(13, media.transcription);
  writer.end(start);
}

function writeQuoted(writer: ProtoWriter, quoted: QuotedFields): void {
  const start = writer.begin(6);
  const key = writer.begin(1);
  writer.ascii(1, quoted.chatJid);
  writer.ascii(2, quoted.senderJid);
  writer.bool(3, quoted.fromMe);
  writer.string(4, quoted.messageId);
  writer.end(key);
  writer.uint(2, quoted.kind);
  writer.string(3, quoted.text);
  writer.time(4, quoted.sentMs);
  writer.int32(5, quoted.waType);
  writer.end(start);
}

function writeReaction(writer: ProtoWriter, field: number, reaction: ReactionFields): void {
  const start = writer.begin(field);
  writer.ascii(1, reaction.senderJid);
  writer.bool(2, reaction.fromMe);
  writer.string(3, reaction.emoji);
  writer.time(4, reaction.reactMs);
  writer.end(start);
}

function writeRevocation(writer: ProtoWriter, revocation: RevocationFields): void {
  const start = writer.begin(10);
  writer.time(1, revocation.revokeMs);
  writer.ascii(2, revocation.adminJid);
  writer.bool(3, revocation.byAdmin);
  writer.end(start);
}

function writeLocation(writer: ProtoWriter, field: number, location: LocationFields): void {
  const start = writer.begin(field);
  writer.double(1, location.latitude);
  writer.double(2, location.longitude);
  writer.string(3, location.name);
  writer.string(4, location.address);
  writer.uint(5, location.liveDurationSeconds);
  writer.double(6, location.finalLatitude);
  writer.double(7, location.finalLongitude);
  writer.time(8, location.finalMs);
  writer.end(start);
}

function writePoll(writer: ProtoWriter, poll: PollFields): void {
  const start = writer.begin(15);
  for (const option of poll.options) {
    const entry = writer.begin(1);
    writer.string(1, option.name);
    writer.uint(2, option.voteTotal);
    writer.end(entry);
  }
  writer.uint(2, poll.selectableCount);
  writer.time(3, poll.endMs);
  for (const vote of poll.votes) if (vote.optionIndexes.length > 0) writeVote(writer, 4, vote);
  writer.end(start);
}

function writeVote(writer: ProtoWriter, field: number, vote: VoteFields): void {
  const start = writer.begin(field);
  writer.ascii(1, vote.voterJid);
  writer.bool(2, vote.fromMe);
  if (vote.optionIndexes.length > 0) {
    const indexes = writer.begin(3);
    for (const index of vote.optionIndexes) writer.varint(index);
    writer.end(indexes);
  }
  writer.time(4, vote.voteMs);
  writer.end(start);
}

function writeEvent(writer: ProtoWriter, event: EventFields): void {
  const start = writer.begin(32);
  writer.string(1, event.description);
  if (event.location !== undefined) writeLocation(writer, 2, event.location);
  writer.string(3, event.joinLink);
  writer.time(4, event.startMs);
  writer.time(5, event.endMs);
  writer.bool(6, event.canceled);
  writer.bool(7, event.extraGuestsAllowed);
  writer.bool(8, event.callScheduled);
  for (const response of event.responses) writeResponse(writer, response);
  writer.end(start);
}

function writeResponse(writer: ProtoWriter, response: ResponseFields): void {
  const start = writer.begin(9);
  writer.ascii(1, response.responderJid);
  writer.bool(2, response.fromMe);
  writer.uint(3, response.answer);
  writer.uint(4, response.extraGuestCount);
  writer.time(5, response.responseMs);
  writer.end(start);
}

function writeCall(writer: ProtoWriter, call: CallFields): void {
  const start = writer.begin(16);
  writer.string(1, call.callId);
  writer.bool(2, call.video);
  writer.uint(3, call.durationSeconds);
  writer.uint(4, call.outcome);
  writer.ascii(5, call.groupJid);
  writer.int32(6, call.waResult);
  writer.end(start);
}

function writeSystemEvent(writer: ProtoWriter, event: SystemEventFields): void {
  const start = writer.begin(17);
  writer.uint(1, event.kind);
  writer.int32(2, event.waAction);
  for (const jid of event.participantJids) writer.ascii(3, jid);
  writer.string(4, event.value);
  writer.string(5, event.oldValue);
  writer.end(start);
}

function writeGroupInvite(writer: ProtoWriter, invite: GroupInviteFields): void {
  const start = writer.begin(18);
  writer.ascii(1, invite.groupJid);
  writer.string(2, invite.groupName);
  writer.string(3, invite.inviteCode);
  writer.time(4, invite.expireMs);
  writer.end(start);
}

function writeLinkPreview(writer: ProtoWriter, preview: LinkPreviewFields): void {
  const start = writer.begin(19);
  writer.string(1, preview.url);
  writer.string(2, preview.title);
  writer.string(3, preview.description);
  writer.end(start);
}
