/** The identity of a message: the fields of `MessageKey`. */
export interface ExpectedKey {
  chatJid: string;
  senderJid: string;
  fromMe: boolean;
  messageId: string;
}

/** A reaction that stands, or the fact that one was taken back. */
export interface ExpectedReaction {
  senderJid: string;
  fromMe: boolean;
  emoji: string;
  reactMs: number | undefined;
}

/** A vote that stands, or without options the fact that it was taken back. */
export interface ExpectedVote {
  voterJid: string;
  fromMe: boolean;
  optionIndexes: number[];
  voteMs: number | undefined;
}

/**
 * What one row of a message table means. The names are those of `scrollback.v1.Message` in proto3 JSON, but times are
 * ms (`…Ms`), enums the value's name without prefix, bytes hex. Absent is undefined, '' or 0.
 */
export interface ExpectedMessage {
  table: 'message' | 'messages';
  rowId: number;
  /** The phone's own order inside an instant. */
  ordinal: number;
  key: ExpectedKey;
  sentMs: number | undefined;
  kind: string;
  text: string;
  media: ExpectedMedia | undefined;
  quoted: ExpectedQuoted | undefined;
  mentionedJids: string[];
  reactions: ExpectedReaction[];
  /** Reactions that were taken back: not part of the message, but kept against older backups. */
  removedReactions: ExpectedReaction[];
  editMs: number | undefined;
  revocation: { revokeMs: number | undefined; adminJid: string; byAdmin: boolean } | undefined;
  forwardScore: number;
  deliveryState: string;
  location: ExpectedLocation | undefined;
  /** vCards. */
  contactCards: string[];
  poll: ExpectedPoll | undefined;
  event: ExpectedEvent | undefined;
  /** What opens sealed votes and answers, as hex: kept, and shown to nobody. */
  secret: string;
  call: ExpectedCall | undefined;
  systemEvent: ExpectedSystemEvent | undefined;
  groupInvite: { groupJid: string; groupName: string; inviteCode: string; expireMs: number | undefined } | undefined;
  linkPreview: { url: string; title: string; description: string } | undefined;
  starred: boolean;
  expireMs: number | undefined;
  senderName: string;
  waType: number;
  viewOnce: boolean;
  album: { imageCount: number; videoCount: number } | undefined;
  albumMessageId: string;
  alternateMessageIds: string[];
  receivedMs: number | undefined;
}

export interface ExpectedMedia {
  mimeType: string;
  fileName: string;
  filePath: string;
  sizeBytes: number;
  sha256: string;
  encryptedSha256: string;
  mediaKey: string;
  directPath: string;
  url: string;
  durationSeconds: number;
  width: number;
  height: number;
  transcription: string;
}

export interface ExpectedQuoted {
  key: ExpectedKey;
  kind: string;
  text: string;
  sentMs: number | undefined;
  waType: number;
}

export interface ExpectedLocation {
  latitude: number;
  longitude: number;
  name: string;
  address: string;
  liveDurationSeconds: number;
  finalLatitude: number;
  finalLongitude: number;
  finalMs: number | undefined;
}

export interface ExpectedPoll {
  options: { name: string; voteTotal: number }[];
  selectableCount: number;
  endMs: number | undefined;
  votes: ExpectedVote[];
  /** Votes that were taken back: not part of the message. */
  withdrawnVotes: ExpectedVote[];
}

export interface ExpectedEvent {
  description: string;
  location: ExpectedLocation | undefined;
  joinLink: string;
  startMs: number | undefined;
  endMs: number | undefined;
  canceled: boolean;
  extraGuestsAllowed: boolean;
  callScheduled: boolean;
  responses: ExpectedResponse[];
}

/** The last answer of somebody. */
export interface ExpectedResponse {
  responderJid: string;
  fromMe: boolean;
  answer: string;
  extraGuestCount: number;
  responseMs: number | undefined;
}

export interface ExpectedCall {
  callId: string;
  video: boolean;
  durationSeconds: number;
  outcome: string;
  groupJid: string;
  waResult: number;
}

export interface ExpectedSystemEvent {
  kind: string;
  waAction: number;
  participantJids: string[];
  value: string;
  oldValue: string;
}

/** Returns a text that is equal exactly for equal keys. */
export function keyText(key: ExpectedKey): string {
  return JSON.stringify([key.chatJid, key.senderJid, key.fromMe, key.messageId]);
}

/** Makes a message that has an identity and no content. */
export function bareMessage(table: ExpectedMessage['table'], rowId: number, key: ExpectedKey): ExpectedMessage {
  return {
    table,
    rowId,
    ordinal: rowId,
    key,
    sentMs: undefined,
    kind: 'UNKNOWN',
    text: '',
    media: undefined,
    quoted: undefined,
    mentionedJids: [],
    reactions: [],
    removedReactions: [],
    editMs: undefined,
    revocation: undefined,
    forwardScore: 0,
    deliveryState: 'UNSPECIFIED',
    location: undefined,
    contactCards: [],
    poll: undefined,
    event: undefined,
    secret: '',
    call: undefined,
    systemEvent: undefined,
    groupInvite: undefined,
    linkPreview: undefined,
    starred: false,
    expireMs: undefined,
    senderName: '',
    waType: 0,
    viewOnce: false,
    album: undefined,
    albumMessageId: '',
    alternateMessageIds: [],
    receivedMs: undefined,
  };
}

/** Compares texts by their code units, as the API orders JIDs and ids. */
export function byCodeUnits(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
