import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { invalidArgument } from '../domain/fault.js';
import { Direction, Order } from '../gen/scrollback/v1/history_service_pb.js';
import { MessageKind } from '../gen/scrollback/v1/message_pb.js';
import type { MessageQuery } from '../store/history-reader.js';
import { addressOf, enumSet, timeBounds } from './request-field.js';

/** Which messages a watch is about. */
export interface MessageFilterFields {
  chat: string;
  kinds: MessageKind[];
  direction: Direction;
}

/** Which messages a read is about, and in which order. */
export interface MessageQueryFields extends MessageFilterFields {
  from?: Timestamp | undefined;
  to?: Timestamp | undefined;
  order: Order;
}

/** Returns the query that the fields of a request state. Throws INVALID_ARGUMENT with the field. */
export function messageQuery(request: MessageQueryFields): MessageQuery {
  return { ...messageFilter(request), ...timeBounds(request.from, request.to), order: orderOf(request.order) };
}

/** Returns the filter that the fields of a request state. Throws INVALID_ARGUMENT with the field. */
export function messageFilter(request: MessageFilterFields): Pick<MessageQuery, 'chat' | 'kinds' | 'direction'> {
  return {
    chat: addressOf('chat', request.chat),
    kinds: enumSet('kinds', request.kinds, MessageKind),
    direction: directionOf(request.direction),
  };
}

/** Returns a query or a filter in one form, for the digest of its page tokens: equal exactly for the same question. */
export function questionOf(
  query: Pick<MessageQuery, 'chat' | 'kinds' | 'direction'> & Partial<MessageQuery>,
): unknown[] {
  const kinds = [...query.kinds].sort((a, b) => a - b);
  return [query.chat, query.fromMs, query.toMs, query.order, kinds, query.direction];
}

function orderOf(order: Order): MessageQuery['order'] {
  switch (order) {
    case Order.UNSPECIFIED:
    case Order.NEWEST_FIRST:
      return 'newest-first';
    case Order.OLDEST_FIRST:
      return 'oldest-first';
    default:
      return invalidArgument('order', 'must be ORDER_NEWEST_FIRST or ORDER_OLDEST_FIRST');
  }
}

function directionOf(direction: Direction): MessageQuery['direction'] {
  switch (direction) {
    case Direction.UNSPECIFIED:
      return undefined;
    case Direction.INCOMING:
      return 'incoming';
    case Direction.OUTGOING:
      return 'outgoing';
    default:
      return invalidArgument('direction', 'must be DIRECTION_INCOMING or DIRECTION_OUTGOING');
  }
}
