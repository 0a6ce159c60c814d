import type { LiveChannelCounts } from './channel-counts.js';

/**
 * What the link tells, as plain data: what came live, from history sync and on demand in the same words. Absent texts are
 * '', absent numbers and times 0, times are ms since 1970. JIDs are normalised; a LID is not resolved yet.
 */
export type LiveEvent =
  | { type: 'message'; message: LiveMessage }
  | { type: 'edit'; key: LiveKey; editId: string; editMs: number; content: LiveContent }
  | LiveRevocation
  | { type: 'reaction'; key: LiveKey; actor: LiveActor; emoji: string; reactMs: number }
  /** `memberJid` is who has it, in a group; '' in a chat with one person. */
  | { type: 'receipt'; key: LiveKey; state: LiveDelivery; memberJid: string }
  | { type: 'vote'; key: LiveKey; actor: LiveActor; choices: OptionHash[]; voteMs: number }
  | { type: 'sealed-vote'; key: LiveKey; actor: LiveActor; vote: SealedLiveVote; voteMs: number }
  | { type: 'response'; key: LiveKey; actor: LiveActor; response: LiveResponse }
  | { type: 'star'; key: LiveKey }
  | { type: 'channel-counts'; key: LiveKey; counts: LiveChannelCounts }
  | { type: 'message-label'; key: LiveKey; labelId: string; given: boolean; asOfMs: number }
  /** The owner deleted it for themselves. In a group, the author is '' where nobody is named. */
  | { type: 'deletion'; key: LiveKey }
  /** The owner cleared or deleted a chat: what was sent up to then is deleted. */
  | { type: 'clear'; chatJid: string; throughMs: number; keepsStarred: boolean }
  | { type: 'contact'; contact: LiveContact }
  | { type: 'chat'; chat: LiveChat }
  | { type: 'group'; group: LiveGroup }
  | { type: 'group-change'; change: LiveGroupChange }
  | { type: 'past-members'; past: LivePastMembers }
  | { type: 'label'; label: LiveLabel }
  | { type: 'chat-label'; labelling: LiveLabelling }
  | { type: 'coverage'; coverage: LiveCoverage }
  | { type: 'lid-mapping'; lid: string; phone: string }
  /** The phone has nothing of this chat that is older than what it sent. */
  | { type: 'history-start'; chatJid: string };

/** That a message was deleted for everyone. */
export interface LiveRevocation {
  type: 'revocation';
  key: LiveKey;
  revocationId: string;
  revokeMs: number;
  /** Who did, when it was not its author. */
  adminJid: string;
  byAdmin: boolean;
  /** True when the owner did, so that nobody has to look up whether they may. */
  byOwner?: boolean;
}

/** Who sent what where. */
export interface LiveKey {
  chatJid: string;
  /** '' for the owner, and where nobody is named. */
  senderJid: string;
  fromMe: boolean;
  messageId: string;
}

/** Who did something to a message. */
export interface LiveActor {
  /** '' for the owner. */
  jid: string;
  fromMe: boolean;
}

/** The public `DeliveryState`. */
export const liveDelivery = { unspecified: 0, pending: 1, sent: 2, delivered: 3, read: 4, played: 5 } as const;
export type LiveDelivery = (typeof liveDelivery)[keyof typeof liveDelivery];

/** The public `Source`. */
export const liveSource = { live: 2, historySync: 3, onDemand: 4 } as const;
export type LiveSource = (typeof liveSource)[keyof typeof liveSource];

/** A message with its content. */
export interface LiveMessage {
  key: LiveKey;
  sentMs: number;
  senderName: string;
  state: LiveDelivery;
  starred: boolean;
  expireMs: number;
  source: LiveSource;
  content: LiveContent;
  /** What opens votes, answers and edits. */
  secret?: Uint8Array | undefined;
  /** Present when it was deleted for everyone; the content then says no more than that. */
  revocation?: { revokeMs: number; adminJid: string; byAdmin: boolean } | undefined;
  /** In a channel, the number that WhatsApp gave it there. */
  serverId?: number | undefined;
}

/** What a message says. */
export interface LiveContent {
  /** A `MessageKind`. */
  kind: number;
  /** Android's number for it; 0 when it has none that is known. */
  waType: number;
  text: string;
  viewOnce: boolean;
  forwardScore: number;
  mentionedJids: string[];
  albumMessageId: string;
  media?: LiveMedia | undefined;
  quoted?: (LiveKey & { kind: number; waType: number; text: string }) | undefined;
  location?: { latitude: number; longitude: number; name: string; address: string } | undefined;
  vcards?: string[] | undefined;
  poll?: { options: string[]; selectableCount: number } | undefined;
  event?: LiveHappening | undefined;
  call?: { callId: string; video: boolean; durationSeconds: number; outcome: number; groupJid: string } | undefined;
  systemEvent?: { kind: number; waAction: number; participantJids: string[]; value: string } | undefined;
  groupInvite?: { groupJid: string; groupName: string; inviteCode: string; expireMs: number } | undefined;
  linkPreview?: { url: string; title: string; description: string } | undefined;
  album?: { imageCount: number; videoCount: number } | undefined;
}

/** An event with a date. */
export interface LiveHappening {
  description: string;
  joinLink: string;
  startMs: number;
  endMs: number;
  canceled: boolean;
  extraGuestsAllowed: boolean;
  callScheduled: boolean;
  location?: LiveContent['location'];
}

/** What somebody answered to an event. */
export interface LiveResponse {
  /** The public `EventAnswer`. */
  answer: number;
  extraGuestCount: number;
  responseMs: number;
}

/** The file of a message; absent bytes are empty. */
export interface LiveMedia {
  mimeType: string;
  fileName: string;
  sizeBytes: number;
  sha256: Uint8Array;
  encryptedSha256: Uint8Array;
  mediaKey: Uint8Array;
  directPath: string;
  url: string;
  durationSeconds: number;
  width: number;
  height: number;
}

/** SHA-256 of the text of a poll's option: how WhatsApp names it in votes. */
export type OptionHash = Uint8Array;

/** A vote that only the secret of its poll opens, or what only that of an event (an answer) or of any message (an edit, a reaction, a comment) does. */
export interface SealedLiveVote {
  payload: Uint8Array;
  iv: Uint8Array;
  /** The addresses under which the voter may have sealed it, and those of the poll's author. */
  voterNames: string[];
  authorNames: string[];
  /** True for an answer to an event. */
  eventResponse?: boolean | undefined;
  /** For an edit: the id of the message that brought it. */
  editId?: string | undefined;
  /** True for a reaction. */
  reaction?: boolean | undefined;
  /** For a comment: the id of the message that it is. */
  commentId?: string | undefined;
}

/** What an opened comment says: a message of its own, that replies to what it is about. */
export interface LiveComment {
  comment: LiveContent;
}

/** What an opened edit says. */
export interface LiveEdit {
  content: LiveContent;
  /** 0 when it does not say when; then it was when it was sent. */
  editMs: number;
}

/** What an opened reaction says. */
export interface LiveReaction {
  /** '' when the reaction is taken back. */
  emoji: string;
  /** 0 when it does not say when; then it was when it was sent. */
  reactMs: number;
}

/**
 * Opens a vote, an answer to an event, an edit, a reaction or a comment; undefined when the secret is not that of what it is about. A promise when
 * what opens it has to be loaded first.
 */
export type VoteOpener = (
  vote: SealedLiveVote,
  poll: { messageId: string; secret: Uint8Array },
) => OpenedVote | undefined | Promise<OpenedVote | undefined>;

/** What a vote says, an answer to an event, an edit, a reaction, or a comment. */
export type OpenedVote = OptionHash[] | LiveResponse | LiveEdit | LiveReaction | LiveComment;

/** What a chunk of history says of one chat: it comes after the messages that it speaks of. */
export interface LiveCoverage {
  chatJid: string;
  source: typeof liveSource.historySync | typeof liveSource.onDemand;
  /** When the oldest and the newest message of the chunk were sent. */
  oldestMs: number;
  newestMs: number;
  /** When the chunk was announced. */
  toldMs: number;
  /** Nothing came after the newest message before the chunk was made. */
  isLatest: boolean;
  /** The phone has nothing that is older. */
  isWhole: boolean;
  /** With this chunk, everything that the phone was going to send of the chat has been sent. */
  isEnded: boolean;
}

/** What is told of a person. */
export interface LiveContact {
  jid: string;
  /** From the owner's address book. */
  name: string;
  pushName: string;
  username: string;
  asOfMs: number;
}

/** The end of the year 9999: the last moment that a timestamp can name. */
export const FOR_GOOD_MS = 253_402_300_799_999;

/** What is told of a chat; what is undefined was not told. */
export interface LiveChat {
  jid: string;
  asOfMs: number;
  name?: string | undefined;
  archived?: boolean | undefined;
  unreadCount?: number | undefined;
  ephemeralSeconds?: number | undefined;
  createMs?: number | undefined;
  /** 0 for not muted, `FOR_GOOD_MS` for good. */
  muteEndMs?: number | undefined;
  /** 0 for not pinned. */
  pinMs?: number | undefined;
  markedUnread?: boolean | undefined;
  description?: string | undefined;
}

export type LiveRank = 'member' | 'admin' | 'superadmin';

/** A whole group. */
export interface LiveGroup {
  jid: string;
  subject: string;
  createMs: number;
  members: { jid: string; rank: LiveRank; fromMe: boolean }[];
  asOfMs: number;
}

/** A change of a group. */
export interface LiveGroupChange {
  jid: string;
  asOfMs: number;
  /** '' for unchanged. */
  subject: string;
  change: 'add' | 'remove' | 'leave' | 'promote' | 'demote' | 'subject';
  members: { jid: string; fromMe: boolean }[];
}

/** Who was a member of a group once. */
export interface LivePastMembers {
  jid: string;
  members: { jid: string; leaveMs: number; leftVoluntarily: boolean }[];
}

/** What a label of chats is called now. */
export interface LiveLabel {
  labelId: string;
  name: string;
  deleted: boolean;
  asOfMs: number;
}

/** That a chat got a label, or lost it. */
export interface LiveLabelling {
  chatJid: string;
  labelId: string;
  given: boolean;
  asOfMs: number;
}
