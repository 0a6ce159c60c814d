import type { BackupFault } from '../domain/fault.js';

/**
 * What crosses the thread: plain questions with plain answers. Every task carries a `control` buffer through which it
 * is stopped and shows that it lives; no answer is an exception, because structured cloning strips an error of its
 * class and fields.
 */
export interface TaskBase {
  /** An `Int32Array`: see `control` for its slots. */
  control: SharedArrayBuffer;
}

/**
 * Slots of a task's control buffer: set `cancel` to 1 to stop it; it adds to `heartbeat` at least at each row or chunk; `progress` is
 * the number of MiB (of the encrypted file) that a decryption has done. `slots` is how many there are.
 */
export const control = { cancel: 0, heartbeat: 1, progress: 2, slots: 3 } as const;

/** Makes a control buffer. */
export function makeControl(): SharedArrayBuffer {
  return new SharedArrayBuffer(control.slots * Int32Array.BYTES_PER_ELEMENT);
}

/** A worker's answer: what was asked for, or why not. A cancelled task answers `CANCELLED`; `trace` says where an INTERNAL came from. */
export type Answer<T> = ({ ok: true } & T) | { ok: false; fault: BackupFault; trace?: Trace };

/** Where an unexpected error of a task came from: for the log, and without its text, which may hold what somebody wrote. */
export interface Trace {
  type: string;
  /** The code of the system or the library, and what the system was asked for; '' for none. */
  code: string;
  frames: string;
}

/** Returns what a task met in its thread, as the cause of an error outside of it; undefined where its fault says it all. */
export function causeOf({ trace }: { trace?: Trace }): Error | undefined {
  if (trace === undefined) return undefined;
  const { type, code, frames } = trace;
  return Object.assign(new Error('in a thread'), { name: type, code, stack: frames });
}

/**
 * Verifies, decrypts and inflates a backup (or copies a plain one) to `targetPath`, which appears complete or not at
 * all: it is written as `<targetPath>.part` with mode 0600, synced, and renamed after the authentication tag verified.
 */
export interface DecryptTask extends TaskBase {
  sourcePath: string;
  targetPath: string;
  /** The key as the client gave it; wiped by the worker when done. Undefined for a plain database. */
  key: Uint8Array | undefined;
  /** Inflating stops with BACKUP_TOO_LARGE beyond this. */
  maxInflatedBytes: number;
}

export interface DecryptResult {
  /** Bytes of the database. */
  plainBytes: number;
  /** English, without secrets: "the MD5 trailer is damaged; the content verified". */
  warnings: string[];
}

/** Looks at a decrypted database: its schema, its small tables, what must be known before the first page. */
export interface SurveyTask extends TaskBase {
  databasePath: string;
}

export interface SurveyResult {
  survey: Survey;
}

/** What a survey found. JIDs are as in the file, normalised (no device, lower case server), not yet resolved from LID to phone. */
export interface Survey {
  /** LID → phone JID, from `jid_map`. */
  mappings: [lid: string, phone: string][];
  /** LIDs of the file's `jid` table that the file itself does not resolve. */
  unresolvedLids: string[];
  /** The chats of both generations; several may name one person (a phone and a LID chat). */
  chats: SurveyChat[];
  /** Rows of the modern table have ids up to this; 0 when there is none. */
  messageMaxId: number;
  /** Rows of the legacy table have ids up to this; 0 when there is none. */
  legacyMaxId: number;
  /** When the newest row was sent or received, in ms: the time that the backup speaks of. */
  asOfMs: number;
  /** `props.user_push_name`, or ''. */
  ownerName: string;
  /** Row ids of tables that have no index, sorted by what they belong to. */
  sideIndexes: SideIndex[];
  warnings: string[];
}

export interface SurveyChat {
  /** `chat._id`; 0 for a chat that only legacy rows or `chat_list` name. */
  rowId: number;
  jid: string;
  /** Subject of a group, name of a newsletter; '' for none. */
  name: string;
  createMs: number;
  archived: boolean;
  unreadCount: number;
  ephemeralSeconds: number;
}

/** For one table: `parents[i]` (ascending) is the row that row `rowIds[i]` belongs to. */
export interface SideIndex {
  table: string;
  /** Float64Array of row ids of the parent (or, for `message` by key id, of 32-bit hashes). */
  parents: SharedArrayBuffer;
  /** Float64Array of the table's own row ids. */
  rowIds: SharedArrayBuffer;
}

/** What all page tasks of one backfill share; workers keep what they derive from it by `planId`. */
export interface ImportPlan {
  /** Unique in the process. */
  planId: number;
  databasePath: string;
  /** See `sharePlanNames`. */
  names: SharedArrayBuffer;
  sideIndexes: SideIndex[];
  messageMaxId: number;
  legacyMaxId: number;
  /** That of the survey. */
  asOfMs: number;
}

/** What a session tells a backfill's workers of addresses. */
export interface PlanNames {
  /** LID → phone JID that the session knows beyond the file. */
  extraMappings: [lid: string, phone: string][];
  /** Chats: canonical JID (LID resolved) and the session's number of the chat. */
  chats: [jid: string, chatNumber: number][];
}

/**
 * Puts the names into memory that threads share, as JSON: a plan goes along with each page, and cloning its lists took 2 s of the
 * import of a million messages.
 */
export function sharePlanNames(names: PlanNames): SharedArrayBuffer {
  const json = Buffer.from(JSON.stringify(names));
  const shared = new SharedArrayBuffer(json.length);
  json.copy(new Uint8Array(shared));
  return shared;
}

/** Reads what `sharePlanNames` made; once for each plan and thread. */
export function readPlanNames(plan: ImportPlan): PlanNames {
  // Safety: only `sharePlanNames` writes it.
  return JSON.parse(Buffer.from(new Uint8Array(plan.names)).toString()) as PlanNames;
}

/** Reads rows `afterId < id <= throughId` of one message table, at most `maxRows` and about `maxBytes` of page. */
export interface ReadPageTask extends TaskBase {
  plan: ImportPlan;
  table: 'message' | 'messages';
  afterId: number;
  throughId: number;
  maxRows: number;
  maxBytes: number;
  /** Where the page is written, if it has room there: memory that is used again is neither copied nor collected. */
  memory?: SharedArrayBuffer;
}

export interface PageResult {
  /** Records in the form of `domain/page-format.ts`: in the task's `memory`, or transferred. */
  page: Uint8Array;
  /** All rows up to this id have been read: `throughId`, or less when a limit was reached. */
  readThroughId: number;
  /** The next id that exists after `readThroughId`, when no row was found at all; 0 when there is none. */
  nextId: number;
  /** Rows read, skipped ones included. */
  rowsRead: number;
  /** Rows that became no record with op `message`, by reason. Rows with op `deleted` count as `deleted`. */
  skipped: SkippedCounts;
  /** LIDs that were left unresolved in the page's messages, each once. */
  unresolvedLids: string[];
  /** SHA-256 of the page: the same rows, read with the same knowledge of addresses, give the same one. */
  digest: Uint8Array;
}

export interface SkippedCounts {
  sentinel: number;
  orphan: number;
  deleted: number;
  duplicate: number;
  malformed: number;
}

/** Reads people or groups with internal ids after `afterId`, at most `maxRows`. */
export interface ReadDirectoryTask extends TaskBase {
  plan: ImportPlan;
  part: 'contacts' | 'groups';
  afterId: number;
  maxRows: number;
}

export interface DirectoryResult {
  contacts: DirectoryContact[];
  groups: DirectoryGroup[];
  /** Continue after this id. */
  readThroughId: number;
  done: boolean;
}

/**
 * A person of the `jid` table (of a file without one: of its chats and groups), canonical. Several rows (phone and LID) may give the
 * same person: the store joins them.
 */
export interface DirectoryContact {
  jid: string;
  alternateJids: string[];
  pushName: string;
  username: string;
  maskedNumber: string;
}

export interface DirectoryGroup {
  jid: string;
  subject: string;
  createMs: number;
  members: {
    jid: string;
    rank: 'member' | 'admin' | 'superadmin';
    pending: boolean;
    joinMs: number;
    label: string;
    fromMe: boolean;
  }[];
  pastMembers: { jid: string; leaveMs: number; leftVoluntarily: boolean }[];
}
