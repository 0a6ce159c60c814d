/**
 * A message as it was read, before it is encoded: the fields of `scrollback.v1.Message` and what goes with it. One
 * object is filled again and again by `resetFields`: a page has thousands of messages, and most fields are mostly empty.
 * Absent texts are '', absent numbers and times 0; times are ms since 1970; JIDs are canonical.
 */
export interface MessageFields {
  chatJid: string;
  senderJid: string;
  fromMe: boolean;
  messageId: string;
  sentMs: number;
  /** The phone's own order: see `domain/position.ts`. */
  ordinal: number;
  kind: number;
  text: string;
  media: MediaFields | undefined;
  quoted: QuotedFields | undefined;
  /** Ascending, distinct. */
  mentionedJids: readonly string[];
  /** In the order of the API; those without an emoji were removed. */
  reactions: readonly ReactionFields[];
  editMs: number;
  revocation: RevocationFields | undefined;
  forwardScore: number;
  deliveryState: number;
  location: LocationFields | undefined;
  vcards: readonly string[];
  poll: PollFields | undefined;
  event: EventFields | undefined;
  /** What opens sealed votes and answers; polls and events may have it. Nobody is shown it. */
  secret: Buffer | undefined;
  /** The same of a recent message of another kind. By it no message is recognised: a later backup has none of it. */
  recentSecret: Buffer | undefined;
  call: CallFields | undefined;
  systemEvent: SystemEventFields | undefined;
  groupInvite: GroupInviteFields | undefined;
  linkPreview: LinkPreviewFields | undefined;
  starred: boolean;
  expireMs: number;
  senderName: string;
  waType: number;
  viewOnce: boolean;
  album: AlbumFields | undefined;
  albumMessageId: string;
  /** Ascending, distinct. */
  alternateMessageIds: readonly string[];
  receivedMs: number;
}

export interface MediaFields {
  mimeType: string;
  fileName: string;
  filePath: string;
  sizeBytes: number;
  sha256: Buffer | undefined;
  encryptedSha256: Buffer | undefined;
  mediaKey: Buffer | undefined;
  directPath: string;
  url: string;
  durationSeconds: number;
  width: number;
  height: number;
  transcription: string;
}

export interface QuotedFields {
  chatJid: string;
  senderJid: string;
  fromMe: boolean;
  messageId: string;
  kind: number;
  text: string;
  sentMs: number;
  waType: number;
}

export interface ReactionFields {
  senderJid: string;
  fromMe: boolean;
  /** '' when it was removed. */
  emoji: string;
  reactMs: number;
}

export interface RevocationFields {
  revokeMs: number;
  adminJid: string;
  byAdmin: boolean;
}

export interface LocationFields {
  latitude: number;
  longitude: number;
  name: string;
  address: string;
  liveDurationSeconds: number;
  finalLatitude: number;
  finalLongitude: number;
  finalMs: number;
}

export interface PollFields {
  options: readonly { name: string; voteTotal: number }[];
  selectableCount: number;
  endMs: number;
  /** In the order of the API; those without options were withdrawn. */
  votes: readonly VoteFields[];
}

export interface VoteFields {
  voterJid: string;
  fromMe: boolean;
  /** Ascending, distinct. */
  optionIndexes: readonly number[];
  voteMs: number;
}

export interface EventFields {
  description: string;
  location: LocationFields | undefined;
  joinLink: string;
  startMs: number;
  endMs: number;
  canceled: boolean;
  extraGuestsAllowed: boolean;
  callScheduled: boolean;
  /** In the order of the API. */
  responses: readonly ResponseFields[];
}

export interface ResponseFields {
  responderJid: string;
  fromMe: boolean;
  /** 0 not stated, 1 going, 2 not going, 3 maybe. */
  answer: number;
  extraGuestCount: number;
  responseMs: number;
}

export interface CallFields {
  callId: string;
  video: boolean;
  durationSeconds: number;
  /** 0 not stated, 1 answered, 2 not answered. */
  outcome: number;
  groupJid: string;
  waResult: number;
}

export interface SystemEventFields {
  kind: number;
  waAction: number;
  participantJids: readonly string[];
  value: string;
  oldValue: string;
}

export interface GroupInviteFields {
  groupJid: string;
  groupName: string;
  inviteCode: string;
  expireMs: number;
}

export interface LinkPreviewFields {
  url: string;
  title: string;
  description: string;
}

export interface AlbumFields {
  imageCount: number;
  videoCount: number;
}

const NONE: readonly never[] = [];

/** Makes fields that say nothing. */
export function emptyFields(): MessageFields {
  return {
    chatJid: '',
    senderJid: '',
    fromMe: false,
    messageId: '',
    sentMs: 0,
    ordinal: 0,
    kind: 0,
    text: '',
    media: undefined,
    quoted: undefined,
    mentionedJids: NONE,
    reactions: NONE,
    editMs: 0,
    revocation: undefined,
    forwardScore: 0,
    deliveryState: 0,
    location: undefined,
    vcards: NONE,
    poll: undefined,
    event: undefined,
    secret: undefined,
    recentSecret: undefined,
    call: undefined,
    systemEvent: undefined,
    groupInvite: undefined,
    linkPreview: undefined,
    starred: false,
    expireMs: 0,
    senderName: '',
    waType: 0,
    viewOnce: false,
    album: undefined,
    albumMessageId: '',
    alternateMessageIds: NONE,
    receivedMs: 0,
  };
}

/** Takes away what a revocation takes away; identity, times, reactions and the revocation stay. */
export function removeContent(fields: MessageFields): void {
  fields.text = '';
  fields.media = undefined;
  fields.quoted = undefined;
  fields.mentionedJids = NONE;
  fields.editMs = 0;
  fields.forwardScore = 0;
  fields.location = undefined;
  fields.vcards = NONE;
  fields.poll = undefined;
  fields.event = undefined;
  fields.secret = undefined;
  fields.recentSecret = undefined;
  fields.call = undefined;
  fields.systemEvent = undefined;
  fields.groupInvite = undefined;
  fields.linkPreview = undefined;
  fields.viewOnce = false;
  fields.album = undefined;
  fields.albumMessageId = '';
}
