import { messageKind } from '../../domain/message-kind.js';

/**
 * WhatsApp's numbers for kinds of messages (`message.message_type` on Android; iPhones have others), as public forensic
 * tools know them. Numbers that are not here become `unknown` and keep their number.
 */
const kinds: ReadonlyMap<number, number> = new Map([
  [0, messageKind.text],
  [1, messageKind.image],
  [2, messageKind.audio],
  [3, messageKind.video],
  [4, messageKind.contact],
  [5, messageKind.location],
  [7, messageKind.system],
  [8, messageKind.call],
  [9, messageKind.document],
  [10, messageKind.call],
  [11, messageKind.pending],
  [13, messageKind.gif],
  [14, messageKind.contact],
  [15, messageKind.revoked],
  [16, messageKind.liveLocation],
  [20, messageKind.sticker],
  [23, messageKind.product],
  [24, messageKind.groupInvite],
  [36, messageKind.system],
  [42, messageKind.image],
  [43, messageKind.video],
  [44, messageKind.order],
  [56, messageKind.system],
  [64, messageKind.revoked],
  [66, messageKind.poll],
  [81, messageKind.videoNote],
  [82, messageKind.voice],
  [90, messageKind.call],
  [92, messageKind.event],
  [94, messageKind.groupInvite],
  [99, messageKind.album],
  [106, messageKind.poll],
  ...[25, 26, 27, 28, 32, 45, 46, 49, 55, 57].map((type): [number, number] => [type, messageKind.interactive]),
]);

/** Types that have a meaning beyond their kind. */
export const waType = { text: 0, audio: 2, system: 7, revokedBySender: 15, revokedByAdmin: 64, album: 99 } as const;

/** `origin` of an audio message that was recorded in the chat. */
const ORIGIN_RECORDED = 1;

/** Returns the kind of a message by WhatsApp's number; an audio is a voice note when it was recorded in the chat. */
export function kindOf(type: number, origin: number): number {
  if (type === waType.audio && origin === ORIGIN_RECORDED) return messageKind.voice;
  return kinds.get(type) ?? messageKind.unknown;
}

/** Tells whether the receiver may open a message of this type once. */
export function isViewOnce(type: number): boolean {
  return type === 42 || type === 43 || type === 82;
}

/** The public `DeliveryState`. */
const delivery = { unspecified: 0, pending: 1, sent: 2, delivered: 3, read: 4, played: 5 } as const;

/** Returns how far a message got, from `status`. */
export function deliveryOf(status: number, fromMe: boolean): number {
  if (!fromMe) return status === 8 || status === 9 || status === 10 ? delivery.played : delivery.unspecified;
  switch (status) {
    case 0:
    case 1:
      return delivery.pending;
    case 4:
      return delivery.sent;
    case 5:
      return delivery.delivered;
    case 13:
      return delivery.read;
    case 8:
      return delivery.played;
    default:
      return delivery.unspecified;
  }
}

/** The public `SystemEventKind`. */
const system = {
  other: 1,
  subject: 2,
  groupCreated: 3,
  added: 4,
  left: 5,
  removed: 6,
  icon: 7,
  promoted: 8,
  demoted: 9,
  description: 10,
  number: 11,
  securityCode: 12,
  encryption: 13,
  ephemeral: 14,
  broadcast: 15,
  settings: 16,
  block: 17,
  pinned: 18,
  business: 19,
  community: 20,
  groupCall: 21,
} as const;

/** `message_system.action_type`, as far as public tools agree on it. */
const actions: ReadonlyMap<number, number> = new Map<number, number>([
  [1, system.subject],
  [2, system.groupCreated],
  [4, system.added],
  [5, system.left],
  [6, system.icon],
  [7, system.removed],
  [9, system.broadcast],
  [10, system.number],
  [11, system.groupCreated],
  [12, system.added],
  [13, system.left],
  [14, system.removed],
  [15, system.promoted],
  [16, system.demoted],
  [18, system.securityCode],
  [19, system.encryption],
  [20, system.added],
  [27, system.description],
  [28, system.number],
  [52, system.added],
  [58, system.block],
  [67, system.encryption],
  [70, system.groupCall],
  [79, system.added],
  [118, system.pinned],
  ...[21, 29, 30, 31, 32, 84, 85, 91, 137, 138].map((action): [number, number] => [action, system.settings]),
  ...[46, 47, 50, 69].map((action): [number, number] => [action, system.business]),
  ...[56, 59, 68].map((action): [number, number] => [action, system.ephemeral]),
  ...[75, 78, 81, 82, 87, 108, 144, 145, 146, 147, 148, 149].map((action): [number, number] => [
    action,
    system.community,
  ]),
]);

/** Types that are themselves the news that disappearing messages were switched on, off or changed. */
const EPHEMERAL_TYPES = [36, 56];

/** Returns what a system message tells, by WhatsApp's number of the action (0 for none) and of the kind. */
export function systemEventKindOf(action: number, type: number): number {
  if (action === 0 && EPHEMERAL_TYPES.includes(type)) return system.ephemeral;
  return actions.get(action) ?? system.other;
}
