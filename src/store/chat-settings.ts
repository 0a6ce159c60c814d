import { type Timestamp, timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import type { ChatRecord } from '../gen/scrollback/store/v1/record_pb.js';

/** What only the link tells of a chat. Each is a fact of its own: what is undefined was not told. */
export interface ChatSettings {
  /** In ms since 1970; 0 for not muted. */
  muteEndMs?: number | undefined;
  /** In ms since 1970; 0 for not pinned. */
  pinMs?: number | undefined;
  markedUnread?: boolean | undefined;
  description?: string | undefined;
}

/** Takes what a source tells: the later one wins, and of two of the same time the larger, so that their order does not matter. */
export function noteSettings(record: ChatRecord, told: ChatSettings, asOfMs: bigint): void {
  const { chat } = record;
  if (chat === undefined) return;
  const { muteEndMs, pinMs, markedUnread, description } = told;
  const wins = <T>(value: T, known: T, knownAsOfMs: bigint): boolean =>
    asOfMs > knownAsOfMs || (asOfMs === knownAsOfMs && value > known);
  if (muteEndMs !== undefined && wins(muteEndMs, msOf(chat.muteEndTime), record.muteAsOfMs)) {
    if (muteEndMs === 0) delete chat.muteEndTime;
    else chat.muteEndTime = timestampFromMs(muteEndMs);
    record.muteAsOfMs = asOfMs;
  }
  if (pinMs !== undefined && wins(pinMs, msOf(chat.pinTime), record.pinAsOfMs)) {
    if (pinMs === 0) delete chat.pinTime;
    else chat.pinTime = timestampFromMs(pinMs);
    record.pinAsOfMs = asOfMs;
  }
  if (markedUnread !== undefined && wins(markedUnread, chat.markedUnread, record.markedUnreadAsOfMs)) {
    chat.markedUnread = markedUnread;
    record.markedUnreadAsOfMs = asOfMs;
  }
  if (description !== undefined && wins(description, chat.description, record.descriptionAsOfMs)) {
    chat.description = description;
    record.descriptionAsOfMs = asOfMs;
  }
}

/** Joins what is known of two records of one chat into the first. */
export function joinSettings(target: ChatRecord, gone: ChatRecord): void {
  const { chat } = gone;
  if (chat === undefined) return;
  if (gone.muteAsOfMs > 0n) noteSettings(target, { muteEndMs: msOf(chat.muteEndTime) }, gone.muteAsOfMs);
  if (gone.pinAsOfMs > 0n) noteSettings(target, { pinMs: msOf(chat.pinTime) }, gone.pinAsOfMs);
  if (gone.markedUnreadAsOfMs > 0n) {
    noteSettings(target, { markedUnread: chat.markedUnread }, gone.markedUnreadAsOfMs);
  }
  if (gone.descriptionAsOfMs > 0n) noteSettings(target, { description: chat.description }, gone.descriptionAsOfMs);
}

function msOf(time: Timestamp | undefined): number {
  return time === undefined ? 0 : timestampMs(time);
}
