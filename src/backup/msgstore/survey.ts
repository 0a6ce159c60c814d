import { isLid } from '../../domain/jid.js';
import { jidOfRow, readMappings } from './mappings.js';
import { openDatabase } from './database.js';
import { Keyset } from './keyset.js';
import { Pulse } from '../pulse.js';
import { answer, Refusal } from '../refusal.js';
import { notSupported, type Row, Schema } from './schema.js';
import { readChats } from './survey-chats.js';
import { readSideIndexes } from './survey-indexes.js';
import { legacyTable } from './legacy-tables.js';
import { chatTable, jidTable, messageTable, propsTable } from './tables.js';
import type { Answer, Survey, SurveyResult, SurveyTask } from '../task.js';
import { textOf, timeOf, wholeOf } from './value.js';

/** Addresses of one file: chats, members of groups, their devices. Real files have some ten thousand. */
const MAX_JIDS = 4_000_000;

/** Settings of WhatsApp; real files have some hundred. */
const MAX_PROPS = 100_000;

/** How many of the last rows tell the time that a backup speaks of: one alone may be without a time. */
const LAST_ROWS = 100;

/** WhatsApp began in 2009: earlier times are mistakes. */
const FIRST_TIME_MS = Date.UTC(2009, 0, 1);
const DAY_MS = 86_400_000;

/** Looks a database over before its rows are read; the answer to a `SurveyTask`. Never throws. */
export function takeSurvey(task: SurveyTask): Answer<SurveyResult> {
  return answer(() => {
    const db = openDatabase(task.databasePath);
    try {
      return { survey: surveyOf(new Keyset(db, new Schema(db), new Pulse(task.control))) };
    } finally {
      db.close();
    }
  });
}

function surveyOf(keyset: Keyset): Survey {
  const { schema } = keyset;
  // Other rows may be missing or unreadable, but a core table that pretends to be one is an attack.
  const modern = keyset.range(messageTable, schema.exists('message') && !schema.lacks('message', 'chat_row_id'));
  const legacy = keyset.range(legacyTable, schema.exists('messages') && !schema.lacks('messages', 'key_remote_jid'));
  if (modern === undefined && legacy === undefined) throw noMessages(schema);
  if (modern !== undefined) {
    if (!schema.exists('chat') || !schema.exists('jid')) throw notSupported('the table chat or jid is missing');
    keyset.range(chatTable, true);
    keyset.range(jidTable, true);
  }
  const modernRows = modern === undefined ? [] : keyset.lastRows(messageTable, LAST_ROWS);
  const legacyRows = legacy === undefined ? [] : keyset.lastRows(legacyTable, LAST_ROWS);
  const messageMaxId = wholeOf(modernRows[0]?.[0]);
  const legacyMaxId = wholeOf(legacyRows[0]?.[0]);
  const mappings = readMappings(keyset);
  return {
    mappings: [...mappings],
    unresolvedLids: readUnresolvedLids(keyset, mappings),
    chats: readChats(keyset, legacyMaxId > 0),
    messageMaxId,
    legacyMaxId,
    asOfMs: Math.max(
      lastTime(modernRows, messageTable.at.timestamp, messageTable.at.received_timestamp),
      lastTime(legacyRows, legacyTable.at.timestamp, legacyTable.at.received_timestamp),
    ),
    ownerName: readOwnerName(keyset),
    // The row with id 1 is the sentinel, in both.
    sideIndexes: readSideIndexes(keyset, messageMaxId > 1 && legacyMaxId > 1),
    warnings: schema.warnings,
  };
}

/** WhatsApp backs up its other databases in files of the same form, and people take the wrong one: most often `wa.db`. */
function noMessages(schema: Schema): Refusal {
  if (schema.exists('wa_contacts')) return new Refusal({ reason: 'OTHER_BACKUP', content: 'contacts' });
  const ofMessages = ['message', 'messages', 'chat', 'chat_list', 'jid'];
  if (ofMessages.some((name) => schema.exists(name))) return notSupported('there is no table of messages');
  return new Refusal({ reason: 'OTHER_BACKUP', content: 'unknown' });
}

function readUnresolvedLids(keyset: Keyset, mappings: ReadonlyMap<string, string>): string[] {
  const lids = new Set<string>();
  let count = 0;
  keyset.each(jidTable, (_, row) => {
    if (++count > MAX_JIDS) throw notSupported('the backup has too many addresses');
    const jid = jidOfRow(row);
    if (jid !== undefined && isLid(jid) && !mappings.has(jid)) lids.add(jid);
  });
  return [...lids];
}

function readOwnerName(keyset: Keyset): string {
  let name = '';
  let count = 0;
  keyset.each(propsTable, (_, row) => {
    if (++count > MAX_PROPS) throw notSupported('props has too many rows');
    if (row[propsTable.at.key] === 'user_push_name') name = textOf(row[propsTable.at.value]);
  });
  return name;
}

/** The latest time of some rows, leaving out what a wrong clock wrote. */
function lastTime(rows: readonly Row[], ...columns: readonly number[]): number {
  const latest = Date.now() + DAY_MS;
  let last = 0;
  for (const row of rows) {
    for (const column of columns) {
      const time = timeOf(row[column]);
      if (time >= FIRST_TIME_MS && time <= latest && time > last) last = time;
    }
  }
  return last;
}
