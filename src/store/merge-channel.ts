import { create } from '@bufbuild/protobuf';
import { type ChannelPost, ChannelPostSchema } from '../gen/scrollback/v1/message_pb.js';
import { assign, compareEncoded, compareTimes } from './join-values.js';

/**
 * Joins what two sources say of how WhatsApp counts a channel's message: the views that were counted later, likewise the votes, and all other counts,
 * which are told together. Of one time the richer ones.
 */
export function joinChannelPost(a: ChannelPost | undefined, b: ChannelPost | undefined): ChannelPost | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const { reactions, forwardCount, responseCount, countsTime } = compareCounts(a, b) >= 0 ? a : b;
  const views = compareTimes(a.viewsTime, b.viewsTime) || a.viewCount - b.viewCount;
  const { viewCount, viewsTime } = views >= 0 ? a : b;
  const serverId = Math.max(a.serverId, b.serverId);
  const { votes, votesTime } = compareVotes(a, b) >= 0 ? a : b;
  const joined: ChannelPost = { ...a, serverId, reactions, forwardCount, responseCount, viewCount, votes };
  assign(joined, 'countsTime', countsTime);
  assign(joined, 'viewsTime', viewsTime);
  assign(joined, 'votesTime', votesTime);
  return joined;
}

function compareCounts(a: ChannelPost, b: ChannelPost): number {
  const byTime = compareTimes(a.countsTime, b.countsTime);
  return byTime !== 0 ? byTime : compareEncoded(ChannelPostSchema, countsOf(a), countsOf(b));
}

function compareVotes(a: ChannelPost, b: ChannelPost): number {
  const byTime = compareTimes(a.votesTime, b.votesTime);
  const of = (votes: ChannelPost['votes']) => create(ChannelPostSchema, { votes });
  return byTime !== 0 ? byTime : compareEncoded(ChannelPostSchema, of(a.votes), of(b.votes));
}

function countsOf({ $typeName, reactions, forwardCount, responseCount }: ChannelPost): ChannelPost {
  return { $typeName, serverId: 0, viewCount: 0, reactions, forwardCount, responseCount, votes: [] };
}
