import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Timestamp, timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { LiveChannelCounts } from '../domain/channel-counts.js';
import type {
  LiveActor,
  LiveContent,
  LiveEvent,
  LiveHappening,
  LiveKey,
  LiveMessage,
  LiveResponse,
} from '../domain/live-event.js';
import { messageKind } from '../domain/message-kind.js';
import { HiddenFactsSchema } from '../gen/scrollback/store/v1/record_pb.js';
import {
  ChannelPostSchema,
  type EventResponse,
  EventResponseSchema,
  EventSchema,
  MessageSchema,
  PollVoteSchema,
  ReactionSchema,
} from '../gen/scrollback/v1/message_pb.js';
import type { MessageFacts } from './merge-message.js';

/** WhatsApp's numbers for what was deleted for everyone, for a poll, and for an event. */
const WA_REVOKED = 15;
const WA_REVOKED_BY_ADMIN = 64;
const WA_POLL = 66;
const WA_EVENT = 92;

/** An event that says something of one message that is not deleted. */
export type MessageEvent =
  Exclude<Extract<LiveEvent, { key: LiveKey }>, { type: 'deletion' }> | Extract<LiveEvent, { type: 'message' }>;

/** What an event says of a message, with addresses as they came. Nothing for an open vote or answer: its poll or event must be known first. */
export function factsOfEvent(event: Exclude<MessageEvent, { type: 'vote' | 'response' }>): MessageFacts {
  switch (event.type) {
    case 'message':
      return factsOfMessage(event.message);
    case 'edit':
      return factsAbout(event.key, {
        ...contentOf(event.content),
        ...timed('editTime', event.editMs),
        alternateMessageIds: idsBeside(event.key, event.editId),
      });
    case 'revocation':
      return factsAbout(event.key, {
        ...revoked(event),
        alternateMessageIds: idsBeside(event.key, event.revocationId),
      });
    case 'reaction':
      return reactionFacts(event);
    case 'receipt':
      return event.memberJid === ''
        ? factsAbout(event.key, { deliveryState: event.state })
        : factsAbout(event.key, {}, { receipts: [receipt(event.memberJid, event.state)] });
    case 'sealed-vote':
      // Nobody knows yet whether it is about a poll or an event: it says nothing of the content, which is another's.
      return factsAbout(
        event.key,
        {},
        {
          sealedVotes: [
            {
              $typeName: 'scrollback.store.v1.SealedVote',
              voterJid: event.actor.jid,
              fromMe: event.actor.fromMe,
              ...event.vote,
              eventResponse: event.vote.eventResponse === true,
              editId: event.vote.editId ?? '',
              reaction: event.vote.reaction === true,
              commentId: event.vote.commentId ?? '',
              ...timed('voteTime', event.voteMs),
            },
          ],
        },
      );
    case 'channel-counts':
      return channelFacts(event.key, event.counts);
    case 'star':
      return factsAbout(event.key, { starred: true });
    case 'message-label': {
      const { labelId, given } = event;
      const label = {
        $typeName: 'scrollback.store.v1.ChatLabel' as const,
        labelId,
        given,
        asOfMs: BigInt(event.asOfMs),
      };
      return factsAbout(event.key, { labelIds: given ? [labelId] : [] }, { labels: [label] });
    }
  }
}

/** What an opened vote says of its poll. */
export function voteFacts(key: LiveKey, actor: LiveActor, optionIndexes: number[], voteTime?: Timestamp): MessageFacts {
  const vote = create(PollVoteSchema, {
    voterJid: actor.jid,
    fromMe: actor.fromMe,
    optionIndexes,
    ...(voteTime === undefined ? {} : { voteTime }),
  });
  const poll = { ...emptyPoll(), votes: optionIndexes.length > 0 ? [vote] : [] };
  const withdrawnVotes = optionIndexes.length > 0 ? [] : [vote];
  return factsAbout(key, { kind: messageKind.poll, waType: WA_POLL, poll }, { withdrawnVotes });
}

/** What an opened answer says of its event. */
export function responseFacts(key: LiveKey, actor: LiveActor, told: LiveResponse): MessageFacts {
  const { answer, extraGuestCount, responseMs } = told;
  const response = create(EventResponseSchema, {
    responderJid: actor.jid,
    fromMe: actor.fromMe,
    answer,
    extraGuestCount,
    ...timed('responseTime', responseMs),
  });
  return factsAbout(key, ofEvent([response]));
}

/** What an opened comment on a message says: it fills the message that the comment is, and replies to the other one. */
export function commentFacts(key: LiveKey, content: LiveContent, about: LiveKey): MessageFacts {
  const { chatJid, senderJid, fromMe, messageId } = about;
  const quoted = { chatJid, senderJid, fromMe, messageId, kind: messageKind.unknown, waType: 0, text: '' };
  return factsAbout(key, contentOf({ ...content, quoted }));
}

function ofEvent(responses: EventResponse[] = []): MessageFields {
  return { kind: messageKind.event, waType: WA_EVENT, event: create(EventSchema, { responses }) };
}

function factsOfMessage(message: LiveMessage): MessageFacts {
  const { content, revocation, secret, serverId = 0 } = message;
  return factsAbout(
    message.key,
    {
      ...(revocation === undefined ? contentOf(content) : revoked(revocation)),
      ...timed('sentTime', message.sentMs),
      ...timed('expireTime', message.expireMs),
      senderName: message.key.fromMe ? '' : message.senderName,
      deliveryState: message.state,
      starred: message.starred,
      sources: [message.source],
      ...(serverId === 0
        ? {}
        : { channelPost: { serverId }, alternateMessageIds: idsBeside(message.key, String(serverId)) }),
    },
    secret === undefined ? {} : { messageSecret: secret },
  );
}

function channelFacts(key: LiveKey, { asOfMs, viewCount, votes, ...counts }: LiveChannelCounts): MessageFacts {
  const views = viewCount === undefined ? {} : { viewCount, ...timed('viewsTime', asOfMs) };
  const chosen = votes === undefined ? {} : { votes, ...timed('votesTime', asOfMs) };
  return factsAbout(key, {
    channelPost: create(ChannelPostSchema, { ...counts, ...views, ...chosen, ...timed('countsTime', asOfMs) }),
    alternateMessageIds: idsBeside(key, String(counts.serverId)),
  });
}

function reactionFacts({ key, actor, emoji, reactMs }: Extract<LiveEvent, { type: 'reaction' }>): MessageFacts {
  const reaction = create(ReactionSchema, {
    senderJid: actor.jid,
    fromMe: actor.fromMe,
    emoji,
    ...timed('reactTime', reactMs),
  });
  return emoji === ''
    ? factsAbout(key, {}, { removedReactions: [reaction] })
    : factsAbout(key, { reactions: [reaction] });
}

function revoked(event: { revokeMs: number; adminJid: string; byAdmin: boolean }): MessageFields {
  const { revokeMs, adminJid, byAdmin } = event;
  return {
    kind: messageKind.revoked,
    waType: byAdmin ? WA_REVOKED_BY_ADMIN : WA_REVOKED,
    revocation: {
      $typeName: 'scrollback.v1.Revocation',
      adminJid,
      byAdmin,
      ...timed('revokeTime', revokeMs),
    },
  };
}

function contentOf(content: LiveContent): MessageFields {
  const { media, quoted, location, poll, event, call, systemEvent, groupInvite, linkPreview, album } = content;
  return {
    kind: content.kind,
    waType: content.waType,
    text: content.text,
    viewOnce: content.viewOnce,
    forwardScore: content.forwardScore,
    mentionedJids: [...new Set(content.mentionedJids)].sort(),
    albumMessageId: content.albumMessageId,
    contactCards: (content.vcards ?? []).map((vcard) => ({ vcard })),
    ...(media === undefined
      ? {}
      : { media: { ...media, sizeBytes: BigInt(Math.max(0, Math.floor(media.sizeBytes))) } }),
    ...(quoted === undefined ? {} : { quoted: quotedOf(quoted) }),
    ...(location === undefined ? {} : { location }),
    ...(poll === undefined
      ? {}
      : { poll: { options: poll.options.map((name) => ({ name })), selectableCount: poll.selectableCount } }),
    ...(event === undefined ? {} : { event: happeningOf(event) }),
    ...(call === undefined ? {} : { call }),
    ...(systemEvent === undefined ? {} : { systemEvent }),
    ...(groupInvite === undefined
      ? {}
      : { groupInvite: { ...groupInvite, ...timed('expireTime', groupInvite.expireMs) } }),
    ...(linkPreview === undefined ? {} : { linkPreview }),
    ...(album === undefined ? {} : { album }),
  };
}

function happeningOf({ startMs, endMs, location, ...event }: LiveHappening) {
  return {
    ...event,
    ...(location === undefined ? {} : { location }),
    ...timed('startTime', startMs),
    ...timed('endTime', endMs),
  };
}

function quotedOf(quoted: NonNullable<LiveContent['quoted']>) {
  const { kind, waType, text, ...key } = quoted;
  return { key, kind, waType, text };
}

/** Facts about the message with this key. */
export function factsAbout(key: LiveKey, fields: MessageFields, hidden: HiddenFields = {}): MessageFacts {
  const { chatJid, senderJid, fromMe, messageId } = key;
  return {
    message: create(MessageSchema, { ...fields, key: { chatJid, senderJid, fromMe, messageId } }),
    hidden: create(HiddenFactsSchema, hidden),
    ordinal: 0,
  };
}

/** What is known of a message's fields: made into a message once, because it has some forty. */
type MessageFields = Omit<MessageInitShape<typeof MessageSchema>, '$typeName' | 'key'>;
type HiddenFields = Omit<MessageInitShape<typeof HiddenFactsSchema>, '$typeName'>;

function receipt(jid: string, state: number) {
  return { $typeName: 'scrollback.store.v1.MemberReceipt' as const, jid, state };
}

function emptyPoll() {
  return { $typeName: 'scrollback.v1.Poll' as const, options: [], selectableCount: 0, votes: [] };
}

function idsBeside({ messageId }: LiveKey, id: string): string[] {
  return id === '' || id === messageId ? [] : [id];
}

/** A time for a message's init; nothing for 0. */
function timed<K extends string>(name: K, ms: number): { [P in K]?: Timestamp } {
  // Safety: the one key is the one that the type names.
  return (ms > 0 ? { [name]: timestampFromMs(ms) } : {}) as { [P in K]?: Timestamp };
}
