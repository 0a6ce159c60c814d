import type { proto } from '@whiskeysockets/baileys';
import type { LiveContent, LiveKey } from '../domain/live-event.js';
import { messageKind } from '../domain/message-kind.js';
import { addressOf, isMe, type Me } from './addresses.js';
import { commentIn, quotedBy } from './convert-comment.js';
import { convertMedia } from './convert-media.js';
import { eventOf } from './convert-response.js';
import { emptyContent } from './empty-content.js';
import { durationOf, msOfSeconds } from './numbers.js';
import { contentNames, unwrap } from './unwrap.js';

/** What a part of a message says, beside what all messages may say. */
type Part = Partial<LiveContent> & Pick<LiveContent, 'kind'> & { context?: proto.IContextInfo | null | undefined };

/**
 * Converts what a message says; `chat` is where and who. Kinds and `waType` are those that a backup has for the same message.
 * Undefined for what nobody is to see: keys, and the protocol among the devices.
 */
export function convertContent(wrapped: proto.IMessage, key: LiveKey, me: Me): LiveContent | undefined {
  const unwrapped = unwrap(wrapped);
  const { message } = unwrapped;
  if (contentNames(message).length === 0) return undefined;
  const comment = commentIn(message);
  if (comment !== undefined) {
    const said = comment.said ? convertContent(comment.said, key, me) : emptyContent(messageKind.pending, 11);
    return said && { ...said, quoted: quotedBy(comment.about, key, me) };
  }
  const part: Part = textPart(message) ??
    convertMedia(message, unwrapped.viewOnce) ??
    structuredPart(message) ??
    interactivePart(message) ?? { kind: messageKind.unknown, text: packNameOf(message), context: contextOf(message) };
  const { context, ...content } = part;
  return {
    waType: 0,
    text: '',
    viewOnce: unwrapped.viewOnce,
    mentionedJids: (context?.mentionedJid ?? []).map(addressOf).filter((jid) => jid !== ''),
    forwardScore: Math.max(context?.forwardingScore ?? 0, context?.isForwarded === true ? 1 : 0),
    albumMessageId: albumOf(unwrapped.info),
    quoted: context === null || context === undefined ? undefined : quotedOf(context, key, me),
    ...content,
  };
}

/** How long the message stays on phones, in ms; 0 for ever. */
export function lifetimeOf(wrapped: proto.IMessage): number {
  return msOfSeconds(contextOf(unwrap(wrapped).message)?.expiration);
}

function textPart(message: proto.IMessage): Part | undefined {
  if (typeof message.conversation === 'string') return { kind: messageKind.text, text: message.conversation };
  const text = message.extendedTextMessage;
  if (text === null || text === undefined) return undefined;
  const linkPreview = {
    url: text.matchedText ?? '',
    title: text.title ?? '',
    description: text.description ?? '',
  };
  const hasPreview = linkPreview.title !== '' || linkPreview.description !== '';
  return {
    kind: messageKind.text,
    text: text.text ?? '',
    context: text.contextInfo,
    ...(hasPreview ? { linkPreview } : {}),
  };
}

function structuredPart(message: proto.IMessage): Part | undefined {
  const { contactMessage, contactsArrayMessage, locationMessage, liveLocationMessage } = message;
  if (contactMessage) {
    const vcards = contactMessage.vcard ? [contactMessage.vcard] : [];
    return { kind: messageKind.contact, waType: 4, vcards, context: contactMessage.contextInfo };
  }
  if (contactsArrayMessage) {
    const vcards = (contactsArrayMessage.contacts ?? []).flatMap(({ vcard }) => (vcard ? [vcard] : []));
    return { kind: messageKind.contact, waType: 14, vcards, context: contactsArrayMessage.contextInfo };
  }
  if (locationMessage) {
    const { contextInfo: context, comment } = locationMessage;
    return { kind: messageKind.location, waType: 5, text: comment ?? '', location: placeOf(locationMessage), context };
  }
  if (liveLocationMessage) {
    const { contextInfo: context, caption } = liveLocationMessage;
    const location = placeOf(liveLocationMessage);
    return { kind: messageKind.liveLocation, waType: 16, text: caption ?? '', location, context };
  }
  const poll = message.pollCreationMessage ?? message.pollCreationMessageV2 ?? message.pollCreationMessageV3;
  const anyPoll = poll ?? message.pollCreationMessageV5;
  if (anyPoll) {
    const options = (anyPoll.options ?? []).map(({ optionName }) => optionName ?? '');
    return {
      kind: messageKind.poll,
      waType: 66,
      text: anyPoll.name ?? '',
      poll: { options, selectableCount: anyPoll.selectableOptionsCount ?? 0 },
      context: anyPoll.contextInfo,
    };
  }
  return happeningPart(message);
}

function happeningPart(message: proto.IMessage): Part | undefined {
  const { groupInviteMessage, albumMessage, eventMessage, callLogMesssage, placeholderMessage, pinInChatMessage } =
    message;
  if (groupInviteMessage) {
    const groupInvite = {
      groupJid: addressOf(groupInviteMessage.groupJid),
      groupName: groupInviteMessage.groupName ?? '',
      inviteCode: groupInviteMessage.inviteCode ?? '',
      expireMs: msOfSeconds(groupInviteMessage.inviteExpiration),
    };
    const { caption, contextInfo: context } = groupInviteMessage;
    return { kind: messageKind.groupInvite, waType: 24, text: caption ?? '', groupInvite, context };
  }
  if (albumMessage) {
    const { expectedImageCount, expectedVideoCount, contextInfo: context } = albumMessage;
    const album = { imageCount: expectedImageCount ?? 0, videoCount: expectedVideoCount ?? 0 };
    return { kind: messageKind.album, waType: 99, album, context };
  }
  if (eventMessage) {
    const { name, contextInfo: context } = eventMessage;
    return { kind: messageKind.event, waType: 92, text: name ?? '', event: eventOf(eventMessage), context };
  }
  if (callLogMesssage) {
    const durationSeconds = durationOf(callLogMesssage.durationSecs);
    // Of the library's outcomes 0 is a call that took place; a duration does not lie.
    const answered = durationSeconds > 0 || callLogMesssage.callOutcome === 0;
    const video = callLogMesssage.isVideo === true;
    const call = { callId: '', video, durationSeconds, outcome: answered ? 1 : 2, groupJid: '' };
    return { kind: messageKind.call, waType: 90, call };
  }
  if (placeholderMessage) return { kind: messageKind.pending, waType: 11 };
  if (pinInChatMessage) {
    const systemEvent = { kind: PINNED, waAction: 118, participantJids: [], value: '' };
    return { kind: messageKind.system, waType: 7, systemEvent };
  }
  return undefined;
}

function interactivePart(message: proto.IMessage): Part | undefined {
  const { productMessage, orderMessage } = message;
  if (productMessage) {
    const text = productMessage.product?.title ?? productMessage.body ?? '';
    return { kind: messageKind.product, waType: 23, text, context: productMessage.contextInfo };
  }
  if (orderMessage) {
    return { kind: messageKind.order, waType: 44, text: orderMessage.message ?? '', context: orderMessage.contextInfo };
  }
  const text =
    message.listMessage?.description ??
    message.listMessage?.title ??
    message.listResponseMessage?.title ??
    message.buttonsMessage?.contentText ??
    message.buttonsResponseMessage?.selectedDisplayText ??
    message.templateMessage?.hydratedTemplate?.hydratedContentText ??
    message.templateButtonReplyMessage?.selectedDisplayText ??
    message.interactiveMessage?.body?.text ??
    message.interactiveResponseMessage?.body?.text;
  const names = contentNames(message);
  if (text === undefined && !names.some((name) => /^(list|buttons|template|interactive)/.test(name))) return undefined;
  return { kind: messageKind.interactive, text: text ?? '', context: contextOf(message) };
}

/** What a pack of stickers is called: it is no kind of its own, and its file is not one of those that are read. */
function packNameOf({ stickerPackMessage: pack }: proto.IMessage): string {
  return pack?.caption || pack?.name || '';
}

function placeOf(place: proto.Message.ILocationMessage): NonNullable<LiveContent['location']> {
  return {
    latitude: place.degreesLatitude ?? 0,
    longitude: place.degreesLongitude ?? 0,
    name: place.name ?? '',
    address: place.address ?? '',
  };
}

function quotedOf(context: proto.IContextInfo, key: LiveKey, me: Me): LiveContent['quoted'] {
  const messageId = context.stanzaId ?? '';
  if (messageId === '') return undefined;
  const author = addressOf(context.participant);
  const chatJid = addressOf(context.remoteJid) || key.chatJid;
  const fromMe = isMe(author, me);
  const quotedKey = { chatJid, senderJid: fromMe ? '' : author, fromMe, messageId };
  const content = context.quotedMessage ? convertContent(context.quotedMessage, quotedKey, me) : undefined;
  const { kind = messageKind.unknown, waType = 0, text = '' } = content ?? {};
  return { ...quotedKey, kind, waType, text };
}

function albumOf(info: proto.IMessageContextInfo | undefined): string {
  const association = info?.messageAssociation;
  return association?.associationType === MEDIA_ALBUM ? (association.parentMessageKey?.id ?? '') : '';
}

/** Whatever the content is, its context has the same name in it. */
function contextOf(message: proto.IMessage): proto.IContextInfo | undefined {
  for (const value of Object.values(message) as unknown[]) {
    if (typeof value !== 'object' || value === null || !('contextInfo' in value)) continue;
    // Safety: in every content of the protocol that has it, this field is of this type.
    return (value.contextInfo as proto.IContextInfo | null) ?? undefined;
  }
  return undefined;
}

/** `SystemEventKind.MESSAGE_PINNED`. */
const PINNED = 18;

/** `AssociationType.MEDIA_ALBUM`. */
const MEDIA_ALBUM = 1;
