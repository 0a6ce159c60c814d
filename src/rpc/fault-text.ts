import type { Fault } from '../domain/fault.js';
import { stoppedText } from './link-text.js';

/**
 * What a fault says to a person: what is wrong, then what to do about it. Whatever varies in it is in the fault's data
 * too, so that no program has to read it (AIP-193).
 */
export function faultText(fault: Fault): string {
  switch (fault.reason) {
    case 'INVALID_ARGUMENT':
      return `${fault.field}: ${fault.problem}`;
    case 'INVALID_PAGE_TOKEN':
      return 'the token was not made by this server or belongs to another question; ask again without a token';
    case 'REVISION_AHEAD':
      return `the session has only come to revision ${fault.revision}; watch from there or from an earlier one`;
    case 'SESSION_NOT_FOUND':
      return `there is no session ${fault.sessionId}; create it with CreateSession, or see ListSessions`;
    case 'SESSION_EXISTS':
      return `there already is a session ${fault.sessionId}; use it, or choose another id`;
    case 'SESSION_UNAVAILABLE':
      return `the history of session ${fault.sessionId} cannot be used at the moment; try again, and see GetSession`;
    case 'MAILBOX_FULL':
      return `session ${fault.sessionId} has too much to do at the moment; try again`;
    case 'LINK_IN_PROGRESS':
      return `another call links or unlinks session ${fault.sessionId}; wait for it, or end it`;
    case 'PAIRING_EXPIRED':
      return 'no phone answered in time; call LinkSession again for new codes';
    case 'LINK_REFUSED':
      return `WhatsApp does not let session ${fault.sessionId} in (code ${fault.code}): ${stoppedText(fault.state, fault.code)}`;
    case 'LINK_OTHER_ACCOUNT':
      return `the phone belongs to another account than session ${fault.sessionId}; remove the device on that phone, and link it to a session of its own`;
    case 'LINK_NOT_CONNECTED':
      return `session ${fault.sessionId} is not connected to WhatsApp (${fault.state}); link it with LinkSession, or wait until WatchSession says that it is online`;
    case 'WHATSAPP_REFUSED':
      return `WhatsApp refused what it was asked for (code ${fault.code}); try again later`;
    case 'WHATSAPP_SILENT':
      return 'WhatsApp did not answer what it was asked for; try again later';
    case 'PHONE_SILENT':
      return `the phone of session ${fault.sessionId} answered nothing; see that it is on and online, open WhatsApp on it, then try again`;
    case 'WHATSAPP_UNREACHABLE':
      return `the connection to WhatsApp was lost or could not be made (code ${fault.code}); check the network of the server, then try again`;
    case 'SHUTTING_DOWN':
      return 'the server is shutting down; try again when it is back, streams with their last resume_token';
    case 'CHAT_NOT_FOUND':
      return 'the session knows no such chat; see ListChats';
    case 'MESSAGE_NOT_FOUND':
      return 'the session holds no message that fits';
    case 'MEDIA_NOT_FOUND':
      return 'the message has no file, or nothing is known that could fetch it; its metadata is all there is';
    case 'MEDIA_GONE':
      return fault.phoneAnswered
        ? 'WhatsApp has dropped the file, and the phone does not have it either; its metadata is all there is'
        : 'WhatsApp has dropped the file, and the phone did not answer; see that it is online, then try again';
    case 'MEDIA_NOT_AVAILABLE':
      return `the file is not on this server, and session ${fault.sessionId} is not connected (${fault.linkState}); link it with LinkSession, or wait until it is`;
    case 'MEDIA_DAMAGED':
      return 'what WhatsApp has is not the file that was sent; ask its sender for it';
    case 'MEDIA_POLICY':
      return `session ${fault.sessionId} fetches no files; change its media_policy with UpdateSession`;
    case 'MEDIA_TOO_LARGE':
      return `the file is larger than the ${fault.limitBytes} bytes that a session may keep; raise SCROLLBACK_MEDIA_QUOTA_MB on the server`;
    case 'MEDIA_QUOTA':
      return `other downloads take the ${fault.limitBytes} bytes that a session may keep; try again when they have ended, or raise SCROLLBACK_MEDIA_QUOTA_MB on the server`;
    case 'MEDIA_UNREACHABLE':
      return `WhatsApp does not give out the file at the moment (code ${fault.code}); try again`;
    case 'MEDIA_OFFSET':
      return `the file ends at byte ${fault.sizeBytes}; ask for an offset up to there`;
    case 'SLOW_READER':
      return 'the client did not read for too long; go on with the last resume_token';
    case 'TOO_MANY_STREAMS':
      return `the server already has ${fault.limit} such calls open, its limit; end some`;
    case 'BACKFILL_NOT_FOUND':
      return fault.backfillId === ''
        ? 'the session has no backfill; make one with CreateBackfill'
        : `there is no backfill ${fault.backfillId}; see ListBackfills`;
    case 'BACKFILL_RUNNING':
      return `session ${fault.sessionId} already runs backfill ${fault.backfillId}; wait for it, or cancel it with CancelBackfill`;
    case 'BACKFILL_ENDED':
      return `backfill ${fault.backfillId} has ended (${fault.state}); create a new one`;
    case 'BACKFILL_NOT_CANCELLABLE':
      return `backfill ${fault.backfillId} records what WhatsApp sends by itself and cannot be cancelled; UnlinkSession ends it`;
    case 'BACKFILL_NOT_UPLOADING':
      return `backfill ${fault.backfillId} takes no upload now (${fault.state}); follow it with WatchBackfill`;
    case 'UPLOAD_IN_PROGRESS':
      return `another client uploads backfill ${fault.backfillId}; wait until that upload ends, or cancel the backfill`;
    case 'UPLOAD_STALLED':
      return fault.committedSize === undefined
        ? 'the upload brought nothing for too long; call again, and go on from committed_size of the backfill'
        : `the upload brought nothing for too long; what came is kept: call again, and go on at byte ${fault.committedSize}`;
    case 'WRONG_OFFSET':
      return `the upload must go on at byte ${fault.committedSize}; send that as write_offset`;
    case 'DROP_DIRECTORY_NOT_SET':
      return 'this server has no drop directory; set one on the server, or upload the backup';
    case 'DROP_FILE_NOT_FOUND':
      return `the drop directory has no plain file ${fault.fileName}; copy the backup there first (links are not followed)`;
    case 'WRONG_KEY':
      return fault.mistypedDigit === undefined
        ? 'the key does not open this backup; give the key that was shown when this backup was switched on'
        : `the key does not open this backup: digit ${fault.mistypedDigit} looks mistyped; check it`;
    case 'WRONG_KEY_OR_DAMAGED':
      return 'the key does not open this backup, or the file is damaged; check the key, then copy the file from the phone again';
    case 'KEY_REQUIRED':
      return 'the backup is encrypted; give its key (64 digits, or the key file)';
    case 'KEY_MALFORMED':
      return `this is not a key: ${fault.problem}; give the 64 digits that WhatsApp showed, or the key file`;
    case 'KEY_KIND_MISMATCH':
      return fault.needed === 'digits'
        ? `the key is of another kind: ${fault.problem}`
        : `the key does not belong to this backup: ${fault.problem}; take it from the phone that made the backup`;
    case 'PASSWORD_PROTECTED':
      return 'this backup is protected by a password; switch the phone to a 64-digit key, back up again, and import that';
    case 'PASSKEY_PROTECTED':
      return 'this backup is protected by a passkey; switch the phone to a 64-digit key, back up again, and import that';
    case 'DAMAGED':
      return `the backup is damaged: ${fault.problem}; copy it from the phone again, and if that does not help, back up on the phone again`;
    case 'TRUNCATED':
      return 'the backup is not complete; copy it from the phone again';
    case 'NOT_A_BACKUP':
      return 'this is no WhatsApp message backup; give msgstore.db.crypt15, crypt14, crypt12, or a plain msgstore.db';
    case 'OTHER_BACKUP':
      return fault.content === 'unknown'
        ? 'this backup holds other things than messages; give the file msgstore.db.crypt15'
        : `this backup holds ${fault.content}, not messages; give the file msgstore.db.crypt15`;
    case 'INCREMENTAL_BACKUP':
      return 'this is an incremental part and needs its base; give the full msgstore.db.crypt15';
    case 'SCHEMA_NOT_SUPPORTED':
      return `the database cannot be read: ${fault.problem}`;
    case 'BACKUP_TOO_LARGE':
      return `the backup is larger than this server's limit of ${fault.limitBytes} bytes; raise the limit on the server`;
    case 'BACKUP_STALLED':
      return 'reading the backup made no progress and was given up; the file is not tried again';
    case 'STORAGE_FULL':
      return "the server's disk is full; free some space, then try again";
    case 'CANCELLED':
      return 'it was cancelled';
    case 'INTERNAL':
      return "something went wrong inside the server; see the server's log";
  }
}
