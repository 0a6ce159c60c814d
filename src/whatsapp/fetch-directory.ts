import type { BaileysEventMap, WASocket } from '@whiskeysockets/baileys';
import type { LiveEvent } from '../domain/live-event.js';
import type { ContactsFound } from '../session/link/link.js';
import type { Me } from './addresses.js';
import { convertEvent } from './convert-event.js';

/** Who asks, and when. */
export interface Asker {
  me: Me;
  nowMs: number;
}

/**
 * Fetches the whole address book. The library asks for what has changed since the version that it knows, so that version is forgotten
 * first, in one transaction with the answer: when that fails, nothing has changed. The people come as events, which are taken before
 * the library's buffer.
 */
export async function fetchContacts(socket: WASocket, { me, nowMs }: Asker): Promise<ContactsFound> {
  const { ev, authState } = socket;
  const { keys, creds } = authState;
  const events: LiveEvent[] = [];
  const emit = ev.emit.bind(ev);
  ev.emit = (name, data) => {
    if (name === 'contacts.upsert') events.push(...convertEvent(name, data, me, nowMs));
    return emit(name, data);
  };
  try {
    // The key is the one under which the library itself syncs: nothing else syncs meanwhile.
    const complete = await keys.transaction(async () => {
      await keys.set({ 'app-state-sync-version': { [CONTACTS]: null } });
      await socket.resyncAppState([CONTACTS], false);
      // The library puts a collection aside whose key it does not have, without a word.
      return (await keys.get('app-state-sync-version', [CONTACTS]))[CONTACTS] !== undefined;
    }, creds.me?.id ?? '');
    return { events, complete };
  } finally {
    ev.emit = emit;
  }
}

/** Fetches all groups that the account is in, each with what it tells: its members, and which LID has which number. */
export async function fetchGroups(socket: WASocket, { me, nowMs }: Asker): Promise<LiveEvent[][]> {
  const groups = await socket.groupFetchAllParticipating();
  const found: BaileysEventMap['groups.update'] = Object.values(groups);
  return found.map((group) => convertEvent('groups.update', [group], me, nowMs)).filter(({ length }) => length > 0);
}

/** Fetches what one group tells: its subject, its members, and which LID has which number. Nothing when the answer holds no group. */
export async function fetchGroup(socket: WASocket, jid: string, { me, nowMs }: Asker): Promise<LiveEvent[]> {
  try {
    return convertEvent('groups.update', [await socket.groupMetadata(jid)], me, nowMs);
  } catch (error) {
    // The library's error for an answer without a group holds the answer; a refusal holds its code.
    if (error instanceof Error && 'data' in error && isNode(error.data)) return [];
    throw error;
  }
}

function isNode(data: unknown): boolean {
  return typeof data === 'object' && data !== null && 'tag' in data;
}

/** The collection that holds the address book. */
const CONTACTS = 'critical_unblock_low';
