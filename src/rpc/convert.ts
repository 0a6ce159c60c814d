import type { MessageInitShape } from '@bufbuild/protobuf';
import { clone } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { BackfillRecord } from '../gen/scrollback/store/v1/record_pb.js';
import type { Backfill } from '../gen/scrollback/v1/backfill_service_pb.js';
import { BackfillSchema } from '../gen/scrollback/v1/backfill_service_pb.js';
import type { SessionSchema } from '../gen/scrollback/v1/session_service_pb.js';
import { SessionState } from '../gen/scrollback/v1/session_service_pb.js';
import type { SessionView } from '../session/sessions.js';

const sessionStates = {
  ready: SessionState.READY,
  recovering: SessionState.RECOVERING,
  failed: SessionState.FAILED,
} as const satisfies Record<SessionView['state'], SessionState>;

/** Returns a session as clients see it. */
export function toSession(view: SessionView): MessageInitShape<typeof SessionSchema> {
  return {
    sessionId: view.sessionId,
    displayName: view.displayName,
    createTime: timestampFromMs(view.createMs),
    state: sessionStates[view.state],
    revision: BigInt(view.revision),
    messageCount: BigInt(view.messageCount),
    chatCount: BigInt(view.chatCount),
    ownerName: view.ownerName,
  };
}

/** Returns a backfill as clients see it: the record's, with its error. The record is not changed. */
export function toBackfill(record: BackfillRecord): Backfill {
  if (record.backfill === undefined) throw new Error('a backfill record without a backfill');
  const backfill = clone(BackfillSchema, record.backfill);
  if (record.error !== undefined) backfill.error = record.error;
  return backfill;
}
