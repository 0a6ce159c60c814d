import type { LinkState, StoppedState } from './link.js';

/**
 * Everything that can go wrong in a way that a caller can act on. A fault is plain data: it crosses threads and is
 * kept in a backfill's record. Its fields become the metadata of the error that a client gets, so they hold no secret,
 * no message text and no path.
 */
export type Fault =
  | { reason: 'INVALID_ARGUMENT'; field: string; problem: string }
  | { reason: 'INVALID_PAGE_TOKEN' }
  | { reason: 'REVISION_AHEAD'; revision: number }
  | { reason: 'SESSION_NOT_FOUND'; sessionId: string }
  | { reason: 'SESSION_EXISTS'; sessionId: string }
  | { reason: 'SESSION_UNAVAILABLE'; sessionId: string }
  | { reason: 'MAILBOX_FULL'; sessionId: string }
  /** Another call links or unlinks the session. */
  | { reason: 'LINK_IN_PROGRESS'; sessionId: string }
  /** No phone answered in time. */
  | { reason: 'PAIRING_EXPIRED'; sessionId: string }
  /** WhatsApp does not let the device in; `state` says why, `code` is WhatsApp's own. */
  | { reason: 'LINK_REFUSED'; sessionId: string; state: StoppedState; code: number }
  /** The phone that answered belongs to another account than the one that the session was linked to. */
  | { reason: 'LINK_OTHER_ACCOUNT'; sessionId: string }
  /** The session is not connected, which what was asked for needs; `state` says where its link stands. */
  | { reason: 'LINK_NOT_CONNECTED'; sessionId: string; state: LinkState['state'] }
  /** WhatsApp answered what was asked with an error; `code` is its own. */
  | { reason: 'WHATSAPP_REFUSED'; code: number }
  /** WhatsApp did not answer what was asked. */
  | { reason: 'WHATSAPP_SILENT' }
  /** The owner's phone answered nothing that it was asked. */
  | { reason: 'PHONE_SILENT'; sessionId: string }
  /** The connection was lost before a phone answered. */
  | { reason: 'WHATSAPP_UNREACHABLE'; code: number }
  | { reason: 'SHUTTING_DOWN' }
  | { reason: 'CHAT_NOT_FOUND' }
  | { reason: 'MESSAGE_NOT_FOUND' }
  /** The message has no file, or nothing is known that could fetch it. */
  | { reason: 'MEDIA_NOT_FOUND' }
  /** WhatsApp has dropped the file, and the phone does not have it either, or did not answer. */
  | { reason: 'MEDIA_GONE'; phoneAnswered: boolean }
  /** The file is not here, and the link that could fetch it is not connected. */
  | { reason: 'MEDIA_NOT_AVAILABLE'; sessionId: string; linkState: LinkState['state'] }
  /** What WhatsApp has is not what was sent. */
  | { reason: 'MEDIA_DAMAGED' }
  | { reason: 'MEDIA_POLICY'; sessionId: string }
  | { reason: 'MEDIA_TOO_LARGE'; limitBytes: number }
  /** Downloads that are under way need the room. */
  | { reason: 'MEDIA_QUOTA'; limitBytes: number }
  /** `code` is the answer of HTTP, 0 for none. */
  | { reason: 'MEDIA_UNREACHABLE'; code: number }
  | { reason: 'MEDIA_OFFSET'; sizeBytes: number }
  | { reason: 'SLOW_READER' }
  | { reason: 'TOO_MANY_STREAMS'; limit: number }
  | { reason: 'BACKFILL_NOT_FOUND'; backfillId: string }
  | { reason: 'BACKFILL_RUNNING'; sessionId: string; backfillId: string }
  | { reason: 'BACKFILL_ENDED'; backfillId: string; state: string }
  /** It records what WhatsApp sends unasked, which is not to be lost. */
  | { reason: 'BACKFILL_NOT_CANCELLABLE'; backfillId: string }
  | { reason: 'BACKFILL_NOT_UPLOADING'; backfillId: string; state: string }
  | { reason: 'UPLOAD_IN_PROGRESS'; backfillId: string }
  /** Nothing came for too long. `committedSize` is missing when not even the first request came. */
  | { reason: 'UPLOAD_STALLED'; committedSize?: number }
  | { reason: 'WRONG_OFFSET'; committedSize: number }
  | { reason: 'DROP_DIRECTORY_NOT_SET' }
  | { reason: 'DROP_FILE_NOT_FOUND'; fileName: string }
  | BackupFault;

/** Why a backup cannot be imported: the reasons of `Backfill.error`. */
export type BackupFault =
  /** The file is intact and the key does not open it. `mistypedDigit` (1–64) names the one digit that looks wrong. */
  | { reason: 'WRONG_KEY'; mistypedDigit?: number }
  /** Neither the key fits nor can the file be shown to be intact. */
  | { reason: 'WRONG_KEY_OR_DAMAGED' }
  | { reason: 'KEY_REQUIRED' }
  | { reason: 'KEY_MALFORMED'; problem: string }
  /** A 64-digit key for a crypt14/crypt12 file, or a `key` file for a crypt15 one, or a `key` file of another file. */
  | { reason: 'KEY_KIND_MISMATCH'; needed: 'digits' | 'key-file'; problem: string }
  | { reason: 'PASSWORD_PROTECTED' }
  | { reason: 'PASSKEY_PROTECTED' }
  /** The key is right and the bytes are not what the phone wrote (or the phone wrote them damaged). */
  | { reason: 'DAMAGED'; problem: string }
  | { reason: 'TRUNCATED' }
  | { reason: 'NOT_A_BACKUP' }
  /** Right key, but the content is another kind of backup: `stickers`, `wallpapers`, `contacts`, `settings`, `unknown`. */
  | { reason: 'OTHER_BACKUP'; content: string }
  | { reason: 'INCREMENTAL_BACKUP' }
  /** A table or a column that is needed is missing or is not an ordinary table. */
  | { reason: 'SCHEMA_NOT_SUPPORTED'; problem: string }
  | { reason: 'BACKUP_TOO_LARGE'; limitBytes: number }
  /** A worker made no progress; the file is not tried again. */
  | { reason: 'BACKUP_STALLED' }
  | { reason: 'STORAGE_FULL' }
  | { reason: 'CANCELLED' }
  | { reason: 'INTERNAL' };

/** An error that carries a fault; the only one that is meant for callers. */
export class DomainError extends Error {
  readonly fault: Fault;

  constructor(fault: Fault, options?: ErrorOptions) {
    super(fault.reason, options);
    this.name = 'DomainError';
    this.fault = fault;
  }
}

/** Throws `INVALID_ARGUMENT` for a field of a request. */
export function invalidArgument(field: string, problem: string): never {
  throw new DomainError({ reason: 'INVALID_ARGUMENT', field, problem });
}
