import { createHash } from 'node:crypto';
import { type BinaryNode, proto } from '@whiskeysockets/baileys';
import { type Attributes, node } from './nodes.js';

/** What WhatsApp says of one message of a channel; what is undefined it does not say. */
export interface ChannelUpdate {
  serverId: number;
  /** With an id and a message it brings the message too. */
  id?: string;
  message?: proto.IMessage;
  attributes?: Attributes;
  views?: number;
  reactions?: Record<string, number>;
  forwards?: number;
  responses?: number;
  /** How often each of the options was chosen; a count that is no number is left out. */
  votes?: Record<string, number>;
}

/** The attributes and children of the notification by which a server tells what is new in a channel. */
export function channelNotification(
  channel: string,
  t: number,
  updates: ChannelUpdate[],
): ['notification', Attributes, BinaryNode[]] {
  const messages = node('messages', { jid: channel, t: String(t) }, updates.map(updateNode));
  const live = node('live_updates', {}, [messages]);
  return ['notification', { type: 'newsletter', from: channel, t: String(t) }, [live]];
}

function updateNode({ serverId, id, message, attributes, ...counts }: ChannelUpdate): BinaryNode {
  const { views, reactions, forwards, responses, votes } = counts;
  const counted = (tag: string, count: number | undefined, more: Attributes = {}) =>
    count === undefined ? [] : [node(tag, { ...more, count: String(count) })];
  return node('message', { id, server_id: String(serverId), ...attributes }, [
    ...(message === undefined ? [] : [node('plaintext', {}, proto.Message.encode(message).finish())]),
    ...(reactions === undefined ? [] : [node('reactions', {}, Object.entries(reactions).map(reactionNode))]),
    // A server may count in other ways too.
    ...counted('views_count', views === undefined ? undefined : views + 1, { type: 'loopback' }),
    ...counted('views_count', views, { type: 'views' }),
    ...counted('forwards_count', forwards),
    ...counted('responses_count', responses),
    ...(votes === undefined ? [] : [node('votes', {}, Object.entries(votes).map(voteNode))]),
  ]);
}

function reactionNode([code, count]: [string, number]): BinaryNode {
  return node('reaction', { code, count: String(count) });
}

function voteNode([option, count]: [string, number]): BinaryNode {
  const counted = Number.isNaN(count) ? {} : { count: String(count) };
  return node('vote', counted, createHash('sha256').update(option).digest());
}
