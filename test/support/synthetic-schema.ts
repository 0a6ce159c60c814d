import { modernColumns } from './synthetic-columns.js';
import { columnsOf2022, legacyColumns, tablesSince2022 } from './synthetic-columns-2022.js';

/**
 * Which msgstore.db: `modern` as WhatsApp writes it in 2026 (no index at all), `modern-2022` with the indexes, views,
 * triggers and full-text tables of its time, `legacy` with `messages` only, `transitional` with the legacy tables beside
 * the modern ones of early 2022.
 */
export type Generation = 'modern' | 'modern-2022' | 'legacy' | 'transitional';

/** What a schema leaves out. */
export interface SchemaOptions {
  /** Tables that do not exist. */
  omitTables?: readonly string[];
  /** Columns that do not exist, as `table.column`. */
  omitColumns?: readonly string[];
  /** Drops every NOT NULL and UNIQUE, as in a file whose rows hold NULL everywhere. */
  loose?: boolean;
}

/** The tables of a database with their columns, each column as its SQL. */
export type Schema = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Returns the tables of a generation. */
export function schemaOf(generation: Generation, options: SchemaOptions = {}): Schema {
  const schema = new Map<string, Map<string, string>>();
  for (const [table, columns] of Object.entries(columnsOf(generation))) {
    if (options.omitTables?.includes(table)) continue;
    const parsed = new Map<string, string>();
    for (const code of columns.split(' ')) {
      const [name, sql] = columnSql(code, options.loose === true);
      if (!options.omitColumns?.includes(`${table}.${name}`)) parsed.set(name, sql);
    }
    schema.set(table, parsed);
  }
  return schema;
}

/** Returns the CREATE TABLE statements of a schema. */
export function createTables(schema: Schema): string[] {
  return [...schema].map(([table, columns]) => `CREATE TABLE ${table} (${[...columns.values()].join(', ')})`);
}

function columnsOf(generation: Generation): Record<string, string> {
  switch (generation) {
    case 'modern':
      return modernColumns;
    case 'legacy': {
      const { props = '' } = modernColumns;
      return { props, ...legacyColumns };
    }
    case 'modern-2022':
    case 'transitional': {
      const { chat_list: _goneBy2022, ...legacy } = legacyColumns;
      const known = Object.entries(modernColumns).filter(([table]) => !tablesSince2022.includes(table));
      return { ...Object.fromEntries(known), ...columnsOf2022, ...legacy };
    }
  }
}

const typeCodes: Record<string, string> = { T: 'TEXT', B: 'BLOB', R: 'REAL', L: 'BOOLEAN', S: 'STRING', D: 'DATETIME' };

/**
 * Turns the short form of a column into its name and SQL. `name` alone is an INTEGER; `:T` TEXT, `:B` BLOB, `:R` REAL, `:L`
 * BOOLEAN, `:S` STRING, `:D` DATETIME; then `+` PRIMARY KEY AUTOINCREMENT, `*` PRIMARY KEY, `^` UNIQUE, `!` NOT NULL,
 * `=n` DEFAULT n.
 */
function columnSql(code: string, loose: boolean): [name: string, sql: string] {
  const match = /^(\w+)(?::(\w))?([+*]?)(\^?)(!?)(?:=(\d+))?$/.exec(code);
  if (match === null) throw new Error(`not a column: ${code}`);
  const [, name = '', type, key, unique, notNull, preset] = match;
  let sql = `${name} ${type === undefined ? 'INTEGER' : (typeCodes[type] ?? type)}`;
  if (key === '+') sql += ' PRIMARY KEY AUTOINCREMENT';
  if (key === '*') sql += ' PRIMARY KEY';
  if (unique === '^' && !loose) sql += ' UNIQUE';
  if (notNull === '!' && !loose) sql += ' NOT NULL';
  if (preset !== undefined) sql += ` DEFAULT ${preset}`;
  return [name, sql];
}

/**
 * Returns the statements that complete a database after its rows are in: views and full-text tables, and for the files
 * of 2022 also indexes and triggers. Statements about tables that the schema leaves out are left out.
 */
export function completeSchema(generation: Generation, schema: Schema): string[] {
  const old = generation === 'modern-2022' || generation === 'transitional';
  const statements = [
    ...(generation === 'modern' ? modernExtras : []),
    ...(old ? extrasOf2022 : []),
    ...(old || generation === 'legacy' ? legacyExtras : []),
  ];
  return statements.filter((extra) => extra.uses.every((table) => schema.has(table))).map((extra) => extra.sql);
}

interface Extra {
  /** The tables without which the statement makes no sense. */
  uses: readonly string[];
  sql: string;
}

const index = (table: string, columns: string, name: string, unique = ''): Extra => ({
  uses: [table],
  sql: `CREATE ${unique} INDEX ${name} ON ${table} (${columns})`,
});

const cascade = (parent: string, child: string, column: string, parentColumn = '_id'): Extra => ({
  uses: [parent, child],
  sql:
    `CREATE TRIGGER ${parent}_bd_for_${child}_trigger BEFORE DELETE ON ${parent} ` +
    `BEGIN DELETE FROM ${child} WHERE ${column}=old.${parentColumn}; END`,
});

const modernExtras: readonly Extra[] = [
  { uses: [], sql: 'CREATE VIRTUAL TABLE ai_thread_info_fts USING fts4 (search_content)' },
  {
    uses: ['message', 'deleted_chat_job'],
    sql:
      'CREATE VIEW available_message_view AS SELECT message.* FROM message LEFT JOIN deleted_chat_job AS job ' +
      'ON job.chat_row_id = message.chat_row_id WHERE IFNULL(NOT((IFNULL(message.starred, 0) = 0 AND ' +
      'message.sort_id <= IFNULL(job.deleted_message_row_id, -9223372036854775808))), 0)',
  },
  {
    uses: ['chat'],
    sql: 'CREATE VIEW chat_view AS SELECT chat._id AS _id, chat.subject AS subject, chat.jid_row_id AS jid_row_id FROM chat',
  },
];

/** A part of the 87 indexes, 100 triggers and 6 views of a real file of that time: those of the tables that are read. */
const extrasOf2022: readonly Extra[] = [
  index('jid', 'raw_string', 'jid_raw_string_index'),
  index('jid', 'user, server, agent, device, type', 'jid_key_new_index'),
  index('chat', 'group_type', 'chat_group_type_index'),
  index('deleted_chat_job', 'chat_row_id, _id', 'deleted_chat_job_index'),
  index('message', 'chat_row_id, _id', 'message_chat_id_index'),
  index('message', 'chat_row_id, sort_id', 'message_chat_sort_id_index'),
  index('message', 'chat_row_id, from_me, key_id, sender_jid_row_id', 'message_key_index'),
  index('message', 'sort_id', 'message_sort_id_index'),
  index('message', 'starred', 'message_starred_index'),
  index('message', 'message_type', 'message_type_index'),
  index('message_media', 'chat_row_id', 'message_media_chat_index'),
  index('message_media', 'file_hash', 'message_media_hash_index'),
  index('message_mentions', 'message_row_id, jid_row_id', 'mentions_index'),
  index('message_add_on', 'parent_message_row_id', 'message_add_on_parent_message_row_id_index'),
  index('message_add_on', 'chat_row_id, from_me, key_id, sender_jid_row_id', 'message_add_on_key_index'),
  index('message_vcard', 'message_row_id', 'message_vcard_index'),
  index('message_system_chat_participant', 'message_row_id', 'message_system_chat_participant_index'),
  index('receipt_user', 'message_row_id, receipt_user_jid_row_id', 'receipt_user_index'),
  index('group_participant_user', 'group_jid_row_id, user_jid_row_id', 'group_participant_user_index'),
  index('missed_call_logs', 'message_row_id', 'missed_call_logs_key_index'),
  cascade('message', 'message_media', 'message_row_id'),
  cascade('message', 'message_quoted', 'message_row_id'),
  cascade('message', 'message_revoked', 'message_row_id'),
  cascade('message_add_on', 'message_add_on_reaction', 'message_add_on_row_id'),
  cascade('message_system', 'message_system_value_change', 'message_row_id', 'message_row_id'),
  { uses: [], sql: 'CREATE VIRTUAL TABLE message_ftsv2 USING fts4 (content, fts_jid, fts_namespace)' },
  {
    uses: ['chat', 'jid'],
    sql:
      'CREATE VIEW chat_view AS SELECT chat._id AS _id, jid.raw_string AS raw_string_jid, subject, hidden, ' +
      'sort_timestamp FROM chat LEFT JOIN jid ON chat.jid_row_id = jid._id',
  },
];

const legacyExtras: readonly Extra[] = [
  index('messages', 'key_remote_jid, key_from_me, key_id', 'messages_key_index'),
  index('messages', 'key_remote_jid, _id', 'messages_jid_id_index'),
  index('messages', 'media_wa_type', 'media_type_index'),
  index('messages', 'starred', 'starred_index'),
  index('group_participants', 'gjid, jid', 'group_participants_index'),
  cascade('messages', 'message_media', 'message_row_id'),
  cascade('messages', 'messages_vcards', 'message_row_id'),
  { uses: [], sql: 'CREATE VIRTUAL TABLE messages_fts USING fts4 (content)' },
  {
    uses: ['message', 'messages'],
    sql: 'CREATE VIEW message_view AS SELECT _id, key_remote_jid, key_from_me, key_id, data AS text_data FROM messages',
  },
];
