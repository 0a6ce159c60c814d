import type { proto } from '@whiskeysockets/baileys';
import { isGroup } from '../domain/jid.js';
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
  if (name === 'label_message') return labellingOf(index, value, me, atMs);
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

function labellingOf(index: string[], value: object, me: Me, atMs: number): LiveEvent[] {
  const [, labelId = '', chat, id, fromMe, participant] = index;
  // Safety: as above.
  const { labelAssociationAction: action } = value as proto.ISyncActionValue;
  const key = keyOfMessage({ remoteJid: chat, id, fromMe: fromMe === '1', participant }, me);
  if (key === undefined || labelId === '' || !action) return [];
  // WhatsApp's own apps name the author; without one it is not known which message of a group is meant.
  if (isGroup(key.chatJid) && !key.fromMe && key.senderJid === '') return [];
  return [{ type: 'message-label', key, labelId, given: action.labeled === true, asOfMs: atMs }];
}

/** How far the clocks of WhatsApp and of this machine may be apart. Chosen, not measured. */
const CLOCK_TOLERANCE_MS = 10 * 60_000;
