import { proto } from '@whiskeysockets/baileys/WAProto/index.js';
import {
  type LiveEvent,
  type LiveGroupChange,
  type LiveKey,
  type LiveContent,
  type LiveSource,
  liveSource,
} from '../domain/live-event.js';
import { isGroup } from '../domain/jid.js';
import { messageKind } from '../domain/message-kind.js';
import { addressOf, isMe, mappingOf } from './addresses.js';
import { emptyContent } from './empty-content.js';
import { envelopeOf, type Origin, placeholderOf, type WireMessage } from './envelope.js';
import { msOfSeconds } from './numbers.js';

const stubs = proto.WebMessageInfo.StubType;

/** What a notice of the system is: the public `SystemEventKind`, Android's number for it, and what it does to a group. */
interface Notice {
  kind: number;
  waAction: number;
  change?: LiveGroupChange['change'];
  /** Whom the first parameters name: people, or a new value. */
  names: 'people' | 'value' | 'nothing';
}

const OTHER: Notice = { kind: 1, waAction: 0, names: 'nothing' };

const notices: ReadonlyMap<number, Notice> = new Map<number, Notice>([
  [stubs.GROUP_CREATE, { kind: 3, waAction: 11, names: 'value' }],
  [stubs.GROUP_CHANGE_SUBJECT, { kind: 2, waAction: 1, change: 'subject', names: 'value' }],
  [stubs.GROUP_CHANGE_ICON, { kind: 7, waAction: 6, names: 'nothing' }],
  [stubs.GROUP_CHANGE_DESCRIPTION, { kind: 10, waAction: 27, names: 'value' }],
  [stubs.GROUP_CHANGE_RESTRICT, { kind: 16, waAction: 29, names: 'value' }],
  [stubs.GROUP_CHANGE_ANNOUNCE, { kind: 16, waAction: 31, names: 'value' }],
  [stubs.GROUP_CHANGE_INVITE_LINK, { kind: 16, waAction: 21, names: 'nothing' }],
  [stubs.GROUP_PARTICIPANT_ADD, { kind: 4, waAction: 12, change: 'add', names: 'people' }],
  [stubs.GROUP_PARTICIPANT_INVITE, { kind: 4, waAction: 20, change: 'add', names: 'people' }],
  [stubs.GROUP_PARTICIPANT_ADD_REQUEST_JOIN, { kind: 4, waAction: 79, change: 'add', names: 'people' }],
  [stubs.GROUP_PARTICIPANT_LEAVE, { kind: 5, waAction: 13, change: 'leave', names: 'people' }],
  [stubs.GROUP_PARTICIPANT_REMOVE, { kind: 6, waAction: 14, change: 'remove', names: 'people' }],
  [stubs.GROUP_PARTICIPANT_PROMOTE, { kind: 8, waAction: 15, change: 'promote', names: 'people' }],
  [stubs.GROUP_PARTICIPANT_DEMOTE, { kind: 9, waAction: 16, change: 'demote', names: 'people' }],
  [stubs.GROUP_PARTICIPANT_CHANGE_NUMBER, { kind: 11, waAction: 28, names: 'people' }],
  [stubs.INDIVIDUAL_CHANGE_NUMBER, { kind: 11, waAction: 10, names: 'people' }],
  [stubs.E2E_IDENTITY_CHANGED, { kind: 12, waAction: 18, names: 'people' }],
  [stubs.E2E_ENCRYPTED, { kind: 13, waAction: 19, names: 'nothing' }],
  [stubs.BROADCAST_CREATE, { kind: 15, waAction: 9, names: 'nothing' }],
  [stubs.GROUP_MEMBER_ADD_MODE, { kind: 16, waAction: 91, names: 'value' }],
  [stubs.GROUP_MEMBERSHIP_JOIN_APPROVAL_MODE, { kind: 16, waAction: 84, names: 'value' }],
  [stubs.CHANGE_EPHEMERAL_SETTING, { kind: 14, waAction: 56, names: 'value' }],
]);

const missedCalls: ReadonlyMap<number, { video: boolean; group: boolean }> = new Map([
  [stubs.CALL_MISSED_VOICE, { video: false, group: false }],
  [stubs.CALL_MISSED_VIDEO, { video: true, group: false }],
  [stubs.CALL_MISSED_GROUP_VOICE, { video: false, group: true }],
  [stubs.CALL_MISSED_GROUP_VIDEO, { video: true, group: true }],
]);

/** Converts a message that the system wrote: of a group, a call, a key; or that stands for one that could not be read. */
export function convertStub(info: WireMessage, key: LiveKey, origin: Origin): LiveEvent[] {
  const stub = info.messageStubType ?? 0;
  if (stub === stubs.CIPHERTEXT || stub === stubs.FUTUREPROOF) return [placeholderOf(info, key)];
  if (stub === stubs.REVOKE) {
    const revokeMs = msOfSeconds(info.revokeMessageTimestamp);
    const message = { ...envelopeOf(info, key, origin.source), content: emptyContent(messageKind.revoked, 15) };
    return [{ type: 'message', message: { ...message, revocation: { revokeMs, adminJid: '', byAdmin: false } } }];
  }
  const missed = missedCalls.get(stub);
  if (missed !== undefined) return [missedCall(info, key, origin.source, missed)];
  return noticeEvents(info, key, origin, notices.get(stub) ?? OTHER);
}

/** A message of the system with what it tells. */
export function systemMessage(
  info: WireMessage,
  key: LiveKey,
  source: LiveSource,
  systemEvent: NonNullable<LiveContent['systemEvent']>,
): LiveEvent {
  const content = { ...emptyContent(messageKind.system, 7), text: systemEvent.value, systemEvent };
  return { type: 'message', message: { ...envelopeOf(info, key, source), content } };
}

function noticeEvents(info: WireMessage, key: LiveKey, { me, source }: Origin, notice: Notice): LiveEvent[] {
  const parameters = info.messageStubParameters ?? [];
  const people = notice.names === 'people' ? parameters.map(readPerson) : [];
  const value = notice.names === 'value' ? (parameters[0] ?? '') : '';
  const participantJids = people.map(({ jid }) => jid).filter((jid) => jid !== '');
  const { kind, waAction, change } = notice;
  const events: LiveEvent[] = [
    ...people.flatMap(({ jid, other }) => mappingOf(jid, other)),
    systemMessage(info, key, source, { kind, waAction, value, participantJids }),
  ];
  // Of the past, a chunk of history tells the state itself.
  if (info.messageStubType === stubs.GROUP_CHANGE_DESCRIPTION && source === liveSource.live) {
    const asOfMs = msOfSeconds(info.messageTimestamp);
    return [...events, { type: 'chat', chat: { jid: key.chatJid, asOfMs, description: value } }];
  }
  if (change === undefined || !isGroup(key.chatJid) || source !== liveSource.live) return events;
  const members = participantJids.map((jid) => ({ jid, fromMe: isMe(jid, me) }));
  const asOfMs = msOfSeconds(info.messageTimestamp);
  return [...events, { type: 'group-change', change: { jid: key.chatJid, asOfMs, subject: value, change, members } }];
}

/** Live, a person is an object in JSON with both names; in history a bare address. */
function readPerson(parameter: string): { jid: string; other: string } {
  if (!parameter.startsWith('{')) return { jid: addressOf(parameter), other: '' };
  try {
    const person: unknown = JSON.parse(parameter);
    if (typeof person !== 'object' || person === null) return { jid: '', other: '' };
    const text = (name: string): string => {
      const value: unknown = Reflect.get(person, name);
      return typeof value === 'string' ? addressOf(value) : '';
    };
    return { jid: text('id'), other: text('phoneNumber') || text('lid') };
  } catch {
    return { jid: '', other: '' };
  }
}

function missedCall(
  info: WireMessage,
  key: LiveKey,
  source: LiveSource,
  { video, group }: { video: boolean; group: boolean },
): LiveEvent {
  const groupJid = group && isGroup(key.chatJid) ? key.chatJid : '';
  const call = { callId: key.messageId, video, durationSeconds: 0, outcome: NOT_ANSWERED, groupJid };
  return {
    type: 'message',
    message: { ...envelopeOf(info, key, source), content: { ...emptyContent(messageKind.call, 10), call } },
  };
}

/** The public `CallOutcome`. */
const NOT_ANSWERED = 2;
