import { type Timestamp, timestampMs } from '@bufbuild/protobuf/wkt';
import {
  CallOutcome,
  DeliveryState,
  EventAnswer,
  MessageKind,
  SystemEventKind,
  type Event,
  type Location,
  type Message,
  type MessageKey,
} from '../../src/gen/scrollback/v1/message_pb.js';
import type { ExpectedEvent, ExpectedKey, ExpectedLocation, ExpectedMessage, ExpectedPoll } from './oracle-message.js';

/** What a message says, in one form for messages of the API and for those that the oracle expects. */
export type MessageMeaning = Omit<
  ExpectedMessage,
  'table' | 'rowId' | 'ordinal' | 'removedReactions' | 'secret' | 'poll'
> & {
  poll: Omit<ExpectedPoll, 'withdrawnVotes'> | undefined;
};

/** Returns what an expected message says, without where it stood and without what nobody is shown. */
export function meaningOfExpected(expected: ExpectedMessage): MessageMeaning {
  const {
    table: _table,
    rowId: _rowId,
    ordinal: _ordinal,
    removedReactions: _removed,
    secret: _secret,
    poll,
    ...rest
  } = expected;
  if (poll === undefined) return { ...rest, poll };
  const { withdrawnVotes: _withdrawn, ...standing } = poll;
  return { ...rest, poll: standing };
}

/** Returns what a message of the API says; its sources and revisions are left out. */
export function meaningOf(message: Message): MessageMeaning {
  const { media, quoted, revocation, location, poll, event, call, systemEvent, groupInvite, linkPreview, album } =
    message;
  return {
    key: keyOf(message.key),
    sentMs: msOf(message.sentTime),
    kind: MessageKind[message.kind],
    text: message.text,
    media: media && {
      mimeType: media.mimeType,
      fileName: media.fileName,
      filePath: media.filePath,
      sizeBytes: Number(media.sizeBytes),
      sha256: hex(media.sha256),
      encryptedSha256: hex(media.encryptedSha256),
      mediaKey: hex(media.mediaKey),
      directPath: media.directPath,
      url: media.url,
      durationSeconds: media.durationSeconds,
      width: media.width,
      height: media.height,
      transcription: media.transcription,
    },
    quoted: quoted && {
      key: keyOf(quoted.key),
      kind: MessageKind[quoted.kind],
      text: quoted.text,
      sentMs: msOf(quoted.sentTime),
      waType: quoted.waType,
    },
    mentionedJids: message.mentionedJids,
    reactions: message.reactions.map(({ senderJid, fromMe, emoji, reactTime }) => ({
      senderJid,
      fromMe,
      emoji,
      reactMs: msOf(reactTime),
    })),
    editMs: msOf(message.editTime),
    revocation: revocation && {
      revokeMs: msOf(revocation.revokeTime),
      adminJid: revocation.adminJid,
      byAdmin: revocation.byAdmin,
    },
    forwardScore: message.forwardScore,
    deliveryState: DeliveryState[message.deliveryState],
    location: location && placeOf(location),
    contactCards: message.contactCards.map(({ vcard }) => vcard),
    poll: poll && {
      options: poll.options.map(({ name, voteTotal }) => ({ name, voteTotal })),
      selectableCount: poll.selectableCount,
      endMs: msOf(poll.endTime),
      votes: poll.votes.map(({ voterJid, fromMe, optionIndexes, voteTime }) => ({
        voterJid,
        fromMe,
        optionIndexes,
        voteMs: msOf(voteTime),
      })),
    },
    event: event && happeningOf(event),
    call: call && {
      callId: call.callId,
      video: call.video,
      durationSeconds: call.durationSeconds,
      outcome: CallOutcome[call.outcome],
      groupJid: call.groupJid,
      waResult: call.waResult,
    },
    systemEvent: systemEvent && {
      kind: SystemEventKind[systemEvent.kind],
      waAction: systemEvent.waAction,
      participantJids: systemEvent.participantJids,
      value: systemEvent.value,
      oldValue: systemEvent.oldValue,
    },
    groupInvite: groupInvite && {
      groupJid: groupInvite.groupJid,
      groupName: groupInvite.groupName,
      inviteCode: groupInvite.inviteCode,
      expireMs: msOf(groupInvite.expireTime),
    },
    linkPreview: linkPreview && {
      url: linkPreview.url,
      title: linkPreview.title,
      description: linkPreview.description,
    },
    starred: message.starred,
    expireMs: msOf(message.expireTime),
    senderName: message.senderName,
    waType: message.waType,
    viewOnce: message.viewOnce,
    album: album && { imageCount: album.imageCount, videoCount: album.videoCount },
    albumMessageId: message.albumMessageId,
    alternateMessageIds: message.alternateMessageIds,
    receivedMs: msOf(message.receivedTime),
  };
}

function placeOf(location: Location): ExpectedLocation {
  return {
    latitude: location.latitude,
    longitude: location.longitude,
    name: location.name,
    address: location.address,
    liveDurationSeconds: location.liveDurationSeconds,
    finalLatitude: location.finalLatitude,
    finalLongitude: location.finalLongitude,
    finalMs: msOf(location.finalTime),
  };
}

function happeningOf(event: Event): ExpectedEvent {
  return {
    description: event.description,
    location: event.location && placeOf(event.location),
    joinLink: event.joinLink,
    startMs: msOf(event.startTime),
    endMs: msOf(event.endTime),
    canceled: event.canceled,
    extraGuestsAllowed: event.extraGuestsAllowed,
    callScheduled: event.callScheduled,
    responses: event.responses.map(({ responderJid, fromMe, answer, extraGuestCount, responseTime }) => ({
      responderJid,
      fromMe,
      answer: EventAnswer[answer],
      extraGuestCount,
      responseMs: msOf(responseTime),
    })),
  };
}

function keyOf(key: MessageKey | undefined): ExpectedKey {
  const { chatJid = '', senderJid = '', fromMe = false, messageId = '' } = key ?? {};
  return { chatJid, senderJid, fromMe, messageId };
}

function msOf(time: Timestamp | undefined): number | undefined {
  return time && timestampMs(time);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
