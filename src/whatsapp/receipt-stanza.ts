import type { BinaryNode } from '@whiskeysockets/baileys';
import { isGroup } from '../domain/jid.js';
import { type LiveDelivery, liveDelivery, type LiveEvent } from '../domain/live-event.js';
import { addressOf, isMe, keyOfMessage, type Me } from './addresses.js';

/**
 * True for a receipt that says more than the library tells: of a group it does not tell that something was played, and nothing at all of
 * receipts of several members in one stanza; nor that the owner played something on another device.
 */
export function saysMoreThanTold({ tag, attrs, content }: BinaryNode): boolean {
  if (tag !== 'receipt') return false;
  if (attrs.type === PLAYED_BY_OWNER) return true;
  return isGroup(addressOf(attrs.from)) && (attrs.type === 'played' || named(content, 'participants').length > 0);
}

/**
 * Converts such a receipt:
 *
 * ```
 * receipt{id, from=group, participant, type=played} > list > item{id} …
 * receipt{id, from=group, type} > participants{key=id} > user{jid, t} …
 * receipt{id, from=group or own address, recipient=author, type=played-self}
 * ```
 */
export function convertReceipt(entry: unknown, me: Me): LiveEvent[] {
  // Safety: `capture.ts` keeps stanzas under this name, and every attribute may be missing.
  const { attrs, content } = entry as BinaryNode;
  const from = addressOf(attrs.from);
  const state = STATES.get(attrs.type ?? '');
  if (from === '' || state === undefined) return [];
  const ids = [attrs.id, ...named(content, 'list').flatMap((list) => idsOf(list, 'item', 'id'))];
  if (attrs.type === PLAYED_BY_OWNER) return ids.flatMap((id) => playedByOwner(attrs, id, me));
  const groups = named(content, 'participants');
  if (groups.length === 0) return ids.flatMap((id) => received(from, id, attrs.participant, state, me));
  return groups.flatMap((group) =>
    idsOf(group, 'user', 'jid').flatMap((member) => received(from, group.attrs.key ?? attrs.id, member, state, me)),
  );
}

/** How far a message of the owner got with a member of the group. */
function received(
  chat: string,
  id: string | undefined,
  member: string | undefined,
  state: LiveDelivery,
  me: Me,
): LiveEvent[] {
  const key = keyOfMessage({ remoteJid: chat, id, fromMe: true }, me);
  const memberJid = addressOf(member);
  if (key === undefined || memberJid === '' || isMe(memberJid, me)) return [];
  return [{ type: 'receipt', key, state, memberJid }];
}

function playedByOwner({ from, recipient }: BinaryNode['attrs'], id: string | undefined, me: Me): LiveEvent[] {
  const remoteJid = isGroup(addressOf(from)) ? from : recipient;
  const key = keyOfMessage({ remoteJid, participant: recipient, id, fromMe: false }, me);
  if (key === undefined || key.senderJid === '') return [];
  return [{ type: 'receipt', key, state: liveDelivery.played, memberJid: '' }];
}

function named(content: BinaryNode['content'], name: string): BinaryNode[] {
  return Array.isArray(content) ? content.filter(({ tag }) => tag === name) : [];
}

function idsOf({ content }: BinaryNode, child: string, attribute: string): (string | undefined)[] {
  return named(content, child).map(({ attrs }) => attrs[attribute]);
}

const PLAYED_BY_OWNER = 'played-self';

/** Without a type, a receipt says that a message was delivered. */
const STATES: ReadonlyMap<string, LiveDelivery> = new Map([
  ['', liveDelivery.delivered],
  ['delivery', liveDelivery.delivered],
  ['inactive', liveDelivery.delivered],
  ['read', liveDelivery.read],
  ['played', liveDelivery.played],
  [PLAYED_BY_OWNER, liveDelivery.played],
]);
