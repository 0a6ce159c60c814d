import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { randomBytes } from 'node:crypto';
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

/** What an update changes of a record: an undefined name and an unspecified policy change nothing. */
export function changesOf(displayName: string | undefined, mediaPolicy: MediaPolicy): Partial<SessionRecord> {
  return {
    ...(displayName === undefined ? {} : { displayName }),
    ...(mediaPolicy === MediaPolicy.UNSPECIFIED ? {} : { mediaPolicy }),
  };
}

/**
 * Changes the record of a session: in memory first, so that of two changes at once neither undoes the other. A change that could not be
 * written is taken back: else the next one would make it durable, and what was refused would happen after all.
 */
export async function changeRecord(
  session: { record: SessionRecord },
  changes: Partial<SessionRecord>,
  write: (record: SessionRecord) => Promise<void>,
): Promise<void> {
  const before = session.record;
  session.record = { ...before, ...changes };
  try {
    await write(session.record);
  } catch (error) {
    const undone = Object.keys(changes).map((name) => [name, Reflect.get(before, name)] as const);
    session.record = { ...session.record, ...Object.fromEntries(undone) };
    throw error;
  }
}

/** The policy that holds for a session. */
export function mediaPolicyOf({ mediaPolicy }: SessionRecord): MediaPolicy {
  return mediaPolicy === MediaPolicy.UNSPECIFIED ? MediaPolicy.ON_DEMAND : mediaPolicy;
}
