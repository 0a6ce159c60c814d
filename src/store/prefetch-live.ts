import { isLid } from '../domain/jid.js';
import type { LiveEvent } from '../domain/live-event.js';
import { chatNumberKey, keyspace, textKey } from './keyspaces.js';
import type { Overlay } from './overlay.js';

/**
 * Looks up what is stored of the people and chats that events speak of, in three questions: one by one they are some thirty for a
 * batch of messages, and each waits for a turn of the event loop, which a busy link makes long.
 */
export async function prefetchDirectory(overlay: Overlay, events: LiveEvent[]): Promise<void> {
  const jids = new Set(events.flatMap(jidsOf));
  const lids = [...jids].filter(isLid);
  const keysOf = (jid: string): Buffer[] => [textKey(keyspace.contact, jid), textKey(keyspace.chatNumber, jid)];
  const ofLid = (jid: string): Buffer[] => [textKey(keyspace.mapping, jid), textKey(keyspace.unresolved, jid)];
  await overlay.prefetch([...[...jids].flatMap(keysOf), ...lids.flatMap(ofLid)]);
  for (const lid of lids) {
    const phone = await overlay.get(textKey(keyspace.mapping, lid));
    if (phone !== undefined) jids.add(phone.toString());
  }
  await overlay.prefetch([...jids].flatMap(keysOf));
  const chats: Buffer[] = [];
  for (const jid of jids) {
    const number = await overlay.get(textKey(keyspace.chatNumber, jid));
    if (number !== undefined) chats.push(chatNumberKey(keyspace.chat, number.readUInt32BE(0)));
  }
  await overlay.prefetch(chats);
}

function jidsOf(event: LiveEvent): string[] {
  switch (event.type) {
    case 'message': {
      const { chatJid, senderJid } = event.message.key;
      return [chatJid, senderJid].filter((jid) => jid !== '');
    }
    case 'contact':
      return [event.contact.jid];
    case 'chat':
      return [event.chat.jid];
    default:
      return [];
  }
}
