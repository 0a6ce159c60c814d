import { create, toBinary } from '@bufbuild/protobuf';
import { DomainError } from '../domain/fault.js';
import { MESSAGE_ID_MAX_BYTES } from '../domain/identity.js';
import { parseSessionId } from '../domain/session-id.js';
import type { GetMessageRequest, HistoryService } from '../gen/scrollback/v1/history_service_pb.js';
import { ChatKind, ListMessagesResponseSchema } from '../gen/scrollback/v1/history_service_pb.js';
import type { MediaQuestion, Sessions } from '../session/sessions.js';
import { toCoverage } from './convert.js';
import { messagesFrame } from './frame.js';
import { messageQuery, questionOf } from './message-query.js';
import { PageTokens } from './page-token.js';
import { mediaRange, sendMedia } from './read-media.js';
import { readMessages } from './read-messages.js';
import { addressOf, enumSet, pageSizeOf, requiredText } from './request-field.js';
import type { Handlers } from './service.js';
import { watchMessages } from './watch-messages.js';

/** About how many bytes a page holds: a quarter of what gRPC clients accept by default. Part of the public contract. */
const pageBytes = 1024 * 1024;

/** Answers HistoryService. `heartbeatMs`: see `watchMessages`. */
export function historyService(sessions: Sessions, heartbeatMs: number): Handlers<typeof HistoryService> {
  return {
    async listChats(request) {
      const sessionId = parseSessionId(request.sessionId);
      const kinds = enumSet('kinds', request.kinds, ChatKind);
      const size = pageSizeOf(request.pageSize);
      const tokens = new PageTokens('listChats', [sessionId, [...kinds].sort((a, b) => a - b)]);
      const cursor = tokens.decode(request.pageToken);
      const page = await sessions.withHistory(sessionId, (history) => history.listChats(kinds, cursor, size));
      return { chats: page.items, nextPageToken: tokens.encode(page.next) };
    },

    async getChat(request) {
      const sessionId = parseSessionId(request.sessionId);
      const address = addressOf('chat', requiredText('chat', request.chat)) ?? '';
      const chat = await sessions.withHistory(sessionId, (history) => history.getChat(address));
      if (chat === undefined) throw new DomainError({ reason: 'CHAT_NOT_FOUND' });
      return { chat };
    },

    async getCoverage(request) {
      const sessionId = parseSessionId(request.sessionId);
      const address = addressOf('chat', request.chat);
      const view = await sessions.withHistory(sessionId, (history) => history.getCoverage(address));
      return { coverage: toCoverage(view) };
    },

    async listMessages(request) {
      const sessionId = parseSessionId(request.sessionId);
      const query = messageQuery(request);
      const bounds = { maxMessages: pageSizeOf(request.pageSize), maxBytes: pageBytes };
      const tokens = new PageTokens('listMessages', [sessionId, ...questionOf(query)]);
      const cursor = tokens.decode(request.pageToken);
      return await sessions.withHistory(sessionId, async (history) => {
        const { chatJid, ...page } = await history.readMessages(query, cursor, bounds);
        const rest = create(ListMessagesResponseSchema, { nextPageToken: tokens.encode(page.next), chatJid });
        return messagesFrame(page.messages, toBinary(ListMessagesResponseSchema, rest));
      });
    },

    async readMessages(request, frames) {
      const sessionId = parseSessionId(request.sessionId);
      const read = readMessages(sessionId, request);
      await sessions.withHistory(sessionId, (history) => read(history, frames));
    },

    async watchMessages(request, frames) {
      const sessionId = parseSessionId(request.sessionId);
      const watch = watchMessages(sessionId, request, heartbeatMs);
      await sessions.withHistory(sessionId, (history) => watch(history, frames));
    },

    async getMessage(request) {
      const sessionId = parseSessionId(request.sessionId);
      const filter = messageFilter(request);
      const messages = await sessions.withHistory(sessionId, (history) => history.findMessages(filter));
      if (messages.length === 0) throw new DomainError({ reason: 'MESSAGE_NOT_FOUND' });
      return messagesFrame(firstPage(messages), Buffer.alloc(0));
    },

    async readMedia(request, frames) {
      const sessionId = parseSessionId(request.sessionId);
      const range = mediaRange(request);
      const file = await sessions.openMedia(sessionId, messageFilter(request), frames.signal);
      try {
        await sendMedia(file, range, frames);
      } finally {
        await file.close();
      }
    },

    async listContacts(request) {
      const sessionId = parseSessionId(request.sessionId);
      const size = pageSizeOf(request.pageSize);
      const tokens = new PageTokens('listContacts', [sessionId]);
      const cursor = tokens.decode(request.pageToken);
      const page = await sessions.withHistory(sessionId, (history) => history.listContacts(cursor, size));
      return { contacts: page.items, nextPageToken: tokens.encode(page.next) };
    },

    async listGroups(request) {
      const sessionId = parseSessionId(request.sessionId);
      const size = pageSizeOf(request.pageSize);
      const tokens = new PageTokens('listGroups', [sessionId]);
      const cursor = tokens.decode(request.pageToken);
      const page = await sessions.withHistory(sessionId, (history) => history.listGroups(cursor, size, pageBytes));
      return { groups: page.items, nextPageToken: tokens.encode(page.next) };
    },

    async listLabels(request) {
      const sessionId = parseSessionId(request.sessionId);
      return { labels: await sessions.withHistory(sessionId, (history) => history.listLabels()) };
    },
  };
}

function messageFilter(request: Pick<GetMessageRequest, 'chat' | 'messageId' | 'fromMe' | 'sender'>): MediaQuestion {
  return {
    chat: addressOf('chat', request.chat),
    messageId: messageIdOf(request.messageId),
    fromMe: request.fromMe,
    sender: addressOf('sender', request.sender),
  };
}

/** An id that is never stored cannot be found; and a NUL would be taken for the end of the id in a key of the store. */
function messageIdOf(text: string): string {
  const messageId = requiredText('message_id', text);
  if (Buffer.byteLength(messageId) > MESSAGE_ID_MAX_BYTES || messageId.includes('\0')) {
    throw new DomainError({ reason: 'MESSAGE_NOT_FOUND' });
  }
  return messageId;
}

/** Hostile backups may repeat an id a thousand times with the longest texts: an answer ends at about a page's bytes. */
function firstPage(messages: Buffer[]): Buffer[] {
  let bytes = 0;
  const end = messages.findIndex((message) => (bytes += message.length) > pageBytes);
  return end === -1 ? messages : messages.slice(0, Math.max(end, 1));
}
