import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { Backfill } from '../gen/scrollback/v1/backfill_service_pb.js';
import { BackfillKind, BackfillState, SkipReason } from '../gen/scrollback/v1/backfill_service_pb.js';
import { fromStatus } from './call-error.js';
import { Failure } from './failure.js';
import { formatEnum, formatTime } from './print.js';
import { visible } from './terminal-text.js';

/** Returns the error that a backfill ended with; undefined while it runs and when it succeeded. */
export function failureOf({ state, error, backfillId }: Backfill): Error | undefined {
  if (state === BackfillState.FAILED) {
    return error === undefined ? new Failure(`backfill ${backfillId} failed`) : fromStatus(error);
  }
  if (state === BackfillState.CANCELLED) return new Failure(`backfill ${backfillId} was cancelled`);
  return undefined;
}

/** Describes a backfill with all its counts, in aligned lines. */
export function describeBackfill(backfill: Backfill): string[] {
  const facts: [string, string][] = [
    ['backfill', backfill.backfillId],
    ['session', backfill.sessionId],
    ['kind', formatEnum(BackfillKind, backfill.kind)],
    ...(isBackup(backfill) ? [['file', visible(backfill.fileName) || '-'] satisfies [string, string]] : []),
    ['state', formatEnum(BackfillState, backfill.state)],
    ...(backfill.progressPercent === undefined
      ? []
      : [['progress', formatPercent(backfill)] satisfies [string, string]]),
    ['created', formatTime(backfill.createTime)],
  ];
  const counts: [string, bigint][] = [
    ['rows read', backfill.rowsRead],
    ['added', backfill.messagesAdded],
    ['updated', backfill.messagesUpdated],
    ['unchanged', backfill.messagesUnchanged],
    ...backfill.rowsSkipped.map(({ reason, count }): [string, bigint] => [
      `skipped: ${formatEnum(SkipReason, reason)}`,
      count,
    ]),
    ['deleted', backfill.messagesDeleted],
    ['chats', backfill.chats],
    ['contacts', backfill.contacts],
    ['groups', backfill.groups],
    ['group members', backfill.groupMembers],
    ...(isBackup(backfill) ? [] : [['chunks', backfill.chunks] satisfies [string, bigint]]),
  ];
  const titleWidth = Math.max(...[...facts, ...counts].map(([title]) => title.length));
  const countWidth = Math.max(...counts.map(([, count]) => String(count).length));
  return [
    ...facts.map(([title, text]) => `${title.padEnd(titleWidth)}  ${text}`),
    ...counts.map(([title, count]) => `${title.padEnd(titleWidth)}  ${String(count).padStart(countWidth)}`),
    ...describeTimes(backfill).map(([title, text]) => `${title.padEnd(titleWidth)}  ${text}`),
    ...backfill.warnings.map((warning) => `warning: ${visible(warning)}`),
  ];
}

/** How far a backfill is, for people. */
export function formatPercent({ progressPercent }: Backfill): string {
  return progressPercent === undefined ? '-' : `${String(progressPercent)} %`;
}

function isBackup({ kind }: Backfill): boolean {
  // A daemon before kinds names none.
  return kind === BackfillKind.BACKUP || kind === BackfillKind.UNSPECIFIED;
}

/** How long it took, and how fast the rows were read and committed. */
function describeTimes({ createTime, startTime, endTime, rowsRead }: Backfill): [string, string][] {
  if (createTime === undefined || endTime === undefined) return [];
  const seconds = (timestampMs(endTime) - timestampMs(createTime)) / 1000;
  const lines: [string, string][] = [['seconds', seconds.toFixed(1)]];
  if (startTime === undefined) return lines;
  const importing = (timestampMs(endTime) - timestampMs(startTime)) / 1000;
  lines.push(['importing', `${importing.toFixed(1)} s`]);
  if (importing > 0) lines.push(['messages/s', String(Math.round(Number(rowsRead) / importing))]);
  return lines;
}
