import type { LiveEvent } from '../domain/live-event.js';
import { keyOfMessage, type Me } from './addresses.js';
import type { SyncAction } from './sync-action-tap.js';

/** Converts what was overheard of the app state: see `sync-action-tap.ts`. */
export function convertSyncAction(entry: unknown, me: Me): LiveEvent[] {
  const { index = [], value } = entry as Partial<SyncAction>;
  const [name, chat, id, fromMe, participant] = index;
  // What is taken back has no value.
  if (name !== 'deleteMessageForMe' || value?.deleteMessageForMeAction === undefined) return [];
  const key = keyOfMessage({ remoteJid: chat, id, fromMe: fromMe === '1', participant }, me);
  return key === undefined ? [] : [{ type: 'deletion', key }];
}
