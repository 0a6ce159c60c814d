import { create } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { type Message, MessageKind, MessageSchema, Source } from '../gen/scrollback/v1/message_pb.js';
import { HiddenFactsSchema } from '../gen/scrollback/store/v1/record_pb.js';
import { keyOf } from './commit.js';
import type { MessageFacts } from './merge-message.js';

/**
 * What counts of a message that the link delivers under the id of a stored one; undefined when all of it does. WhatsApp delivers a message
 * once, or again as it was: whoever sends something else under the same id would rewrite what they wrote, without the mark of an edit. So
 * the first content stays. Two sources that know the same delivery still complete each other (`joinFacts`).
 */
export function toldAgain(stored: MessageFacts, incoming: MessageFacts): MessageFacts | undefined {
  const key = keyOf(incoming);
  const { message } = incoming;
  // The owner's own devices are not against the owner.
  if (key.fromMe || !message.sources.includes(Source.LIVE)) return undefined;
  if (!saysContent(stored.message) || message.kind === MessageKind.REVOKED) return undefined;
  // A call is told again as it goes on.
  if (message.kind === MessageKind.CALL && stored.message.kind === MessageKind.CALL) return undefined;
  if (!stored.message.sources.includes(Source.LIVE) && isSameDelivery(stored.message, message)) return undefined;
  const { sources, deliveryState, starred, channelPost, alternateMessageIds } = message;
  const senderName = stored.message.senderName === '' ? message.senderName : '';
  const { chatJid, senderJid, fromMe, messageId } = key;
  return {
    message: create(MessageSchema, {
      key: { chatJid, senderJid, fromMe, messageId },
      sources,
      deliveryState,
      starred,
      senderName,
      alternateMessageIds,
      ...(channelPost === undefined ? {} : { channelPost }),
    }),
    hidden: create(HiddenFactsSchema),
    ordinal: 0,
  };
}

/** False for a placeholder, which the content fills when it is sent again. */
export function saysContent({ kind }: Message): boolean {
  return kind !== MessageKind.UNSPECIFIED && kind !== MessageKind.PENDING && kind !== MessageKind.UNKNOWN;
}

/** WhatsApp's server says when a message was sent: what was delivered to the phone too bears the same time. */
function isSameDelivery({ sentTime: stored }: Message, { sentTime: told }: Message): boolean {
  if (stored === undefined || told === undefined) return true;
  return Math.abs(timestampMs(stored) - timestampMs(told)) <= SAME_DELIVERY_MS;
}

/** A phone and the server round and stamp the same delivery a little differently; chosen, not measured. */
const SAME_DELIVERY_MS = 60_000;
