import type { Gap } from '../domain/coverage.js';
import { invalidArgument } from '../domain/fault.js';
import { parseSessionId } from '../domain/session-id.js';
import type { ReconcileSessionRequest, SessionService } from '../gen/scrollback/v1/session_service_pb.js';
import { MediaPolicy } from '../gen/scrollback/v1/session_service_pb.js';
import type { Sessions } from '../session/sessions.js';
import type { HistoryReader } from '../store/history-reader.js';
import { toBackfill, toLinkFrame, toSession } from './convert.js';
import { PageTokens } from './page-token.js';
import { boundedText, pageSizeOf, timeBounds } from './request-field.js';
import type { Handlers } from './service.js';

/** Longest `display_name` in bytes. Part of the public contract. */
const displayNameMaxBytes = 200;

/** As that of CreateBackfill. */
const requestIdMaxBytes = 128;

/** Answers SessionService. */
export function sessionService(sessions: Sessions): Handlers<typeof SessionService> {
  return {
    async createSession(request) {
      const displayName = boundedText('display_name', request.displayName, displayNameMaxBytes);
      const sessionId = parseSessionId(request.sessionId);
      const mediaPolicy = mediaPolicyOf(request.mediaPolicy);
      return { session: toSession(await sessions.createSession(sessionId, displayName, mediaPolicy)) };
    },

    async updateSession(request) {
      const { displayName: name } = request;
      const displayName = name === undefined ? name : boundedText('display_name', name, displayNameMaxBytes);
      const sessionId = parseSessionId(request.sessionId);
      const mediaPolicy = mediaPolicyOf(request.mediaPolicy);
      return { session: toSession(await sessions.updateSession(sessionId, displayName, mediaPolicy)) };
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

    async linkSession(request, frames) {
      const sessionId = parseSessionId(request.sessionId);
      const phoneNumber = phoneNumberOf(request.phoneNumber);
      for await (const view of sessions.linkSession(sessionId, phoneNumber, frames.signal)) {
        await frames.write(toLinkFrame(view));
      }
    },

    async unlinkSession(request) {
      const { session, loggedOut } = await sessions.unlinkSession(parseSessionId(request.sessionId));
      return { session: toSession(session), loggedOut };
    },

    async reconcileSession(request) {
      const sessionId = parseSessionId(request.sessionId);
      const gap = gapOf(request) ?? (await sessions.withHistory(sessionId, latestGap));
      const record = await sessions.createBackfill({
        sessionId,
        source: { kind: 'reconciliation', ...gap },
        key: undefined,
        requestId: boundedText('request_id', request.requestId, requestIdMaxBytes),
      });
      return { backfill: toBackfill(record) };
    },

    async watchSession(request, frames) {
      for await (const view of sessions.watchSession(parseSessionId(request.sessionId), frames.signal)) {
        await frames.write({ session: toSession(view) });
      }
    },
  };
}

/** The gap that a request names; undefined when it names none. */
function gapOf(request: ReconcileSessionRequest): Gap | undefined {
  const { fromMs, toMs } = timeBounds(request.from, request.to);
  if (fromMs === undefined && toMs === undefined) return undefined;
  if (fromMs === undefined) return invalidArgument('from', 'is missing: when the gap began');
  if (toMs === undefined) return invalidArgument('to', 'is missing: when the gap ended');
  return fromMs < toMs ? { fromMs, toMs } : invalidArgument('to', 'must be after from');
}

async function latestGap(history: Pick<HistoryReader, 'getCoverage'>): Promise<Gap> {
  const gap = (await history.getCoverage(undefined)).gaps.at(-1);
  return gap ?? invalidArgument('from', 'is required: no gap of the session is known, see GetCoverage');
}

/** A policy that this version knows, or none: the sessions know what that means. */
function mediaPolicyOf(policy: MediaPolicy): MediaPolicy {
  if (MediaPolicy[policy] !== undefined) return policy;
  return invalidArgument('media_policy', 'is no policy that this server knows');
}

/** The digits of a phone number; empty for none. */
function phoneNumberOf(text: string): string {
  const digits = text.replaceAll(/[\s().+-]/g, '');
  if (text === '') return '';
  if (/^[1-9]\d{6,14}$/.test(digits)) return digits;
  return invalidArgument('phone_number', 'is a number with its country code, such as +49 170 1234567');
}
