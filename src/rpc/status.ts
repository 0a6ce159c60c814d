import { randomUUID } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { anyPack, DurationSchema } from '@bufbuild/protobuf/wkt';
import { Metadata, status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { isDiskFull } from '../domain/disk-full.js';
import type { Fault } from '../domain/fault.js';
import { DomainError } from '../domain/fault.js';
import { ErrorInfoSchema, RetryInfoSchema } from '../gen/google/rpc/error_details_pb.js';
import type { Status } from '../gen/google/rpc/status_pb.js';
import { StatusSchema } from '../gen/google/rpc/status_pb.js';
import { faultText } from './fault-text.js';

/** The gRPC code of each fault. A new reason without a line does not compile. Only UNAVAILABLE means "try again". */
export const codeOf = {
  INVALID_ARGUMENT: status.INVALID_ARGUMENT,
  INVALID_PAGE_TOKEN: status.INVALID_ARGUMENT,
  REVISION_AHEAD: status.OUT_OF_RANGE,
  SESSION_NOT_FOUND: status.NOT_FOUND,
  SESSION_EXISTS: status.ALREADY_EXISTS,
  SESSION_UNAVAILABLE: status.UNAVAILABLE,
  MAILBOX_FULL: status.UNAVAILABLE,
  LINK_IN_PROGRESS: status.ABORTED,
  PAIRING_EXPIRED: status.ABORTED,
  LINK_REFUSED: status.FAILED_PRECONDITION,
  LINK_OTHER_ACCOUNT: status.FAILED_PRECONDITION,
  LINK_NOT_CONNECTED: status.FAILED_PRECONDITION,
  WHATSAPP_REFUSED: status.FAILED_PRECONDITION,
  WHATSAPP_SILENT: status.UNAVAILABLE,
  PHONE_SILENT: status.FAILED_PRECONDITION,
  WHATSAPP_UNREACHABLE: status.UNAVAILABLE,
  SHUTTING_DOWN: status.UNAVAILABLE,
  CHAT_NOT_FOUND: status.NOT_FOUND,
  MESSAGE_NOT_FOUND: status.NOT_FOUND,
  MEDIA_NOT_FOUND: status.NOT_FOUND,
  MEDIA_GONE: status.NOT_FOUND,
  MEDIA_NOT_AVAILABLE: status.FAILED_PRECONDITION,
  MEDIA_DAMAGED: status.DATA_LOSS,
  MEDIA_POLICY: status.FAILED_PRECONDITION,
  MEDIA_TOO_LARGE: status.FAILED_PRECONDITION,
  MEDIA_QUOTA: status.RESOURCE_EXHAUSTED,
  MEDIA_UNREACHABLE: status.UNAVAILABLE,
  MEDIA_OFFSET: status.OUT_OF_RANGE,
  SLOW_READER: status.RESOURCE_EXHAUSTED,
  TOO_MANY_STREAMS: status.RESOURCE_EXHAUSTED,
  BACKFILL_NOT_FOUND: status.NOT_FOUND,
  BACKFILL_RUNNING: status.ALREADY_EXISTS,
  BACKFILL_ENDED: status.FAILED_PRECONDITION,
  BACKFILL_NOT_CANCELLABLE: status.FAILED_PRECONDITION,
  BACKFILL_NOT_UPLOADING: status.FAILED_PRECONDITION,
  UPLOAD_IN_PROGRESS: status.ABORTED,
  UPLOAD_STALLED: status.UNAVAILABLE,
  WRONG_OFFSET: status.OUT_OF_RANGE,
  DROP_DIRECTORY_NOT_SET: status.FAILED_PRECONDITION,
  DROP_FILE_NOT_FOUND: status.NOT_FOUND,
  WRONG_KEY: status.INVALID_ARGUMENT,
  WRONG_KEY_OR_DAMAGED: status.INVALID_ARGUMENT,
  KEY_REQUIRED: status.INVALID_ARGUMENT,
  KEY_MALFORMED: status.INVALID_ARGUMENT,
  KEY_KIND_MISMATCH: status.INVALID_ARGUMENT,
  PASSWORD_PROTECTED: status.FAILED_PRECONDITION,
  PASSKEY_PROTECTED: status.FAILED_PRECONDITION,
  DAMAGED: status.INVALID_ARGUMENT,
  TRUNCATED: status.INVALID_ARGUMENT,
  NOT_A_BACKUP: status.INVALID_ARGUMENT,
  OTHER_BACKUP: status.INVALID_ARGUMENT,
  INCREMENTAL_BACKUP: status.FAILED_PRECONDITION,
  SCHEMA_NOT_SUPPORTED: status.FAILED_PRECONDITION,
  BACKUP_TOO_LARGE: status.FAILED_PRECONDITION,
  BACKUP_STALLED: status.FAILED_PRECONDITION,
  STORAGE_FULL: status.RESOURCE_EXHAUSTED,
  CANCELLED: status.CANCELLED,
  INTERNAL: status.INTERNAL,
} as const satisfies Record<Fault['reason'], status>;

/** The domain of every ErrorInfo. */
export const errorDomain = 'scrollback';

/** The trailer in which gRPC carries a google.rpc.Status. */
const detailsTrailer = 'grpc-status-details-bin';

/** When to try again after UNAVAILABLE: about as long as a session takes to reopen. Chosen, not measured. */
const retryDelaySeconds = 1n;

/**
 * Longest value in metadata and about the longest in a text, in characters. Faults repeat what the client sent, and
 * HTTP/2 peers refuse trailers of more than 8 to 64 KiB.
 */
const valueMaxLength = 256;

/** A call's failure in the form that grpc-js sends. */
export interface CallFailure {
  code: status;
  details: string;
  metadata: Metadata;
}

/** Returns a fault as google.rpc.Status: what an error on the wire and `Backfill.error` hold. */
export function toStatus(fault: Fault): Status {
  return richStatus(fault, {});
}

/**
 * Turns whatever a handler threw into what a client may see. A fault becomes its own status; a full disk, on which
 * even reading may fail, is STORAGE_FULL. Anything else becomes INTERNAL with a fixed text and an `incident_id`; its cause goes to the
 * log under that id and nowhere else.
 */
export function toFailure(error: unknown, method: string, log: Logger): CallFailure {
  if (error instanceof DomainError) {
    log.debug({ method, reason: error.fault.reason }, 'call refused');
    return failureOf(toStatus(error.fault));
  }
  if (isDiskFull(error)) {
    log.warn({ method, err: error }, 'call failed on a full disk');
    return failureOf(toStatus({ reason: 'STORAGE_FULL' }));
  }
  const incidentId = randomUUID();
  log.error({ method, incidentId, err: error }, 'call failed');
  return failureOf(richStatus({ reason: 'INTERNAL' }, { incident_id: incidentId }));
}

function failureOf(rich: Status): CallFailure {
  const metadata = new Metadata();
  metadata.set(detailsTrailer, Buffer.from(toBinary(StatusSchema, rich)));
  return { code: rich.code, details: rich.message, metadata };
}

function richStatus(fault: Fault, extra: Record<string, string>): Status {
  const code = codeOf[fault.reason];
  const { reason, ...data } = shorten(fault);
  const metadata: Record<string, string> = { ...extra };
  for (const [name, value] of Object.entries(data)) {
    if (value !== undefined) metadata[snakeCase(name)] = String(value);
  }
  const details = [anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason, domain: errorDomain, metadata }))];
  if (code === status.UNAVAILABLE) {
    const retryDelay = create(DurationSchema, { seconds: retryDelaySeconds });
    details.push(anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay })));
  }
  return create(StatusSchema, { code, message: faultText(shorten(fault)), details });
}

function shorten<F extends Fault>(fault: F): F {
  const short = { ...fault };
  for (const [name, value] of Object.entries(fault)) {
    if (typeof value === 'string') Object.assign(short, { [name]: shortText(value) });
  }
  return short;
}

function shortText(text: string): string {
  const cut = text.length > valueMaxLength ? `${text.slice(0, valueMaxLength)}…` : text;
  // Cutting may split a surrogate pair, and grpc-js throws at half a pair: encoding replaces it.
  return Buffer.from(cut, 'utf8').toString('utf8');
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
