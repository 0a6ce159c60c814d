import { parseJid } from '../../domain/jid.js';
import { jidOfRow } from './mappings.js';
import { chatJidRowId } from './import-file.js';
import type { Keyset } from './keyset.js';
import { describeTable, notSupported } from './schema.js';
import { legacyChatTable, legacyTable } from './legacy-tables.js';
import { chatTable, jidTable, newsletterTable } from './tables.js';
import type { SurveyChat } from '../task.js';
import { textOf, timeOf, uint32Of, wholeOf } from './value.js';

/** A person's phone has a few thousand. */
const MAX_CHATS = 200_000;

/** The column of the legacy table that names the chat: reading it alone is three times as fast as whole rows. */
const legacyAddresses = describeTable('messages', '_id', { key_remote_jid: legacyTable.columns.key_remote_jid }, [
  'key_remote_jid',
]);

/** Reads the chats of both generations: rows of `chat` and `chat_list`, and whatever address a legacy message has. */
export function readChats(keyset: Keyset, hasLegacy: boolean): SurveyChat[] {
  const chats: SurveyChat[] = [];
  const known = new Set<string>();
  const add = (chat: SurveyChat): void => {
    if (chats.length >= MAX_CHATS) throw notSupported('the backup has too many chats');
    chats.push(chat);
    known.add(chat.jid);
  };
  const newsletterNames = readNewsletterNames(keyset);
  const jids = keyset.rows(jidTable);
  keyset.each(chatTable, (rowId, row) => {
    const at = chatTable.at;
    const jidRow = jids?.get(chatJidRowId(row));
    const jid = jidRow && jidOfRow(jidRow);
    if (jid === undefined) return;
    add({
      rowId,
      jid,
      name: newsletterNames.get(rowId) ?? textOf(row[at.subject]),
      createMs: timeOf(row[at.created_timestamp]),
      archived: wholeOf(row[at.archived]) !== 0,
      unreadCount: uint32Of(row[at.unseen_message_count]),
      ephemeralSeconds: uint32Of(row[at.ephemeral_expiration]),
    });
  });
  if (!hasLegacy) return chats;
  keyset.each(legacyChatTable, (_, row) => {
    const at = legacyChatTable.at;
    const jid = parseJid(textOf(row[at.key_remote_jid]));
    if (jid === undefined || known.has(jid)) return;
    const archived = wholeOf(row[at.archived]) !== 0;
    add({ ...bareChat(jid), name: textOf(row[at.subject]), createMs: timeOf(row[at.creation]), archived });
  });
  for (const jid of legacyChatJids(keyset)) if (!known.has(jid)) add(bareChat(jid));
  return chats;
}

/** Returns the addresses of all chats that legacy messages name, each once. */
export function legacyChatJids(keyset: Keyset): ReadonlySet<string> {
  const jids = new Set<string>();
  const texts = new Set<string>();
  keyset.each(legacyAddresses, (_, row) => {
    const text = textOf(row[legacyAddresses.at.key_remote_jid]);
    if (texts.has(text)) return;
    if (texts.size >= MAX_CHATS) throw notSupported('the backup has too many chats');
    texts.add(text);
    const jid = parseJid(text);
    if (jid !== undefined) jids.add(jid);
  });
  return jids;
}

function readNewsletterNames(keyset: Keyset): Map<number, string> {
  const names = new Map<number, string>();
  keyset.each(newsletterTable, (chatRowId, row) => {
    if (names.size >= MAX_CHATS) throw notSupported('the backup has too many chats');
    const name = textOf(row[newsletterTable.at.name]);
    if (name !== '') names.set(chatRowId, name);
  });
  return names;
}

function bareChat(jid: string): SurveyChat {
  return { rowId: 0, jid, name: '', createMs: 0, archived: false, unreadCount: 0, ephemeralSeconds: 0 };
}
