import type { BinaryNode } from '@whiskeysockets/baileys';
import type { LiveChannelCounts } from '../domain/channel-counts.js';
import type { LiveEvent, LiveKey } from '../domain/live-event.js';
import { addressOf } from './addresses.js';
import { type ChannelHead, childrenOf, serverIdOf, updatesIn } from './channel-stanza.js';
import { durationOf, msOfSeconds } from './numbers.js';

/** What an event of a message tells that came in a channel: an edit is the message too, for who does not have it. */
export function ofChannel(event: LiveEvent, { serverId, change, editMs = 0 }: ChannelHead): LiveEvent[] {
  if (event.type !== 'message') return [event];
  const { key, content, sentMs } = event.message;
  const message: LiveEvent = { type: 'message', message: { ...event.message, serverId } };
  return change === 'edit'
    ? [{ type: 'edit', key, editId: key.messageId, editMs: editMs || sentMs, content }, message]
    : [message];
}

/** That a message of a channel was deleted there: WhatsApp sends it once more, empty. */
export function channelRevocation(key: LiveKey, revokeMs: number): LiveEvent {
  return { type: 'revocation', key, revocationId: key.messageId, revokeMs, adminJid: '', byAdmin: false };
}

/**
 * Converts a notification of what is new in a channel into how its messages are counted. What is not in it was counted as none, but for
 * views and votes, which are told apart.
 */
export function convertChannelUpdates(notification: BinaryNode, toldMs: number): LiveEvent[] {
  const chatJid = addressOf(notification.attrs.from);
  const asOfMs = msOfSeconds(Number(notification.attrs.t ?? 0)) || toldMs;
  if (chatJid === '') return [];
  return updatesIn(notification).flatMap((update): LiveEvent[] => {
    const counts = countsOf(update, asOfMs);
    if (counts === undefined) return [];
    const messageId = update.attrs.id ?? String(counts.serverId);
    return [{ type: 'channel-counts', key: { chatJid, senderJid: '', fromMe: false, messageId }, counts }];
  });
}

function countsOf(update: BinaryNode, asOfMs: number): LiveChannelCounts | undefined {
  const serverId = serverIdOf(update.attrs.server_id);
  // One that only brings the message counts nothing.
  if (serverId === 0 || !COUNTS.some((tag) => childrenOf(update, tag).length > 0)) return undefined;
  const reactions = new Map<string, number>();
  for (const { attrs } of childrenOf(update, 'reactions').flatMap((all) => childrenOf(all, 'reaction'))) {
    const count = countOf(attrs.count);
    const emoji = attrs.code ?? '';
    if (count > 0 && emoji !== '' && emoji.length <= MAX_EMOJI && reactions.size < MAX_REACTIONS)
      reactions.set(emoji, count);
  }
  const views = childrenOf(update, 'views_count');
  const seen = views.find(({ attrs }) => attrs.type === 'views') ?? views.find(({ attrs }) => !attrs.type);
  return {
    serverId,
    asOfMs,
    viewCount: seen === undefined ? undefined : countOf(seen.attrs.count),
    reactions: [...reactions].sort(([a], [b]) => (a < b ? -1 : 1)).map(([emoji, count]) => ({ emoji, count })),
    forwardCount: countOf(childrenOf(update, 'forwards_count')[0]?.attrs.count),
    responseCount: countOf(childrenOf(update, 'responses_count')[0]?.attrs.count),
    votes: votesOf(update),
  };
}

/**
 * How often the options of a poll were chosen, each named by its hash; undefined when it is not told. Public clients read it in this form, which is
 * not measured, nor whether votes are told each time: so what is told stays until votes are told again.
 */
function votesOf(update: BinaryNode): LiveChannelCounts['votes'] {
  const told = childrenOf(update, 'votes');
  if (told.length === 0) return undefined;
  const votes = new Map<string, number>();
  for (const { attrs, content } of told.flatMap((all) => childrenOf(all, 'vote'))) {
    const count = countOf(attrs.count);
    if (count > 0 && content instanceof Uint8Array && content.length === HASH_BYTES && votes.size < MAX_OPTIONS)
      votes.set(Buffer.from(content).toString('hex'), count);
  }
  return [...votes]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([hash, count]) => ({ optionSha256: Buffer.from(hash, 'hex'), count }));
}

function countOf(text: string | undefined): number {
  return durationOf(Number(text ?? 0));
}

const COUNTS = ['reactions', 'views_count', 'forwards_count', 'responses_count', 'votes'] as const;

/** An emoji of a family with colours of skin takes some twenty. */
const MAX_EMOJI = 64;

/** More than there are emoji that people use; WhatsApp shows a few. */
const MAX_REACTIONS = 1000;

/** SHA-256. */
const HASH_BYTES = 32;

/** Polls of today have twelve options. */
const MAX_OPTIONS = 100;
