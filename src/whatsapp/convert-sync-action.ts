import type { proto } from '@whiskeysockets/baileys';
import type { LiveEvent } from '../domain/live-event.js';
import { addressOf, keyOfMessage, type Me } from './addresses.js';
import { msOfEither } from './numbers.js';
import type { SyncAction } from './overhear.js';

/** Converts what was overheard of the app state: see `overhear.ts`. What is taken back has no value. */
export function convertSyncAction(entry: unknown, me: Me, atMs: number): LiveEvent[] {
  const { index = [], value = {} } = entry as Partial<SyncAction>;
  const [name, chat, ...rest] = index;
  // Safety: the library's message in the form of JSON; every property may be missing, and numbers may be texts.
  const { deleteMessageForMeAction, clearChatAction, deleteChatAction, timestamp } = value as proto.ISyncActionValue;
  if (name === 'deleteMessageForMe' && deleteMessageForMeAction) {
    const [id, fromMe, participant] = rest;
    const key = keyOfMessage({ remoteJid: chat, id, fromMe: fromMe === '1', participant }, me);
    return key === undefined ? [] : [{ type: 'deletion', key }];
  }
  const action = name === 'clearChat' ? clearChatAction : name === 'deleteChat' ? deleteChatAction : undefined;
  const chatJid = addressOf(chat);
  if (!action || chatJid === '') return [];
  // A whole second, of which messages that came from a backup are a part.
  const lastMs = msOfEither(Number(action.messageRange?.lastMessageTimestamp ?? 0));
  const toldMs = lastMs > 0 ? lastMs + 999 : msOfEither(Number(timestamp ?? 0)) || atMs;
  // Nobody cleared what is to come: no clock and no mistake of another device may hide it.
  const throughMs = Math.min(toldMs, atMs + CLOCK_TOLERANCE_MS);
  return [{ type: 'clear', chatJid, throughMs, keepsStarred: name === 'clearChat' && rest[0] === '0' }];
}

/** How far the clocks of WhatsApp and of this machine may be apart. Chosen, not measured. */
const CLOCK_TOLERANCE_MS = 10 * 60_000;
