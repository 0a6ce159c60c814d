import type { LiveEvent, LiveKey, VoteOpener } from '../domain/live-event.js';

/** What capturing needs of a session. */
export interface CaptureHost {
  /** Keeps a record of the inbox. When it resolves, the record is durable; when too many wait, it takes its time. */
  append(record: Uint8Array): Promise<void>;
  /** Something was appended: the inbox is to be drained. */
  wake(): void;
  /** The text of a stored message, for whoever asks for it again; undefined when it is not stored. */
  getMessage(key: LiveKey): Promise<string | undefined>;
}

/** Understands the records of the inbox: one for all sessions. */
export interface InboxReader {
  /**
   * What a record tells; `history` when it announces a chunk of history, which `readHistory` fetches; `unread` when this version
   * cannot tell what it says, and a later one may.
   */
  read(record: Buffer): LiveEvent[] | 'history' | 'unread';
  /**
   * Fetches a chunk of history and yields it in parts. Throws `HistoryGone` when it can never be had; any other error says that it may
   * be had later.
   */
  readHistory(record: Buffer, signal: AbortSignal): AsyncIterable<LiveEvent[]>;
  openVote: VoteOpener;
}
