import type { BackfillKind } from '../domain/backfill.js';
import type { LinkState } from '../domain/link.js';
import type { BackfillRecord } from '../gen/scrollback/store/v1/record_pb.js';
import type { MediaPolicy } from '../gen/scrollback/v1/session_service_pb.js';
import type { HistoryReader } from '../store/history-reader.js';
import type { LinkAccount, LinkOffer } from './link/link.js';

/**
 * What the door may ask of the sessions; the supervisor answers it. All methods throw `DomainError` with the faults
 * that the public API documents; anything else they throw is INTERNAL.
 */
export interface Sessions {
  /** Unspecified as policy is ON_DEMAND. */
  createSession(sessionId: string, displayName: string, mediaPolicy: MediaPolicy): Promise<SessionView>;
  /** Changes what is stated: an undefined name and an unspecified policy stay as they are. */
  updateSession(sessionId: string, displayName: string | undefined, mediaPolicy: MediaPolicy): Promise<SessionView>;
  getSession(sessionId: string): Promise<SessionView>;
  /** Sessions with ids after `afterId` (`''` for all), ascending, at most `limit`. */
  listSessions(afterId: string, limit: number): Promise<SessionView[]>;
  deleteSession(sessionId: string): Promise<void>;

  /** Links a session: what there is to show, until it is connected; see `LinkSession` of the API. */
  linkSession(sessionId: string, phoneNumber: string, signal: AbortSignal): AsyncGenerator<LinkView, void, undefined>;
  /** Unlinks a session; `loggedOut` says whether WhatsApp was told. */
  unlinkSession(sessionId: string): Promise<{ session: SessionView; loggedOut: boolean }>;
  /** The session now, then after each change of its link, coalesced, until it is deleted or the signal aborts. */
  watchSession(sessionId: string, signal: AbortSignal): AsyncGenerator<SessionView, void, undefined>;

  /**
   * Runs `read` with the history of a session, which stays open until the promise settles: hold it for one page or
   * for as long as a stream lives.
   */
  withHistory<T>(sessionId: string, read: (history: HistoryReader) => Promise<T>): Promise<T>;

  /** Opens the file of a message, fetching it when it is not here; see `ReadMedia` of the API. Close it always. */
  openMedia(sessionId: string, question: MediaQuestion, signal: AbortSignal): Promise<MediaRead>;

  createBackfill(request: NewBackfill): Promise<BackfillRecord>;
  getBackfill(backfillId: string): Promise<BackfillRecord>;
  /** Of a session the running import of a backup, else any that runs, else the latest; of one kind if one is named. */
  latestBackfill(sessionId: string, kind?: BackfillKind): Promise<BackfillRecord>;
  /** The newest first: ids before `beforeId` (`''` for all), at most `limit`. */
  listBackfills(filter: BackfillFilter, beforeId: string, limit: number): Promise<BackfillRecord[]>;
  resumeBackfill(backfillId: string, key: BackupKeyInput): Promise<BackfillRecord>;
  cancelBackfill(backfillId: string): Promise<BackfillRecord>;
  /** The present state, then each change, coalesced; ends after a terminal state or when the signal aborts. */
  watchBackfill(backfillId: string, signal: AbortSignal): AsyncGenerator<BackfillRecord, void, undefined>;

  /** Opens the upload of a backfill for one client; refuses a second one with UPLOAD_IN_PROGRESS. Close it always. */
  openUpload(backfillId: string): Promise<UploadSink>;
}

/** A session as the API shows it. */
export interface SessionView {
  sessionId: string;
  displayName: string;
  createMs: number;
  state: 'ready' | 'recovering' | 'failed';
  revision: number;
  messageCount: number;
  chatCount: number;
  ownerName: string;
  link: LinkView;
  /** Never unspecified. */
  mediaPolicy: MediaPolicy;
}

/** Which message's file is wanted. */
export type MediaQuestion = Parameters<HistoryReader['findMessages']>[0];

/** The file of a message, open for reading. */
export interface MediaRead {
  mimeType: string;
  fileName: string;
  sizeBytes: number;
  sha256: Uint8Array;
  /** Reads at most `buffer.length` bytes at an offset; 0 at the end. */
  read(buffer: Buffer, offset: number): Promise<number>;
  close(): Promise<void>;
}

/** A link as the API shows it. */
export interface LinkView extends LinkAccount {
  status: LinkState;
  sinceMs: number;
  /** What is to be shown to the owner of the phone; for the one who links, and for nobody else. */
  offer: LinkOffer | undefined;
}

/** Which backfills to list: of one session or of all (`''`), of one kind or of all. */
export interface BackfillFilter {
  sessionId: string;
  kind?: BackfillKind | undefined;
}

/** Where a backup comes from. */
export type BackupSource = { kind: 'upload'; totalSize: number; fileName: string } | { kind: 'drop'; fileName: string };

/** What the phone is asked for. Times are ms since 1970. */
export type PhoneSource =
  /** `chat` is any address of one, '' for all; `maxMessages` 0 for as many as there are. */
  | { kind: 'older-messages'; chat: string; untilMs: number; maxMessages: number }
  | { kind: 'reconciliation'; fromMs: number; toMs: number };

/** A new backfill. The key's bytes are the callee's from now on: it wipes them. */
export interface NewBackfill {
  sessionId: string;
  source: BackupSource | { kind: 'directory' } | PhoneSource;
  key: BackupKeyInput;
  /** `''` for none. */
  requestId: string;
}

/** A key as it came: text digits as their UTF-8 bytes, or the bytes of a key file. Undefined for none. */
export type BackupKeyInput = Uint8Array | undefined;

/** The upload of one backfill. */
export interface UploadSink {
  /** Bytes that the server has durably or in this call so far: the only offset that `write` accepts. */
  readonly offset: number;
  /**
   * Appends a chunk; resolves when the next may come. Throws WRONG_OFFSET, or a BackupFault as soon as the probe
   * refuses the file: the backfill has failed then.
   */
  write(offset: number, data: Uint8Array): Promise<void>;
  /** Syncs what was written, and starts the import when the file is complete. Returns the backfill. */
  finish(): Promise<BackfillRecord>;
  /** Lets go of the upload; what was written is synced. Safe to call twice and after a failed write. */
  close(): Promise<void>;
}
