import { proto } from '@whiskeysockets/baileys';
import type { HistoryAnnouncement } from '../session/link/link-inbox.js';

const types = proto.Message.HistorySyncType;

/**
 * What an announcement says of its chunk. A phone first sends the newest messages of each chat (INITIAL_BOOTSTRAP), then RECENT history, then,
 * to devices that want it, FULL history; each of the latter tells its own progress, up to 100.
 */
export function describeAnnouncement({
  syncType,
  chunkOrder,
  progress,
  peerDataRequestSessionId,
}: proto.Message.IHistorySyncNotification): HistoryAnnouncement {
  const part = Math.min(100, Math.max(0, progress ?? 0));
  const isFull = syncType === types.FULL;
  return {
    unasked: syncType !== types.ON_DEMAND,
    questionId: peerDataRequestSessionId ?? '',
    name: `${types[syncType ?? -1] ?? 'unknown'} ${String(chunkOrder ?? 0)}`,
    progressPercent: isFull
      ? Math.min(99, 50 + Math.floor(part / 2))
      : syncType === types.RECENT
        ? Math.floor(part / 2)
        : 0,
    // All devices of ours want FULL history. From a phone that never sends it, none ends by an announcement.
    isLast: isFull && part === 100,
  };
}
