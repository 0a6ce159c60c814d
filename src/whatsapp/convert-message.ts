import { proto } from '@whiskeysockets/baileys/WAProto/index.js';
import { liveDelivery, type LiveEvent, type LiveKey, type LiveMessage, liveSource } from '../domain/live-event.js';
import { keepsSecret } from '../domain/kept-secret.js';
import { messageKind } from '../domain/message-kind.js';
import { actorOf, addressOf, keyOfMessage, keyOfTarget, mappingsOf, type Me } from './addresses.js';
import { convertContent } from './convert-content.js';
import { convertProtocol } from './convert-protocol.js';
import { responseOf } from './convert-response.js';
import { convertSealed } from './convert-sealed.js';
import { convertStub } from './convert-stub.js';
import { envelopeOf, type Origin, type WireMessage } from './envelope.js';
import { msOf, msOfSeconds } from './numbers.js';
import { unwrap } from './unwrap.js';

/**
 * Converts a message of the wire into what it tells: a message, or an edit, a revocation, a reaction, a vote; and what goes
 * with it. Pure. What is not understood becomes a message of an unknown kind; nothing comes of what is only for devices.
 */
export function convertMessage(info: WireMessage, origin: Origin): LiveEvent[] {
  const { me } = origin;
  const key = keyOfMessage(info.key, me);
  if (key === undefined) return [];
  const events = [...mappingsOf(info.key, me), ...nameOf(info, key)];
  const content = info.message === null || info.message === undefined ? undefined : unwrap(info.message);
  const protocol = content?.message.protocolMessage;
  if (protocol) {
    const told = convertProtocol(protocol, info, key, origin);
    return [...events, ...editedOf(told, info, origin), ...told, ...resentBy(protocol, key, origin)];
  }
  if (content?.message.reactionMessage) {
    return [...events, ...reactionOf(content.message.reactionMessage, key, info, me)];
  }
  // That somebody keeps a message which would disappear shows nothing, and here nothing disappears.
  if (content?.message.keepInChatMessage) return events;
  const sealed = content === undefined ? undefined : convertSealed(content.message, key, info, me);
  // A comment is there before it is opened, and when it never is.
  if (sealed !== undefined && !content?.message.encCommentMessage) return [...events, ...sealed];
  const message = messageOf(info, key, origin);
  if (message === undefined) return [...events, ...(hasStub(info) ? convertStub(info, key, origin) : [])];
  return [...events, { type: 'message', message }, ...(sealed ?? []), ...historyOf(info, key, me)];
}

function messageOf(info: WireMessage, key: LiveKey, { me, source, asOfMs = 0 }: Origin): LiveMessage | undefined {
  const content = info.message ? convertContent(info.message, key, me) : undefined;
  if (content === undefined) return undefined;
  const { message, info: beside } = unwrap(info.message ?? {});
  const poll = message.pollCreationMessage ?? message.pollCreationMessageV2 ?? message.pollCreationMessageV3;
  const envelope = envelopeOf(info, key, source);
  // Votes and answers come for ever.
  const isSealing =
    source === liveSource.live ||
    content.kind === messageKind.poll ||
    content.kind === messageKind.event ||
    keepsSecret(envelope.sentMs, asOfMs);
  const secret = isSealing ? secretIn(beside?.messageSecret, info.messageSecret, poll?.encKey) : undefined;
  return { ...envelope, content, ...(secret === undefined ? {} : { secret }) };
}

/** Which one counts: the phone tells it beside a message of history where the message itself does not. */
function secretIn(...told: (Uint8Array | null | undefined)[]): Uint8Array | undefined {
  return told.find((secret) => secret && secret.length > 0 && secret.length <= MAX_SECRET_BYTES) ?? undefined;
}

/** Phones make secrets of 32 bytes; who writes a message chooses what is kept of it for good. */
const MAX_SECRET_BYTES = 64;

/**
 * The message that an edit in a chunk of history is all there is of: the phone keeps what it says now in the place of what it said first,
 * and sends that alone. Where another source has the message, the two are joined; an edit that comes live waits for it.
 */
function editedOf(told: LiveEvent[], info: WireMessage, { me, source }: Origin): LiveEvent[] {
  if (source === liveSource.live) return [];
  return told.flatMap((event): LiveEvent[] => {
    if (event.type !== 'edit') return [];
    const { key, content } = event;
    return [{ type: 'message', message: { ...envelopeOf(info, key, source), content } }, ...historyOf(info, key, me)];
  });
}

function nameOf(info: WireMessage, key: LiveKey): LiveEvent[] {
  const pushName = info.pushName ?? '';
  if (key.fromMe || pushName === '' || key.senderJid === '') return [];
  const asOfMs = msOfSeconds(info.messageTimestamp);
  return [{ type: 'contact', contact: { jid: key.senderJid, name: '', pushName, username: '', asOfMs } }];
}

function reactionOf(reaction: proto.Message.IReactionMessage, key: LiveKey, info: WireMessage, me: Me): LiveEvent[] {
  const target = keyOfTarget(reaction.key, key, me);
  if (target === undefined) return [];
  const reactMs = msOf(reaction.senderTimestampMs) || msOfSeconds(info.messageTimestamp);
  const actor = { jid: key.senderJid, fromMe: key.fromMe };
  return [{ type: 'reaction', key: target, actor, emoji: reaction.text ?? '', reactMs }];
}

/** What history tells beside the message: who reacted, who voted, who answered, who has it. */
function historyOf(info: WireMessage, key: LiveKey, me: Me): LiveEvent[] {
  const actorBy = (by: proto.IMessageKey | null | undefined) =>
    by?.fromMe === true
      ? { jid: '', fromMe: true }
      : actorOf(addressOf(by?.participant) || (key.chatJid.endsWith('@g.us') ? '' : key.chatJid), me);
  const reactions = (info.reactions ?? []).map((reaction): LiveEvent => {
    const reactMs = msOf(reaction.senderTimestampMs);
    return { type: 'reaction', key, actor: actorBy(reaction.key), emoji: reaction.text ?? '', reactMs };
  });
  const votes = (info.pollUpdates ?? []).map((update): LiveEvent => {
    const voteMs = msOf(update.senderTimestampMs);
    const choices = update.vote?.selectedOptions ?? [];
    return { type: 'vote', key, actor: actorBy(update.pollUpdateMessageKey), choices, voteMs };
  });
  const responses = (info.eventResponses ?? []).map((told): LiveEvent => {
    const response = responseOf(told.eventResponseMessage ?? {});
    const responseMs = response.responseMs || msOf(told.timestampMs);
    return {
      type: 'response',
      key,
      actor: actorBy(told.eventResponseMessageKey),
      response: { ...response, responseMs },
    };
  });
  const receipts = !key.fromMe || !key.chatJid.endsWith('@g.us') ? [] : (info.userReceipt ?? []);
  return [
    ...reactions,
    ...votes,
    ...responses,
    ...receipts.flatMap(({ userJid, receiptTimestamp, readTimestamp, playedTimestamp }): LiveEvent[] => {
      const memberJid = addressOf(userJid);
      if (memberJid === '') return [];
      const { played, read, delivered } = liveDelivery;
      const state = playedTimestamp ? played : readTimestamp ? read : receiptTimestamp ? delivered : undefined;
      return state === undefined ? [] : [{ type: 'receipt', key, state, memberJid }];
    }),
  ];
}

function hasStub(info: WireMessage): boolean {
  return (info.messageStubType ?? 0) !== 0;
}

/** What the phone resends of messages that came without content: whole messages, of any chat. */
function resentBy(protocol: proto.Message.IProtocolMessage, key: LiveKey, origin: Origin): LiveEvent[] {
  // Only the own phone may say what others wrote.
  if (!key.fromMe) return [];
  const results = protocol.peerDataOperationRequestResponseMessage?.peerDataOperationResult ?? [];
  return results.flatMap(({ placeholderMessageResendResponse: resent }) => {
    const bytes = resent?.webMessageInfoBytes;
    return bytes ? convertMessage(proto.WebMessageInfo.decode(bytes), origin) : [];
  });
}
