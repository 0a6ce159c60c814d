import type { Answer, TaskBase } from '../backup/task.js';
import type { Me } from './addresses.js';

/**
 * What is asked of the threads that read chunks of history, and what they answer: a chunk is opened once, and then read part by
 * part, so that nobody holds more of it than the part that is being recorded.
 */
export interface HistoryParser {
  openHistory(task: OpenHistoryTask): Promise<Answer<OpenHistoryResult>>;
  readHistory(task: ReadHistoryTask): Promise<Answer<ReadHistoryResult>>;
}

/** Opens what was downloaded, or what lay in the announcement. Threads share the bytes: they are not copied. */
export interface OpenHistoryTask extends TaskBase {
  /** The bytes, in the pieces in which they came. */
  pieces: Uint8Array[];
  /** How they are sealed; undefined for what lay in an announcement, which is not. */
  seal: HistorySeal | undefined;
  /** What does not stop inflating before this is refused with BACKUP_TOO_LARGE. */
  maxInflatedBytes: number;
}

/** What an announcement says of its file. Empty hashes are not checked. */
export interface HistorySeal {
  mediaKey: Uint8Array;
  sha256: Uint8Array;
  encryptedSha256: Uint8Array;
}

export type OpenHistoryResult =
  /** The encoded `HistorySync`. */
  | { state: 'open'; content: SharedArrayBuffer }
  /** The bytes are not those that were announced: another download may bring them. */
  | { state: 'broken'; problem: string };

/** Converts the next part of a chunk. */
export interface ReadHistoryTask extends TaskBase {
  content: SharedArrayBuffer;
  cursor: HistoryCursor;
  me: Me;
  /** When the chunk was announced: states of chats are from then. */
  asOfMs: number;
}

export interface ReadHistoryResult {
  /** A list of `LiveEvent`, serialised by `node:v8`: one piece of memory changes hands, which nobody has to copy. */
  events: Uint8Array;
  /** How many messages, chats and people of this part make no sense and were left out; some are counted in each pass. */
  unreadable: number;
  /** Where the next part begins; undefined after the last one. */
  next: HistoryCursor | undefined;
}

/** Where in a chunk a part begins: which of the passes over it, at which of its fields, and where inside of that one. */
export interface HistoryCursor {
  pass: number;
  at: number;
  /** Of a chat, the offset of its next message; 0 for the chat itself. */
  inside: number;
}

/** Where a chunk begins. */
export const historyStart: HistoryCursor = { pass: 0, at: 0, inside: 0 };
