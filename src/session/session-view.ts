import { timestampMs } from '@bufbuild/protobuf/wkt';
import { DomainError } from '../domain/fault.js';
import type { Session } from './session.js';
import { mediaPolicyOf } from './session-record.js';
import type { LinkView, SessionView } from './sessions.js';

/** A session as the API shows it, with its link; one whose store cannot be used has nothing to count. */
export async function viewOf(session: Session, link: LinkView): Promise<SessionView> {
  const { sessionId, displayName, createTime } = session.record;
  const counts = await session.counts().catch((error: unknown) => {
    if (error instanceof DomainError && error.fault.reason === 'SESSION_UNAVAILABLE') return NOTHING_KNOWN;
    throw error;
  });
  const createMs = createTime === undefined ? 0 : timestampMs(createTime);
  const mediaPolicy = mediaPolicyOf(session.record);
  return { sessionId, displayName, createMs, state: session.state, ...counts, link, mediaPolicy };
}

const NOTHING_KNOWN = { revision: 0, messageCount: 0, chatCount: 0, ownerName: '' };
