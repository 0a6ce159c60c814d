import { fromBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { status } from '@grpc/grpc-js';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { Fault } from '../../src/domain/fault.js';
import { DomainError } from '../../src/domain/fault.js';
import { ErrorInfoSchema, RetryInfoSchema } from '../../src/gen/google/rpc/error_details_pb.js';
import { StatusSchema } from '../../src/gen/google/rpc/status_pb.js';
import { codeOf, toFailure, toStatus } from '../../src/rpc/status.js';

/** One of each. A reason that is missing does not compile. */
const faults: { [R in Fault['reason']]: Extract<Fault, { reason: R }> } = {
  INVALID_ARGUMENT: { reason: 'INVALID_ARGUMENT', field: 'page_size', problem: 'must not be negative' },
  INVALID_PAGE_TOKEN: { reason: 'INVALID_PAGE_TOKEN' },
  REVISION_AHEAD: { reason: 'REVISION_AHEAD', revision: 7 },
  SESSION_NOT_FOUND: { reason: 'SESSION_NOT_FOUND', sessionId: 's' },
  SESSION_EXISTS: { reason: 'SESSION_EXISTS', sessionId: 's' },
  SESSION_UNAVAILABLE: { reason: 'SESSION_UNAVAILABLE', sessionId: 's' },
  MAILBOX_FULL: { reason: 'MAILBOX_FULL', sessionId: 's' },
  LINK_IN_PROGRESS: { reason: 'LINK_IN_PROGRESS', sessionId: 's' },
  PAIRING_EXPIRED: { reason: 'PAIRING_EXPIRED', sessionId: 's' },
  LINK_REFUSED: { reason: 'LINK_REFUSED', sessionId: 's', state: 'banned', code: 403 },
  LINK_OTHER_ACCOUNT: { reason: 'LINK_OTHER_ACCOUNT', sessionId: 's' },
  PHONE_SILENT: { reason: 'PHONE_SILENT', sessionId: 's' },
  LINK_NOT_CONNECTED: { reason: 'LINK_NOT_CONNECTED', sessionId: 's', state: 'backing-off' },
  WHATSAPP_REFUSED: { reason: 'WHATSAPP_REFUSED', code: 429 },
  WHATSAPP_SILENT: { reason: 'WHATSAPP_SILENT' },
  WHATSAPP_UNREACHABLE: { reason: 'WHATSAPP_UNREACHABLE', code: 428 },
  SHUTTING_DOWN: { reason: 'SHUTTING_DOWN' },
  CHAT_NOT_FOUND: { reason: 'CHAT_NOT_FOUND' },
  MESSAGE_NOT_FOUND: { reason: 'MESSAGE_NOT_FOUND' },
  MEDIA_NOT_FOUND: { reason: 'MEDIA_NOT_FOUND' },
  MEDIA_GONE: { reason: 'MEDIA_GONE', phoneAnswered: true },
  MEDIA_NOT_AVAILABLE: { reason: 'MEDIA_NOT_AVAILABLE', sessionId: 's', linkState: 'unlinked' },
  MEDIA_DAMAGED: { reason: 'MEDIA_DAMAGED' },
  MEDIA_POLICY: { reason: 'MEDIA_POLICY', sessionId: 's' },
  MEDIA_TOO_LARGE: { reason: 'MEDIA_TOO_LARGE', limitBytes: 1024 },
  MEDIA_QUOTA: { reason: 'MEDIA_QUOTA', limitBytes: 1024 },
  MEDIA_UNREACHABLE: { reason: 'MEDIA_UNREACHABLE', code: 503 },
  MEDIA_OFFSET: { reason: 'MEDIA_OFFSET', sizeBytes: 512 },
  SLOW_READER: { reason: 'SLOW_READER' },
  TOO_MANY_STREAMS: { reason: 'TOO_MANY_STREAMS', limit: 9 },
  BACKFILL_NOT_FOUND: { reason: 'BACKFILL_NOT_FOUND', backfillId: 'b' },
  BACKFILL_RUNNING: { reason: 'BACKFILL_RUNNING', sessionId: 's', backfillId: 'b' },
  BACKFILL_ENDED: { reason: 'BACKFILL_ENDED', backfillId: 'b', state: 'FAILED' },
  BACKFILL_NOT_CANCELLABLE: { reason: 'BACKFILL_NOT_CANCELLABLE', backfillId: 'b' },
  BACKFILL_NOT_UPLOADING: { reason: 'BACKFILL_NOT_UPLOADING', backfillId: 'b', state: 'IMPORTING' },
  UPLOAD_IN_PROGRESS: { reason: 'UPLOAD_IN_PROGRESS', backfillId: 'b' },
  UPLOAD_STALLED: { reason: 'UPLOAD_STALLED', committedSize: 512 },
  WRONG_OFFSET: { reason: 'WRONG_OFFSET', committedSize: 512 },
  DROP_DIRECTORY_NOT_SET: { reason: 'DROP_DIRECTORY_NOT_SET' },
  DROP_FILE_NOT_FOUND: { reason: 'DROP_FILE_NOT_FOUND', fileName: 'f' },
  WRONG_KEY: { reason: 'WRONG_KEY', mistypedDigit: 17 },
  WRONG_KEY_OR_DAMAGED: { reason: 'WRONG_KEY_OR_DAMAGED' },
  KEY_REQUIRED: { reason: 'KEY_REQUIRED' },
  KEY_MALFORMED: { reason: 'KEY_MALFORMED', problem: 'it has 63 digits' },
  KEY_KIND_MISMATCH: { reason: 'KEY_KIND_MISMATCH', needed: 'digits', problem: 'it is crypt15' },
  PASSWORD_PROTECTED: { reason: 'PASSWORD_PROTECTED' },
  PASSKEY_PROTECTED: { reason: 'PASSKEY_PROTECTED' },
  DAMAGED: { reason: 'DAMAGED', problem: 'the tag is wrong' },
  TRUNCATED: { reason: 'TRUNCATED' },
  NOT_A_BACKUP: { reason: 'NOT_A_BACKUP' },
  OTHER_BACKUP: { reason: 'OTHER_BACKUP', content: 'stickers' },
  INCREMENTAL_BACKUP: { reason: 'INCREMENTAL_BACKUP' },
  SCHEMA_NOT_SUPPORTED: { reason: 'SCHEMA_NOT_SUPPORTED', problem: 'message is a view' },
  BACKUP_TOO_LARGE: { reason: 'BACKUP_TOO_LARGE', limitBytes: 1024 },
  BACKUP_STALLED: { reason: 'BACKUP_STALLED' },
  STORAGE_FULL: { reason: 'STORAGE_FULL' },
  CANCELLED: { reason: 'CANCELLED' },
  INTERNAL: { reason: 'INTERNAL' },
};
const silent = pino({ level: 'silent' });

describe('every fault', () => {
  it('has its code, a sentence, and exactly one ErrorInfo with its data', () => {
    for (const fault of Object.values(faults)) {
      const rich = toStatus(fault);
      expect(rich.code, fault.reason).toBe(codeOf[fault.reason]);
      expect(rich.message.length, fault.reason).toBeGreaterThan(10);
      const infos = rich.details.flatMap((detail) => anyUnpack(detail, ErrorInfoSchema) ?? []);
      expect(infos, fault.reason).toHaveLength(1);
      expect(infos[0], fault.reason).toMatchObject({ reason: fault.reason, domain: 'scrollback' });
      expect(Object.keys(infos[0]?.metadata ?? {})).toHaveLength(Object.keys(fault).length - 1);
    }
  });

  it('says when to try again exactly when it is UNAVAILABLE', () => {
    for (const fault of Object.values(faults)) {
      const rich = toStatus(fault);
      const retries = rich.details.flatMap((detail) => anyUnpack(detail, RetryInfoSchema) ?? []);
      expect(retries.length, fault.reason).toBe(rich.code === status.UNAVAILABLE ? 1 : 0);
    }
  });

  it('says in its text whatever varies, and in its metadata by the names of the contract', () => {
    expect(toStatus(faults.BACKFILL_RUNNING).message).toBe(
      'session s already runs backfill b; wait for it, or cancel it with CancelBackfill',
    );
    expect(toStatus(faults.WRONG_KEY).message).toContain('digit 17 looks mistyped');
    expect(toStatus({ reason: 'WRONG_KEY' }).message).not.toContain('digit');
    const info = toStatus(faults.WRONG_OFFSET).details.map((detail) => anyUnpack(detail, ErrorInfoSchema))[0];
    expect(info?.metadata).toEqual({ committed_size: '512' });
  });

  it('says each thing once', () => {
    expect(toStatus({ reason: 'KEY_MALFORMED', problem: 'it is empty, 64 hex digits are needed' }).message).toBe(
      'this is not a key: it is empty, 64 hex digits are needed; give the 64 digits that WhatsApp showed, or the key file',
    );
    expect(toStatus({ reason: 'KEY_KIND_MISMATCH', needed: 'key-file', problem: 'it needs another' }).message).toBe(
      'the key does not belong to this backup: it needs another; take it from the phone that made the backup',
    );
    expect(toStatus(faults.DAMAGED).message).toBe(
      'the backup is damaged: the tag is wrong; copy it from the phone again, and if that does not help, back up on the phone again',
    );
  });

  it('goes out in the trailer of the error', () => {
    const failure = toFailure(new DomainError(faults.WRONG_OFFSET), 'm', silent);
    const [trailer] = failure.metadata.get('grpc-status-details-bin');
    expect(failure.code).toBe(status.OUT_OF_RANGE);
    expect(fromBinary(StatusSchema, Uint8Array.from(Buffer.from(trailer ?? '')))).toEqual(
      toStatus(faults.WRONG_OFFSET),
    );
  });

  it('is short and well-formed, however long and broken what the client sent', () => {
    const sessionId = '😀'.repeat(100_000);
    const { message, details } = toStatus({ reason: 'SESSION_NOT_FOUND', sessionId: `x${sessionId}` });
    expect(message.length).toBeLessThan(1_000);
    expect(() => encodeURI(message)).not.toThrow();
    expect(details[0]?.value.length).toBeLessThan(2_000);
  });
});

describe('an error that is no fault', () => {
  it('becomes STORAGE_FULL when a full disk is behind it, however deep', () => {
    const system = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    const levelDb = new Error('IO error: /data/000005.log: No space left on device');
    const circle = new Error('a circle');
    circle.cause = circle;
    for (const error of [system, levelDb, new Error('not opened', { cause: new Error('why', { cause: levelDb }) })]) {
      expect(toFailure(error, 'm', silent).code, error.message).toBe(status.RESOURCE_EXHAUSTED);
      expect(toFailure(error, 'm', silent).details).not.toContain('/data');
    }
    expect(toFailure(circle, 'm', silent).code).toBe(status.INTERNAL);
  });

  it('becomes INTERNAL with an incident id, and its text goes to the log only', () => {
    const lines: string[] = [];
    const log = pino({}, { write: (line: string) => void lines.push(line) });
    const failure = toFailure(new Error('ENOENT /var/lib/secret'), 'scrollback.v1.X/Y', log);
    const [trailer] = failure.metadata.get('grpc-status-details-bin');
    const rich = fromBinary(StatusSchema, Uint8Array.from(Buffer.from(trailer ?? '')));
    const info = rich.details.map((detail) => anyUnpack(detail, ErrorInfoSchema))[0];

    expect(failure.code).toBe(status.INTERNAL);
    expect(JSON.stringify([failure.details, rich.message, info])).not.toMatch(/ENOENT|var|secret/);
    expect(info?.metadata['incident_id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('ENOENT /var/lib/secret');
    expect(lines[0]).toContain(info?.metadata['incident_id']);
  });

  it('may be anything that JavaScript can throw', () => {
    for (const thrown of [
      undefined,
      null,
      'text',
      7,
      { code: 5, details: 'looks like a status' },
      Object.create(null),
    ]) {
      expect(toFailure(thrown, 'm', silent).code).toBe(status.INTERNAL);
    }
  });
});
