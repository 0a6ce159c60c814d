import { proto } from '@whiskeysockets/baileys';
import { HistoryGone } from '../domain/history-gone.js';
import { type LiveEvent, liveSource } from '../domain/live-event.js';
import type { HistoryAnnouncement, InboxReader } from '../session/link/link-inbox.js';
import { describeAnnouncement } from './history-announcement.js';
import { keyOfMessage, mappingsOf } from './addresses.js';
import { channelRevocation, ofChannel } from './convert-channel.js';
import { convertEvent } from './convert-event.js';
import { convertMessage } from './convert-message.js';
import { placeholderOf } from './envelope.js';
import { decodeEvent, decodeRecord, type RecordHead } from './inbox-record.js';
import type { HistoryParser } from './history-task.js';
import type { Fetch } from './media-host.js';
import { msOfSeconds } from './numbers.js';
import { openSealed } from './open-sealed.js';
import { type ChunkDependencies, type HistoryTurns, readChunk } from './read-chunk.js';
import { unwrap } from './unwrap.js';

/** What a reader works with. */
export interface InboxReaderDependencies {
  /** Reads chunks of history on threads of its own. */
  parser: HistoryParser;
  /** Lets a few chunks be read at a time. */
  turns: HistoryTurns;
  /** The global one unless a test leads it elsewhere. */
  fetch?: Fetch;
}

/** Makes what understands the records that `capture.ts` writes. */
export function createInboxReader({ fetch = globalThis.fetch, ...rest }: InboxReaderDependencies): InboxReader {
  return {
    read,
    announced,
    readHistory: (record, signal) => readHistory(record, { fetch, ...rest }, signal),
    openVote: openSealed,
  };
}

function read(record: Buffer): LiveEvent[] | 'history' | 'unread' {
  const { head, body } = decodeRecord(record);
  switch (head.type) {
    case 'content':
      return readContent(head, body);
    case 'info':
      // The encoded key lacks the other names of people.
      return convertMessage(Object.assign(proto.WebMessageInfo.decode(body), { key: head.key }), {
        me: head.me,
        source: liveSource.live,
      });
    case 'stanza':
      return 'unread';
    case 'event':
      return convertEvent(head.name, decodeEvent(body), head.me, head.atMs);
  }
}

function readContent(head: Extract<RecordHead, { type: 'content' }>, body: Buffer): LiveEvent[] | 'history' {
  const { key: wireKey, sentS, pushName, me } = head;
  const key = keyOfMessage(wireKey, me);
  const info = {
    key: wireKey,
    messageTimestamp: sentS,
    pushName: pushName ?? null,
    // The server has what the owner's phone sent, else it would not be here.
    status: key?.fromMe === true ? proto.WebMessageInfo.Status.SERVER_ACK : null,
  };
  if (key === undefined) return [];
  const { channel } = head;
  if (channel?.change === 'revocation') return [channelRevocation(key, msOfSeconds(sentS))];
  if (head.unreadable === true) return [...mappingsOf(wireKey, me), placeholderOf(info, key, head.viewOnce)];
  const message = proto.Message.decode(body);
  if (wireKey.fromMe === true && announcementOf(message) !== undefined) return 'history';
  const origin = { me, source: liveSource.live };
  const inChannel = (event: LiveEvent): LiveEvent[] => (channel === undefined ? [event] : ofChannel(event, channel));
  const events = convertMessage({ ...info, message }, origin).flatMap(inChannel);
  if (events.length > 0 || body.length <= proto.Message.encode(message).finish().length) return events;
  // Something that this version does not know at all: a message of which only is known that it is there.
  return convertMessage({ ...info, message: { chat: {} } }, origin).flatMap(inChannel);
}

function announced(record: Buffer): HistoryAnnouncement {
  return describeAnnouncement(notificationOf(record) ?? {});
}

function readHistory(
  record: Buffer,
  dependencies: ChunkDependencies,
  signal: AbortSignal,
): AsyncGenerator<LiveEvent[]> {
  const { head } = decodeRecord(record);
  const notification = notificationOf(record);
  if (notification === undefined) throw new HistoryGone('a record announces no history');
  return readChunk(notification, { me: head.me, asOfMs: head.atMs }, dependencies, signal);
}

function notificationOf(record: Buffer): proto.Message.IHistorySyncNotification | undefined {
  const { head, body } = decodeRecord(record);
  return head.type === 'content' ? announcementOf(proto.Message.decode(body)) : undefined;
}

function announcementOf(message: proto.IMessage): proto.Message.IHistorySyncNotification | undefined {
  return unwrap(message).message.protocolMessage?.historySyncNotification ?? undefined;
}
