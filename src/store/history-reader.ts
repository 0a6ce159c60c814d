import type { Gap, Stretch } from '../domain/coverage.js';
import type { Chat, Contact, Group, Label } from '../gen/scrollback/v1/history_service_pb.js';
import type { MessageKey } from '../gen/scrollback/v1/message_pb.js';

/** Which messages, in which order. */
export interface MessageQuery {
  /** Any address of a chat, as a person types it; undefined for the whole account. */
  chat: string | undefined;
  /** Inclusive bounds on the time of sending, in ms since 1970. */
  fromMs: number | undefined;
  toMs: number | undefined;
  order: 'newest-first' | 'oldest-first';
  /** Numbers of `MessageKind`; empty for all. */
  kinds: ReadonlySet<number>;
  direction: 'incoming' | 'outgoing' | undefined;
}

/** Bounds of one page; it ends at whichever comes first, but holds at least one message. */
export interface PageBounds {
  maxMessages: number;
  maxBytes: number;
  /** True for streams: the read waits until few others of its kind run, so that single pages come first. */
  patient?: boolean;
}

/** A page of messages. */
export interface MessagePage {
  /** The canonical JID of the chat that was asked for, also when it is not stored; '' for the whole account. */
  chatJid: string;
  /** Encoded `scrollback.v1.Message`s, as stored. */
  messages: Buffer[];
  /** Where the next page starts; undefined exactly when there is nothing after this page. */
  next: Buffer | undefined;
  /** Where one resumes after this page even if nothing was there yet; undefined when the page is empty and had no cursor. */
  resume: Buffer | undefined;
}

/** What happened after a revision. */
export interface ChangeBatch {
  /** Encoded messages, as stored now. */
  messages: Buffer[];
  removed: MessageKey[];
  /** Everything up to this revision has been given out. */
  revision: number;
  /** Resumes after this batch. */
  resume: ChangeCursor;
}

/** A position in the log: what comes next is row `index` of the entry of `revision`. `{ revision: n + 1, index: 0 }` is after all of n. */
export interface ChangeCursor {
  revision: number;
  index: number;
}

/** A page of other resources; `next` is undefined exactly when there is no more. */
export interface ResourcePage<T> {
  items: T[];
  next: Buffer | undefined;
}

/** What is known to be complete, of a chat or of the whole account. */
export interface CoverageView {
  /** Canonical; '' for the whole account. */
  chatJid: string;
  /** In ascending order. */
  stretches: Stretch[];
  gaps: Gap[];
  /** When the oldest stored message was sent; 0 while there is none. */
  firstMessageMs: number;
  /** Gaps are told up to here. */
  asOfMs: number;
}

/** Reads a session's history. Every call is a snapshot and none waits for a write. Cursors are opaque to callers. */
export interface HistoryReader {
  readonly revision: number;
  readonly messageCount: number;
  readonly chatCount: number;
  readonly ownerName: string;

  /** The canonical JID of a chat address, also of one that is not stored; throws INVALID_ARGUMENT (field `chat`). */
  resolveChat(address: string): Promise<string>;

  /** Reads a page; `cursor` is `next` or `resume` of a page with the same query. */
  readMessages(query: MessageQuery, cursor: Buffer | undefined, bounds: PageBounds): Promise<MessagePage>;

  /** All messages that bear an id, at most 1000, encoded. */
  findMessages(filter: {
    chat: string | undefined;
    messageId: string;
    fromMe: boolean | undefined;
    sender: string | undefined;
  }): Promise<Buffer[]>;

  /**
   * What was stored or changed from `cursor` on, as soon as there is something; undefined when the signal aborts or the history is
   * closed. A batch without messages and removals only says how far one has come. Throws REVISION_AHEAD. Not a generator:
   * a suspended one would keep its last batch for as long as a reader is slow.
   */
  nextChanges(
    filter: Pick<MessageQuery, 'chat' | 'kinds' | 'direction'>,
    cursor: ChangeCursor,
    bounds: PageBounds,
    signal: AbortSignal,
  ): Promise<ChangeBatch | undefined>;

  listChats(kinds: ReadonlySet<number>, cursor: Buffer | undefined, limit: number): Promise<ResourcePage<Chat>>;
  /** Undefined when unknown. */
  getChat(address: string): Promise<Chat | undefined>;
  /** What is known to be complete; of the whole account when `chat` is undefined. A chat need not be stored. */
  getCoverage(chat: string | undefined): Promise<CoverageView>;
  listContacts(cursor: Buffer | undefined, limit: number): Promise<ResourcePage<Contact>>;
  /** All labels that are not deleted. */
  listLabels(): Promise<Label[]>;
  /** A page ends at `limit` or about `maxBytes`. */
  listGroups(cursor: Buffer | undefined, limit: number, maxBytes: number): Promise<ResourcePage<Group>>;
}
