import type { MessageInitShape } from '@bufbuild/protobuf';
import { clone } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { BackfillKind as DomainKind } from '../domain/backfill.js';
import { invalidArgument } from '../domain/fault.js';
import type { BackfillRecord } from '../gen/scrollback/store/v1/record_pb.js';
import type { CoverageSchema } from '../gen/scrollback/v1/history_service_pb.js';
import type { Backfill } from '../gen/scrollback/v1/backfill_service_pb.js';
import { BackfillKind, BackfillSchema } from '../gen/scrollback/v1/backfill_service_pb.js';
import type {
  LinkSessionResponseSchema,
  LinkStatusSchema,
  SessionSchema,
} from '../gen/scrollback/v1/session_service_pb.js';
import { LinkState, SessionState } from '../gen/scrollback/v1/session_service_pb.js';
import type { CoverageView } from '../store/history-reader.js';
import type { LinkView, SessionView } from '../session/sessions.js';
import { linkText } from './link-text.js';

const sessionStates = {
  ready: SessionState.READY,
  recovering: SessionState.RECOVERING,
  failed: SessionState.FAILED,
} as const satisfies Record<SessionView['state'], SessionState>;

const linkStates = {
  unlinked: LinkState.UNLINKED,
  'awaiting-scan': LinkState.AWAITING_SCAN,
  connecting: LinkState.CONNECTING,
  syncing: LinkState.SYNCING,
  online: LinkState.ONLINE,
  'backing-off': LinkState.BACKING_OFF,
  'logged-out': LinkState.LOGGED_OUT,
  replaced: LinkState.REPLACED,
  banned: LinkState.BANNED,
  outdated: LinkState.OUTDATED,
  refused: LinkState.REFUSED,
} as const satisfies Record<LinkView['status']['state'], LinkState>;

const backfillKinds: Partial<Record<BackfillKind, DomainKind>> = {
  [BackfillKind.BACKUP]: 'backup',
  [BackfillKind.HISTORY_SYNC]: 'history-sync',
  [BackfillKind.DIRECTORY]: 'directory',
  [BackfillKind.OLDER_MESSAGES]: 'older-messages',
  [BackfillKind.RECONCILIATION]: 'reconciliation',
};

/** Returns where a link stands, as clients see it. */
export function toLinkStatus({
  status,
  sinceMs,
  phoneJid,
  lid,
  pushName,
}: LinkView): MessageInitShape<typeof LinkStatusSchema> {
  return {
    state: linkStates[status.state],
    sinceTime: timestampFromMs(sinceMs),
    phoneJid,
    lid,
    pushName,
    reason: linkText(status),
    ...('code' in status ? { code: status.code } : {}),
    ...('retryAtMs' in status ? { nextAttemptTime: timestampFromMs(status.retryAtMs) } : {}),
    ...('attempts' in status ? { attempts: status.attempts } : {}),
  };
}

/** Returns a frame of LinkSession. */
export function toLinkFrame(view: LinkView): MessageInitShape<typeof LinkSessionResponseSchema> {
  const link = toLinkStatus(view);
  const { offer } = view;
  if (offer === undefined) return { link };
  const expireTime = timestampFromMs(offer.expiresAtMs);
  return offer.kind === 'qr'
    ? { link, offer: { case: 'qrCode', value: { payload: offer.payload, expireTime } } }
    : { link, offer: { case: 'pairingCode', value: { code: offer.code, expireTime } } };
}

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
    link: toLinkStatus(view.link),
    mediaPolicy: view.mediaPolicy,
  };
}

/** Returns a kind as the domain names it; undefined for none. */
export function fromBackfillKind(kind: BackfillKind): DomainKind | undefined {
  return kind === BackfillKind.UNSPECIFIED ? undefined : (backfillKinds[kind] ?? invalidArgument('kind', 'is unknown'));
}

/** Returns a backfill as clients see it: the record's, with its error. The record is not changed. */
export function toBackfill(record: BackfillRecord): Backfill {
  if (record.backfill === undefined) throw new Error('a backfill record without a backfill');
  const backfill = clone(BackfillSchema, record.backfill);
  if (record.error !== undefined) backfill.error = record.error;
  // Records that were made before there were kinds are of backups.
  if (backfill.kind === BackfillKind.UNSPECIFIED) backfill.kind = BackfillKind.BACKUP;
  if (backfill.kind === BackfillKind.BACKUP && backfill.rowsTotal > 0n) {
    backfill.progressPercent = Number((100n * backfill.rowsRead) / backfill.rowsTotal);
  }
  return backfill;
}

/** Returns coverage as clients see it: a stretch from the beginning has no start. */
export function toCoverage(view: CoverageView): MessageInitShape<typeof CoverageSchema> {
  const { chatJid, stretches, gaps, firstMessageMs, asOfMs } = view;
  return {
    chatJid,
    stretches: stretches.map(({ fromMs, toMs, source }) => ({
      ...(fromMs === 0 ? {} : { fromTime: timestampFromMs(fromMs) }),
      toTime: timestampFromMs(toMs),
      // It has the numbers of the public one.
      source,
    })),
    gaps: gaps.map(({ fromMs, toMs }) => ({ fromTime: timestampFromMs(fromMs), toTime: timestampFromMs(toMs) })),
    ...(firstMessageMs === 0 ? {} : { firstMessageTime: timestampFromMs(firstMessageMs) }),
    asOfTime: timestampFromMs(asOfMs),
  };
}
