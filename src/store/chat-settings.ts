import { type Timestamp, timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import type { ChatRecord } from '../gen/scrollback/store/v1/record_pb.js';
import type { Contact } from '../gen/scrollback/v1/history_service_pb.js';

/** How good a name of a chat is: a better one is never replaced by a worse one. */
export const nameRank = { none: 0, pushName: 1, subject: 2 } as const;

/** What a source tells of the phone's view of a chat. Each is a fact of its own: what is undefined was not told. */
export interface ChatSettings {
  archived?: boolean | undefined;
  unreadCount?: number | undefined;
  ephemeralSeconds?: number | undefined;
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
  const { archived, unreadCount, ephemeralSeconds, muteEndMs, pinMs, markedUnread, description } = told;
  const wins = <T>(value: T, known: T, knownAsOfMs: bigint): boolean =>
    asOfMs > knownAsOfMs || (asOfMs === knownAsOfMs && value > known);
  if (archived !== undefined && wins(archived, chat.archived, record.archivedAsOfMs)) {
    chat.archived = archived;
    record.archivedAsOfMs = asOfMs;
  }
  if (unreadCount !== undefined && wins(unreadCount, chat.unreadCount, record.unreadCountAsOfMs)) {
    chat.unreadCount = unreadCount;
    record.unreadCountAsOfMs = asOfMs;
  }
  if (ephemeralSeconds !== undefined && wins(ephemeralSeconds, chat.ephemeralSeconds, record.ephemeralAsOfMs)) {
    chat.ephemeralSeconds = ephemeralSeconds;
    record.ephemeralAsOfMs = asOfMs;
  }
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

/**
 * Takes a name: a better one (`rank`) wins, of equally good ones the later one, and of two of the same time the greater, so that their
 * order does not matter. None is no name.
 */
export function noteName(record: ChatRecord, name: string, rank: number, asOfMs: bigint): void {
  const { chat } = record;
  if (chat === undefined || name === '') return;
  const later = asOfMs > record.nameAsOfMs || (asOfMs === record.nameAsOfMs && name > chat.name);
  if (rank < record.nameRank || (rank === record.nameRank && !later)) return;
  chat.name = name;
  record.nameRank = rank;
  record.nameAsOfMs = asOfMs;
}

/** Gives the chat with a person their name and their addresses. */
export function adoptPerson(record: ChatRecord, person: Contact | undefined): void {
  const { chat } = record;
  if (chat === undefined || person?.jid !== chat.jid) return;
  chat.alternateJids = [...new Set([...chat.alternateJids, ...person.alternateJids])].sort();
  if (person.name === '' || record.nameRank > nameRank.pushName) return;
  chat.name = person.name;
  record.nameRank = nameRank.pushName;
}

/** Gives each fact of a record a time of its own where the record has one for several. */
export function giveOwnTimes(record: ChatRecord): ChatRecord {
  if (record.asOfMs === 0n) return record;
  for (const time of ['archivedAsOfMs', 'unreadCountAsOfMs', 'ephemeralAsOfMs', 'nameAsOfMs'] as const) {
    if (record[time] === 0n) record[time] = record.asOfMs;
  }
  record.asOfMs = 0n;
  return record;
}

/** Joins what is known of two records of one chat into the first. */
export function joinSettings(target: ChatRecord, gone: ChatRecord): void {
  const { chat } = gone;
  if (chat === undefined) return;
  const { archived, unreadCount, ephemeralSeconds } = chat;
  noteSettings(target, { archived }, gone.archivedAsOfMs);
  noteSettings(target, { unreadCount }, gone.unreadCountAsOfMs);
  noteSettings(target, { ephemeralSeconds }, gone.ephemeralAsOfMs);
  noteSettings(target, { muteEndMs: msOf(chat.muteEndTime) }, gone.muteAsOfMs);
  noteSettings(target, { pinMs: msOf(chat.pinTime) }, gone.pinAsOfMs);
  noteSettings(target, { markedUnread: chat.markedUnread }, gone.markedUnreadAsOfMs);
  noteSettings(target, { description: chat.description }, gone.descriptionAsOfMs);
}

function msOf(time: Timestamp | undefined): number {
  return time === undefined ? 0 : timestampMs(time);
}
