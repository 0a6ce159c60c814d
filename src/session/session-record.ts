import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { randomBytes } from 'node:crypto';
import { invalidArgument } from '../domain/fault.js';
import { makeServerId } from '../domain/server-id.js';
import type { SessionId } from '../domain/session-id.js';
import { type SessionRecord, SessionRecordSchema } from '../gen/scrollback/store/v1/record_pb.js';
import { MediaPolicy } from '../gen/scrollback/v1/session_service_pb.js';

/** The record of a session that is new. */
export function newSessionRecord(
  sessionId: SessionId,
  displayName: string,
  mediaPolicy: MediaPolicy,
  nowMs: number,
): SessionRecord {
  const directory = makeServerId(nowMs, randomBytes(16));
  return create(SessionRecordSchema, {
    sessionId,
    directory,
    displayName,
    createTime: timestampFromMs(nowMs),
    mediaPolicy,
  });
}

/** The record with what is stated: an undefined name and an unspecified policy stay as they are. */
export function changedSessionRecord(
  record: SessionRecord,
  displayName: string | undefined,
  mediaPolicy: MediaPolicy,
): SessionRecord {
  if (displayName !== undefined) checkDisplayName(displayName);
  return {
    ...record,
    displayName: displayName ?? record.displayName,
    mediaPolicy: mediaPolicy === MediaPolicy.UNSPECIFIED ? record.mediaPolicy : mediaPolicy,
  };
}

/** The policy that holds for a session. */
export function mediaPolicyOf({ mediaPolicy }: SessionRecord): MediaPolicy {
  return mediaPolicy === MediaPolicy.UNSPECIFIED ? MediaPolicy.ON_DEMAND : mediaPolicy;
}

/** Throws INVALID_ARGUMENT for a name that is too long. */
export function checkDisplayName(name: string): void {
  if (Buffer.byteLength(name) > MAX_DISPLAY_NAME) {
    invalidArgument('display_name', `has more than ${MAX_DISPLAY_NAME} bytes`);
  }
}

const MAX_DISPLAY_NAME = 200;
