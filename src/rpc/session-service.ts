import { parseSessionId } from '../domain/session-id.js';
import type { SessionService } from '../gen/scrollback/v1/session_service_pb.js';
import type { Sessions } from '../session/sessions.js';
import { toSession } from './convert.js';
import { PageTokens } from './page-token.js';
import { boundedText, pageSizeOf } from './request-field.js';
import type { Handlers } from './service.js';

/** Longest `display_name` in bytes. Part of the public contract. */
const displayNameMaxBytes = 200;

/** Answers SessionService. */
export function sessionService(sessions: Sessions): Handlers<typeof SessionService> {
  return {
    async createSession(request) {
      const displayName = boundedText('display_name', request.displayName, displayNameMaxBytes);
      return { session: toSession(await sessions.createSession(parseSessionId(request.sessionId), displayName)) };
    },

    async getSession(request) {
      return { session: toSession(await sessions.getSession(parseSessionId(request.sessionId))) };
    },

    async listSessions(request) {
      const size = pageSizeOf(request.pageSize);
      const tokens = new PageTokens('listSessions', []);
      const after = tokens.decode(request.pageToken)?.toString('utf8') ?? '';
      // One more than asked for tells whether there is a next page.
      const found = await sessions.listSessions(after, size + 1);
      const page = found.slice(0, size);
      const last = found.length > size ? page.at(-1) : undefined;
      return {
        sessions: page.map(toSession),
        nextPageToken: tokens.encode(last && Buffer.from(last.sessionId)),
      };
    },

    async deleteSession(request) {
      await sessions.deleteSession(parseSessionId(request.sessionId));
      return {};
    },
  };
}
