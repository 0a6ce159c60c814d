import { parseJid } from '../../domain/jid.js';
import * as addOns from './add-on-tables.js';
import { aliasIndex, firstIdOf, keyIndex } from './canonical-id.js';
import type { Keyset } from './keyset.js';
import { messageIdOf } from './message-id.js';
import { describeTable, type Row, type Table } from './schema.js';
import { hashText, SideIndexBuilder } from './side-index.js';
import { legacyMemberTable, legacyVcardTable } from './legacy-tables.js';
import * as tables from './tables.js';
import type { SideIndex } from '../task.js';
import { textOf, wholeOf } from './value.js';

/** Tables whose rows have ids of their own, with the column that names the parent. */
const manyToOne: readonly (readonly [Table<string>, string])[] = [
  [tables.mentionTable, 'message_row_id'],
  [tables.vcardTable, 'message_row_id'],
  [tables.pollOptionTable, 'message_row_id'],
  [tables.associationTable, 'child_message_row_id'],
  [tables.systemParticipantTable, 'message_row_id'],
  [tables.missedCallTable, 'message_row_id'],
  [addOns.selectedOptionTable, 'message_add_on_row_id'],
  [tables.memberTable, 'group_jid_row_id'],
  [tables.pastMemberTable, 'group_jid_row_id'],
  [legacyVcardTable, 'message_row_id'],
];

/** Tables whose row id should be the parent's; where a file has it otherwise they are indexed like the rest. */
const oneToOne: readonly Table<string>[] = [
  tables.mediaTable,
  tables.quotedTable,
  tables.editTable,
  tables.revokedTable,
  tables.linkTable,
  tables.locationTable,
  tables.forwardedTable,
  tables.ephemeralTable,
  tables.albumTable,
  tables.groupInviteTable,
  tables.pollTable,
  tables.eventTable,
  tables.secretTable,
  tables.systemTable,
  tables.valueChangeTable,
  tables.numberChangeTable,
  tables.messageCallTable,
  addOns.reactionTable,
  addOns.pollVoteTable,
  addOns.eventResponseTable,
];

/** Reads, once and in order, which row belongs to which parent, for all tables that cannot be asked. */
export function readSideIndexes(keyset: Keyset, both: boolean): SideIndex[] {
  const indexes: (SideIndex | undefined)[] = [];
  for (const [table, parent] of manyToOne) indexes.push(indexByColumn(keyset, table.name, parent));
  for (const table of oneToOne) {
    // Asked for its columns, the schema warns of one that is a view or the like.
    if (keyset.schema.expressionsOf(table, false) !== undefined && !keyset.isRowId(table.name, table.key)) {
      indexes.push(indexByColumn(keyset, table.name, table.key));
    }
  }
  indexes.push(indexAddOns(keyset), indexLegacyMembers(keyset), ...indexIds(keyset, both));
  return indexes.filter((index) => index !== undefined);
}

function indexByColumn(keyset: Keyset, table: string, parent: string): SideIndex | undefined {
  const builder = new SideIndexBuilder(table);
  keyset.each(describeTable(table, 'rowid', { [parent]: 'number' }, [parent]), (id, row) => {
    const parentId = wholeOf(row[1]);
    if (parentId > 0) builder.add(parentId, id);
  });
  return builder.finish();
}

/** Only reactions, votes and answers: the other kinds of add-ons (edits, pins, …) are kept elsewhere, too. */
function indexAddOns(keyset: Keyset): SideIndex | undefined {
  const { addOnTable, addOnType } = addOns;
  const isRead = new Set<unknown>(Object.values(addOnType));
  const builder = new SideIndexBuilder(addOnTable.name);
  const wanted = describeTable(
    addOnTable.name,
    'rowid',
    { parent_message_row_id: 'number', message_add_on_type: 'number' },
    ['parent_message_row_id', 'message_add_on_type'],
  );
  keyset.each(wanted, (id, row) => {
    const parentId = wholeOf(row[wanted.at.parent_message_row_id]);
    const type = row[wanted.at.message_add_on_type];
    if (parentId > 0 && isRead.has(type)) builder.add(parentId, id);
  });
  return builder.finish();
}

/** The legacy members name their group by a text. */
function indexLegacyMembers(keyset: Keyset): SideIndex | undefined {
  const builder = new SideIndexBuilder(legacyMemberTable.name);
  keyset.each(legacyMemberTable, (id, row) => {
    const group = parseJid(textOf(row[legacyMemberTable.at.gjid]));
    if (group !== undefined) builder.add(hashText(group), id);
  });
  return builder.finish();
}

/**
 * Indexes messages by their ids: those that have several, so that quotes find the first one; and if the file has `both`
 * generations all modern ones, so that legacy rows of the same messages are recognised.
 */
function indexIds(keyset: Keyset, both: boolean): (SideIndex | undefined)[] {
  const aliases = new SideIndexBuilder(aliasIndex);
  const keys = new SideIndexBuilder(keyIndex);
  const messages = keyset.rows(tables.messageTable);
  const at = tables.messageTable.at;
  const addSecondId = (rowId: number, edit: Row | undefined, revoked: Row | undefined): void => {
    const row = messages?.get(rowId);
    const keyId = messageIdOf(row?.[at.key_id]);
    if (row === undefined || keyId === undefined) return;
    const firstId = firstIdOf(keyId, wholeOf(row[at.message_type]), edit, revoked);
    if (firstId === keyId) return;
    aliases.add(hashText(keyId), rowId);
    if (both) keys.add(hashText(firstId), rowId);
  };
  if (both) {
    const ids = describeTable('message', '_id', { key_id: tables.messageTable.columns.key_id });
    keyset.each(ids, (rowId, row) => {
      const keyId = messageIdOf(row[ids.at.key_id]);
      if (keyId !== undefined) keys.add(hashText(keyId), rowId);
    });
  }
  eachOfMessage(keyset, tables.editTable, (rowId, row) => {
    addSecondId(rowId, row, undefined);
  });
  eachOfMessage(keyset, tables.revokedTable, (rowId, row) => {
    addSecondId(rowId, undefined, row);
  });
  return [aliases.finish(), keys.finish()];
}

/** Runs `visit` for each row of a one-to-one table with the message's row id, whether or not that is the row's own id. */
function eachOfMessage(keyset: Keyset, table: Table<string>, visit: (messageRowId: number, row: Row) => void): void {
  if (keyset.isRowId(table.name, table.key)) {
    keyset.each(table, visit);
    return;
  }
  // The key comes last, so that the columns stand where the table's description says.
  const loose = describeTable(table.name, 'rowid', { ...table.columns, [table.key]: 'number' }, [table.key]);
  keyset.each(loose, (_, row) => {
    visit(wholeOf(row.at(-1)), row);
  });
}
