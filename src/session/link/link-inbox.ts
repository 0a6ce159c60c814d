import type { LiveEvent, LiveKey, VoteOpener } from '../../domain/live-event.js';

/** What capturing needs of a session. */
export interface CaptureHost {
  /**
   * Keeps a record of the inbox. When it resolves, the record is durable; when too many wait, it takes its time. `taken` is called, if
   * ever, when the record has its place: what is written to the link's storage from then on is not durable before it.
   */
  append(record: Uint8Array, taken?: () => void): Promise<void>;
  /** Something was appended: the inbox is to be drained. */
  wake(): void;
  /** The text of a stored message, for whoever asks for it again; undefined when it is not stored. */
  getMessage(key: LiveKey): Promise<string | undefined>;
}

/** What is known of a chunk of history before it is fetched. */
export interface HistoryAnnouncement {
  /** False for the answer to what was asked of the phone. */
  unasked: boolean;
  /** Of an answer: the id of the question; '' where the phone does not say. */
  questionId: string;
  /** What kind of chunk it is, and which of them, for people. */
  name: string;
  /** How far the history is with it, 0 to 99; 0 where nothing is said. */
  progressPercent: number;
  /** True when nothing comes after it. */
  isLast: boolean;
}

/** Understands the records of the inbox: one for all sessions. */
export interface InboxReader {
  /**
   * What a record tells; `history` when it announces a chunk of history, which `readHistory` fetches; `unread` when this version
   * cannot tell what it says, and a later one may.
   */
  read(record: Buffer): LiveEvent[] | 'history' | 'unread';
  /** What an announcement says of its chunk. */
  announced(record: Buffer): HistoryAnnouncement;
  /**
   * Fetches a chunk of history and yields it in parts. Throws `HistoryGone` when it can never be had; any other error says that it may
   * be had later. The parts of a chunk are the same each time.
   */
  readHistory(record: Buffer, signal: AbortSignal): AsyncIterable<LiveEvent[]>;
  openVote: VoteOpener;
}
