import type { BinaryNode } from '@whiskeysockets/baileys';
import { msOf, numberOf } from './numbers.js';

/** What the stanza of a channel's message says beside what those of all messages say. */
export interface ChannelHead {
  /** The number of the message within its channel, by which WhatsApp speaks of it later. */
  serverId: number;
  /** An edit comes as the message that it changes, under the id of that; a revocation likewise, and empty. */
  change?: 'edit' | 'revocation';
  editMs?: number;
  /** Of an edit: when the message was sent, in seconds. */
  sentS?: number;
}

/** Reads the head of a channel's message; undefined for what is none. */
export function channelHeadOf(stanza: BinaryNode): ChannelHead | undefined {
  const { attrs } = stanza;
  if (!isChannel(attrs.from)) return undefined;
  const serverId = serverIdOf(attrs.server_id);
  const change = CHANGES.get(attrs.edit ?? '');
  if (change !== 'edit') return { serverId, ...(change === undefined ? {} : { change }) };
  const meta = childrenOf(stanza, 'meta')[0]?.attrs ?? {};
  const editMs = msOf(Number(meta.msg_edit_t ?? 0));
  return { serverId, change, editMs, sentS: numberOf(Number(meta.original_msg_t ?? 0)) };
}

/** The messages within a notification that says what is new in a channel, each as if it had come by itself; none in others. */
export function postsIn(notification: BinaryNode): BinaryNode[] {
  const { from = '', t } = notification.attrs;
  return updatesIn(notification).flatMap((update) => {
    const { id } = update.attrs;
    return id ? [{ ...update, attrs: { ...(t ? { t } : {}), ...update.attrs, id, from } }] : [];
  });
}

/** Whether a stanza says what is new in a channel. */
export function tellsOfChannel({ tag, attrs }: BinaryNode): boolean {
  return tag === 'notification' && attrs.type === 'newsletter' && isChannel(attrs.from);
}

/** What such a notification says of each message. */
export function updatesIn(notification: BinaryNode): BinaryNode[] {
  return childrenOf(notification, 'live_updates')
    .flatMap((updates) => childrenOf(updates, 'messages'))
    .flatMap((messages) => childrenOf(messages, 'message'));
}

/** The children of a node that have this tag. */
export function childrenOf({ content }: BinaryNode, tag: string): BinaryNode[] {
  return Array.isArray(content) ? content.filter((child) => child.tag === tag) : [];
}

/** The number that WhatsApp gave a message; 0 for none. */
export function serverIdOf(text: string | undefined): number {
  return /^[1-9]\d{0,9}$/.test(text ?? '') && Number(text) <= MAX_UINT32 ? Number(text) : 0;
}

function isChannel(jid: string | undefined): boolean {
  return jid?.endsWith('@newsletter') === true;
}

/** Which change the attribute `edit` of a channel's message means; those of other chats are inside of what is encrypted. */
const CHANGES = new Map<string, 'edit' | 'revocation'>([
  ['3', 'edit'],
  ['8', 'revocation'],
]);

const MAX_UINT32 = 2 ** 32 - 1;
