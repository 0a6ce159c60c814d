import type { BaileysEventMap, BinaryNode } from '@whiskeysockets/baileys';
import { liveDelivery, type LiveEvent, type LiveRank } from '../domain/live-event.js';
import { isGroup } from '../domain/jid.js';
import { messageKind } from '../domain/message-kind.js';
import { addressOf, isMe, keyOfMessage, mappingOf, type Me } from './addresses.js';
import { convertChannelUpdates } from './convert-channel.js';
import { convertSyncAction } from './convert-sync-action.js';
import { emptyContent } from './empty-content.js';
import { deliveryOf } from './envelope.js';
import { msOf, msOfEither, msOfSeconds } from './numbers.js';
import { convertReceipt } from './receipt-stanza.js';

/** An entry of a list that the library emits. Every property may be missing. */
type Entry<Name extends keyof BaileysEventMap> = BaileysEventMap[Name] extends (infer One)[]
  ? One
  : BaileysEventMap[Name];

/** Converts what the tap kept of an event: see `event-tap.ts` for which. */
export function convertEvent(name: string, data: unknown, me: Me, atMs: number): LiveEvent[] {
  const convert = (CONVERTERS as Partial<Record<string, Converter>>)[name];
  return convert === undefined || !Array.isArray(data) ? [] : data.flatMap((entry) => convert(entry, me, atMs));
}

type Converter = (entry: unknown, me: Me, atMs: number) => LiveEvent[];

const CONVERTERS = {
  'messages.update': (entry, me) => {
    const { key, update } = entry as Entry<'messages.update'>;
    const target = keyOfMessage(key, me);
    if (target === undefined) return [];
    const state = target.fromMe ? deliveryOf(update.status) : liveDelivery.unspecified;
    return [
      ...(state === liveDelivery.unspecified ? [] : [{ type: 'receipt' as const, key: target, state, memberJid: '' }]),
      ...(update.starred === true ? [{ type: 'star' as const, key: target }] : []),
    ];
  },
  'message-receipt.update': (entry, me) => {
    const { key, receipt } = entry as Entry<'message-receipt.update'>;
    // The key names the member who has it; the message is the owner's.
    const target = keyOfMessage({ remoteJid: key.remoteJid, id: key.id, fromMe: true }, me);
    const memberJid = addressOf(receipt.userJid);
    if (target === undefined || memberJid === '' || isMe(memberJid, me)) return [];
    const read = receipt.readTimestamp !== undefined && receipt.readTimestamp !== null;
    return [{ type: 'receipt', key: target, state: read ? liveDelivery.read : liveDelivery.delivered, memberJid }];
  },
  'contacts.upsert': contactOf,
  'contacts.update': contactOf,
  'chats.upsert': chatOf,
  'chats.update': chatOf,
  'groups.upsert': groupOf,
  'groups.update': groupOf,
  'newsletter-settings.update': (entry, _me, asOfMs) => {
    const { id, update } = entry as { id?: string; update?: unknown };
    const jid = addressOf(id);
    const settings = (update ?? {}) as Record<string, unknown>;
    const [name, description] = [textOf(settings.name), textOf(settings.description)];
    if (jid === '' || (name === undefined && description === undefined)) return [];
    return [{ type: 'chat', chat: { jid, asOfMs, name, description } }];
  },
  'labels.edit': (entry, _me, asOfMs) => {
    const { id, name, deleted } = entry as Partial<Entry<'labels.edit'>>;
    if (!id) return [];
    return [{ type: 'label', label: { labelId: id, name: name ?? '', deleted: deleted === true, asOfMs } }];
  },
  'labels.association': (entry, _me, asOfMs) => {
    const { type, association } = entry as {
      type: string;
      association: { type: string; chatId: string; labelId: string };
    };
    const chatJid = addressOf(association.chatId);
    if (association.type !== 'label_jid' || chatJid === '' || !association.labelId) return [];
    const labelling = { chatJid, labelId: association.labelId, given: type === 'add', asOfMs };
    return [{ type: 'chat-label', labelling }];
  },
  'lid-mapping.update': (entry) => {
    const { lid, pn } = entry as Entry<'lid-mapping.update'>;
    return mappingOf(addressOf(lid), addressOf(pn));
  },
  'sync-action': convertSyncAction,
  // Safety: the capture keeps nothing but stanzas under this name.
  'channel-updates': (entry, _me, atMs) => convertChannelUpdates(entry as BinaryNode, atMs),
  receipt: convertReceipt,
  call: (entry, me) => callOf(entry as Entry<'call'>, me),
} satisfies Record<string, Converter>;

/** A setting is a text, or an object that holds it. */
function textOf(value: unknown): string | undefined {
  const text: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'text') : value;
  return typeof text === 'string' ? text : undefined;
}

function contactOf(entry: unknown, _me: Me, asOfMs: number): LiveEvent[] {
  const { id, name, username, lid, phoneNumber, notify } = entry as Partial<Entry<'contacts.upsert'>>;
  const jid = addressOf(id);
  if (jid === '') return [];
  const contact = { jid, name: name ?? '', pushName: notify ?? '', username: username ?? '', asOfMs };
  return [...mappingOf(jid, addressOf(lid)), ...mappingOf(jid, addressOf(phoneNumber)), { type: 'contact', contact }];
}

function chatOf(entry: unknown, _me: Me, asOfMs: number): LiveEvent[] {
  const { id, archived, unreadCount, ephemeralExpiration, name, muteEndTime, pinned } = entry as Partial<
    Entry<'chats.upsert'>
  >;
  const jid = addressOf(id);
  if (jid === '') return [];
  const chat = {
    jid,
    asOfMs,
    name: name ?? undefined,
    archived: archived ?? undefined,
    // Marked as unread is −1, which says nothing of how many there are.
    unreadCount: typeof unreadCount === 'number' && unreadCount >= 0 ? unreadCount : undefined,
    markedUnread: typeof unreadCount === 'number' ? unreadCount < 0 : undefined,
    // What is not muted or pinned any more is null.
    muteEndMs: muteEndTime === undefined ? undefined : msOfEither(muteEndTime),
    pinMs: pinned === undefined ? undefined : msOfEither(pinned),
    ephemeralSeconds: ephemeralExpiration ?? undefined,
  };
  return [{ type: 'chat', chat }];
}

function groupOf(entry: unknown, me: Me, asOfMs: number): LiveEvent[] {
  const { id, subject, creation, participants = [] } = entry as Partial<Entry<'groups.upsert'>>;
  const jid = addressOf(id);
  if (!isGroup(jid)) return [];
  const members = participants.flatMap(({ id: member, admin, isAdmin, isSuperAdmin }) => {
    const address = addressOf(member);
    if (address === '') return [];
    const superadmin = admin === 'superadmin' || isSuperAdmin === true;
    const rank: LiveRank = superadmin ? 'superadmin' : admin === 'admin' || isAdmin === true ? 'admin' : 'member';
    return [{ jid: address, rank, fromMe: isMe(address, me) }];
  });
  return [
    ...participants.flatMap(({ id: member, lid, phoneNumber }) => [
      ...mappingOf(addressOf(member), addressOf(lid)),
      ...mappingOf(addressOf(member), addressOf(phoneNumber)),
    ]),
    { type: 'group', group: { jid, subject: subject ?? '', createMs: msOfSeconds(creation), members, asOfMs } },
  ];
}

/** A call as it goes on: that somebody calls, that somebody answered, that nobody did. */
function callOf(call: Entry<'call'>, me: Me): LiveEvent[] {
  const from = addressOf(call.from);
  const groupJid = addressOf(call.groupJid);
  const chatJid = groupJid !== '' ? groupJid : addressOf(call.chatId);
  if (chatJid === '' || !call.id || !['offer', 'accept', 'reject', 'timeout', 'terminate'].includes(call.status))
    return [];
  const fromMe = isMe(from, me);
  const outcome = call.status === 'accept' ? 1 : call.status === 'reject' || call.status === 'timeout' ? 2 : 0;
  const key = { chatJid, senderJid: fromMe ? '' : from, fromMe, messageId: call.id };
  const details = { callId: call.id, video: call.isVideo === true, durationSeconds: 0, outcome, groupJid };
  const sentMs = Number(new Date(call.date));
  return [
    ...mappingOf(from, addressOf(call.callerPn)),
    {
      type: 'message',
      message: {
        key,
        sentMs: msOf(sentMs),
        senderName: '',
        state: liveDelivery.unspecified,
        starred: false,
        expireMs: 0,
        source: 2,
        content: { ...emptyContent(messageKind.call, 90), call: details },
      },
    },
  ];
}
