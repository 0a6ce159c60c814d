import { isLid, makeJid, parseJid, PHONE_SERVER, serverOf } from '../../domain/jid.js';
import type { Keyset } from './keyset.js';
import { notSupported, type Row } from './schema.js';
import { jidMapTable, jidTable } from './tables.js';
import { textOf, wholeOf } from './value.js';

/** LIDs of one file; a large account meets some ten thousand people. Each costs about 200 bytes in each worker. */
const MAX_MAPPINGS = 500_000;

const jidAt = jidTable.at;
const mapAt = jidMapTable.at;

/** Reads the normalised JID of a row of `jid`; undefined when it is malformed. */
export function jidOfRow(row: Row): string | undefined {
  const user = row[jidAt.user];
  const server = row[jidAt.server];
  if (typeof user === 'string' && typeof server === 'string') return makeJid(user, server);
  return parseJid(textOf(row[jidAt.raw_string]));
}

/** Reads LID → phone from `jid_map`. Where a LID is mapped twice, the last row counts, in every reader of the file. */
export function readMappings(keyset: Keyset): Map<string, string> {
  const mappings = new Map<string, string>();
  const rows = keyset.rows(jidTable);
  const jidAtRow = (rowId: number): string | undefined => {
    const row = rows?.get(rowId);
    return row && jidOfRow(row);
  };
  keyset.each(jidMapTable, (lidRowId, row) => {
    const lid = jidAtRow(lidRowId);
    if (lid === undefined || !isLid(lid)) return;
    const phone = jidAtRow(wholeOf(row[mapAt.jid_row_id]));
    if (phone === undefined || serverOf(phone) !== PHONE_SERVER) return;
    if (mappings.size >= MAX_MAPPINGS) throw notSupported('jid_map has too many rows');
    mappings.set(lid, phone);
  });
  return mappings;
}
