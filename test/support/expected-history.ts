import { expect } from 'vitest';
import { type Timestamp, timestampMs } from '@bufbuild/protobuf/wkt';
import { type Backfill, SkipReason } from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import { GroupRank } from '../../src/gen/scrollback/v1/history_service_pb.js';
import { Source } from '../../src/gen/scrollback/v1/message_pb.js';
import { meaningOf, meaningOfExpected } from './message-meaning.js';
import type { ExpectedHistory } from './oracle.js';
import { byCodeUnits, type ExpectedMessage, keyText } from './oracle-message.js';
import { messageKeyText, sentMsOf, type WholeHistory } from './read-history.js';

/** The messages of the oracle, each key once, as its first row has it. The oldest first. */
export function distinctMessages(messages: readonly ExpectedMessage[]): ExpectedMessage[] {
  const byKey = new Map<string, ExpectedMessage[]>();
  for (const message of messages) {
    const key = keyText(message.key);
    byKey.set(key, [...(byKey.get(key) ?? []), message]);
  }
  return [...byKey.values()].flatMap((rows) => rows.slice(0, 1)).sort(inTime);
}

function inTime(left: ExpectedMessage, right: ExpectedMessage): number {
  return (left.sentMs ?? 0) - (right.sentMs ?? 0) || left.ordinal - right.ordinal;
}

/** Holds a history that was read against the oracle: every message with all that it says, the order, chats, people, groups. */
export function expectHistory(history: WholeHistory, expected: ExpectedHistory): void {
  const distinct = distinctMessages(expected.messages);
  const wanted = new Map(distinct.map((message) => [keyText(message.key), message]));
  const rowsByKey = new Map<string, number>();
  for (const { key } of expected.messages) rowsByKey.set(keyText(key), (rowsByKey.get(keyText(key)) ?? 0) + 1);
  const seen = new Set<string>();
  let previous: { sentMs: number; ordinal: number; key: string } | undefined;
  for (const message of history.messages) {
    const key = messageKeyText(message);
    const row = wanted.get(key);
    if (row === undefined) throw new Error(`a message that the backup does not have: ${key}`);
    expect(seen.has(key), `twice: ${key}`).toBe(false);
    seen.add(key);
    // Two rows of one key are joined; what comes of that is the matter of the merge's own tests.
    if (rowsByKey.get(key) === 1) expect(meaningOf(message), key).toEqual(meaningOfExpected(row));
    expect(message.sources, key).toEqual([Source.BACKUP]);
    const sentMs = sentMsOf(message);
    if (rowsByKey.get(key) === 1 && previous !== undefined) {
      const inOrder = sentMs > previous.sentMs || (sentMs === previous.sentMs && row.ordinal >= previous.ordinal);
      expect(inOrder, `${key} after ${previous.key}`).toBe(true);
    }
    previous = rowsByKey.get(key) === 1 ? { sentMs, ordinal: row.ordinal, key } : undefined;
  }
  const missing = distinct.filter(({ key }) => !seen.has(keyText(key))).map(({ key }) => keyText(key));
  expect(missing).toEqual([]);
  expectDirectory(history, expected);
}

/** Holds chats, people and groups against the oracle. */
export function expectDirectory({ chats, contacts, groups }: WholeHistory, expected: ExpectedHistory): void {
  const got = chats.map((chat) => ({
    jid: chat.jid,
    alternateJids: chat.alternateJids,
    name: chat.name,
    messageCount: Number(chat.messageCount),
    firstMs: msOf(chat.firstMessageTime),
    lastMs: msOf(chat.lastMessageTime),
    createMs: msOf(chat.createTime),
    archived: chat.archived,
    unreadCount: chat.unreadCount,
    ephemeralSeconds: chat.ephemeralSeconds,
  }));
  expect(got.sort((a, b) => byCodeUnits(a.jid, b.jid))).toEqual(expected.chats);
  expect(
    contacts.map(({ jid, alternateJids, pushName, username, maskedNumber }) => ({
      jid,
      alternateJids,
      pushName,
      username,
      maskedNumber,
    })),
  ).toEqual(expected.contacts);
  expect(
    groups.map(({ jid, subject, createTime, members, pastMembers }) => ({
      jid,
      subject,
      createMs: msOf(createTime),
      members: members.map((member) => ({
        jid: member.jid,
        rank: GroupRank[member.rank],
        pending: member.pending,
        joinMs: msOf(member.joinTime),
        label: member.label,
        fromMe: member.fromMe,
      })),
      pastMembers: pastMembers.map((past) => ({
        jid: past.jid,
        leaveMs: msOf(past.leaveTime),
        leftVoluntarily: past.leftVoluntarily,
      })),
    })),
  ).toEqual(expected.groups);
}

/** Holds the counts of a first import against the oracle. */
export function expectCounts(backfill: Backfill, expected: ExpectedHistory): void {
  const distinct = new Set(expected.messages.map(({ key }) => keyText(key))).size;
  expect(Number(backfill.rowsRead)).toBe(expected.rows);
  expect(backfill.rowsTotal).toBe(backfill.rowsRead);
  expect(Number(backfill.messagesAdded)).toBe(distinct);
  expect(Number(backfill.messagesUpdated + backfill.messagesUnchanged)).toBe(expected.messages.length - distinct);
  const skipped = backfill.rowsSkipped.map(({ reason, count }) => [SkipReason[reason], Number(count)]);
  const wanted = Object.entries<number>({ ...expected.skipped }).filter(([, count]) => count > 0);
  expect(skipped).toEqual(wanted.map(([reason, count]) => [reason.toUpperCase(), count]));
  expect(Number(backfill.chats)).toBe(expected.chats.length);
  expect(Number(backfill.groups)).toBe(expected.groups.length);
  expect(Number(backfill.groupMembers)).toBe(expected.groups.reduce((sum, { members }) => sum + members.length, 0));
  expect(Number(backfill.contacts)).toBe(expected.contacts.length);
}

function msOf(time: Timestamp | undefined): number | undefined {
  return time && timestampMs(time);
}
