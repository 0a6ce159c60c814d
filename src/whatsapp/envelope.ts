import type { proto } from '@whiskeysockets/baileys';
import {
  liveDelivery,
  type LiveDelivery,
  type LiveEvent,
  type LiveKey,
  type LiveMessage,
  type LiveSource,
  liveSource,
} from '../domain/live-event.js';
import { messageKind } from '../domain/message-kind.js';
import type { Me, WireKey } from './addresses.js';
import { lifetimeOf } from './convert-content.js';
import { emptyContent } from './empty-content.js';
import { msOf, msOfSeconds } from './numbers.js';

/** A message as the library has it, from whatever source. */
export type WireMessage = Omit<proto.IWebMessageInfo, 'key'> & { key?: WireKey | null };

/** From where a message comes, and for whom. */
export interface Origin {
  me: Me;
  source: LiveSource;
  /** Of history: as of when it is told. */
  asOfMs?: number;
}

/** What is known of a message whatever it says. */
export function envelopeOf(info: WireMessage, key: LiveKey, source: LiveSource): Omit<LiveMessage, 'content'> {
  const sentMs = msOfSeconds(info.messageTimestamp);
  const lifetime = info.message ? lifetimeOf(info.message) : 0;
  return {
    key,
    sentMs,
    senderName: key.fromMe ? '' : (info.pushName ?? ''),
    state: stateOf(info, key),
    starred: info.starred === true,
    expireMs: lifetime > 0 && sentMs > 0 ? msOf(sentMs + lifetime) : 0,
    source,
  };
}

/** Like a backup: incoming messages only say that they were played. */
function stateOf({ status }: WireMessage, { fromMe }: LiveKey): LiveDelivery {
  const state = deliveryOf(status);
  return fromMe || state === liveDelivery.played ? state : liveDelivery.unspecified;
}

/** How far a message got, by the library's number. An error says nothing that lasts. */
export function deliveryOf(status: number | null | undefined): LiveDelivery {
  return STATES[status ?? 0] ?? liveDelivery.unspecified;
}

const STATES: readonly LiveDelivery[] = [
  liveDelivery.unspecified,
  liveDelivery.pending,
  liveDelivery.sent,
  liveDelivery.delivered,
  liveDelivery.read,
  liveDelivery.played,
];

/** A message of which only is known that it exists: its content could not be read. */
export function placeholderOf(info: WireMessage, key: LiveKey, viewOnce = false): LiveEvent {
  const content = { ...emptyContent(messageKind.pending, 11), viewOnce };
  return { type: 'message', message: { ...envelopeOf(info, key, liveSource.live), content } };
}
