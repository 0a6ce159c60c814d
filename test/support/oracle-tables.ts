import Database from 'better-sqlite3';

/** The tables and columns that the oracle reads. A file that lacks some is read as if they were there and empty. */
const wanted: Record<string, string> = {
  jid: '_id user server raw_string',
  jid_map: 'lid_row_id jid_row_id',
  lid_display_name: 'lid_row_id display_name username',
  chat: '_id jid_row_id account_jid_row_id subject created_timestamp archived ephemeral_expiration unseen_message_count',
  newsletter: 'chat_row_id name',
  deleted_chat_job:
    '_id chat_row_id singular_message_delete_rows_id deleted_message_row_id deleted_starred_message_row_id ' +
    'deleted_categories_message_row_id deleted_categories_starred_message_row_id deleted_message_categories',
  group_participant_user: '_id group_jid_row_id user_jid_row_id rank pending add_timestamp label',
  group_past_participant_user: '_id group_jid_row_id user_jid_row_id is_leave timestamp',
  group_participants: '_id gjid jid admin pending',
  chat_list: '_id key_remote_jid subject creation archived unseen_message_count',
  message:
    '_id chat_row_id from_me key_id sender_jid_row_id status origination_flags origin timestamp received_timestamp ' +
    'message_type text_data starred sort_id',
  message_media:
    'message_row_id file_path file_size file_length mime_type media_name media_caption media_duration width height file_hash ' +
    'enc_file_hash media_key direct_path message_url raw_transcription_text',
  message_quoted:
    'message_row_id chat_row_id parent_message_chat_row_id from_me sender_jid_row_id key_id timestamp message_type origin text_data',
  message_mentions: '_id message_row_id jid_row_id',
  message_add_on: '_id from_me sender_jid_row_id parent_message_row_id timestamp message_add_on_type',
  message_add_on_reaction: 'message_add_on_row_id reaction sender_timestamp',
  message_add_on_event_response: 'message_add_on_row_id response sender_timestamp extra_guest_count',
  message_add_on_poll_vote: 'message_add_on_row_id sender_timestamp',
  message_add_on_poll_vote_selected_option: '_id message_add_on_row_id message_poll_option_id',
  message_edit_info: 'message_row_id original_key_id edited_timestamp sender_timestamp',
  message_revoked: 'message_row_id revoked_key_id admin_jid_row_id revoke_timestamp',
  message_forwarded: 'message_row_id forward_score',
  message_ephemeral: 'message_row_id expire_timestamp',
  message_text: 'message_row_id url page_title description',
  message_location:
    'message_row_id latitude longitude place_name place_address live_location_share_duration live_location_final_latitude ' +
    'live_location_final_longitude live_location_final_timestamp',
  message_vcard: '_id message_row_id vcard',
  message_event:
    'message_row_id is_canceled name description location_latitude location_longitude location_name location_address join_link ' +
    'start_time end_time allow_extra_guests is_schedule_call',
  message_secret: 'message_row_id message_secret',
  message_poll: 'message_row_id enc_key selectable_options_count end_time',
  message_poll_option: '_id message_row_id option_name vote_total',
  message_album: 'message_row_id image_count video_count',
  message_association: '_id child_message_row_id parent_message_row_id association_type',
  message_group_invite: 'message_row_id group_jid_row_id group_name invite_code expiration',
  message_call_log: 'message_row_id call_log_row_id',
  call_log: '_id call_id video_call duration call_result group_jid_row_id',
  missed_call_logs: '_id message_row_id video_call group_jid_row_id',
  message_system: 'message_row_id action_type',
  message_system_chat_participant: 'rowid message_row_id user_jid_row_id',
  message_system_value_change: 'message_row_id old_data',
  message_system_number_change: 'message_row_id old_jid_row_id new_jid_row_id',
  messages:
    '_id key_remote_jid key_from_me key_id status data timestamp media_url media_mime_type media_wa_type media_size ' +
    'media_name media_caption media_hash media_duration origin latitude longitude remote_resource received_timestamp starred ' +
    'quoted_row_id mentioned_jids edit_version media_enc_hash forwarded',
  messages_quotes:
    '_id key_remote_jid key_from_me key_id data timestamp media_wa_type media_caption origin remote_resource',
  messages_vcards: '_id message_row_id vcard',
};

/**
 * Opens a database for reading and lays a temporary view over each wanted table, so that every statement can name every
 * column: a column that the file lacks is NULL, a table that it lacks is empty. Whole numbers come as BigInt.
 */
export function openForOracle(path: string): Database.Database {
  const database = new Database(path, { readonly: true });
  database.pragma('temp_store = MEMORY');
  database.defaultSafeIntegers(true);
  for (const [table, columns] of Object.entries(wanted)) {
    const rows = database.prepare('SELECT name FROM pragma_table_info(?)').pluck().all(table);
    const present = new Set<unknown>(rows);
    const list = columns.split(' ').map((name) => {
      if (name === 'rowid' && present.size > 0) return 'rowid AS _id';
      return present.has(name) ? name : `NULL AS ${name === 'rowid' ? '_id' : name}`;
    });
    const source = present.size > 0 ? `FROM main.${table}` : 'WHERE 0';
    database.exec(`CREATE TEMP VIEW ${table} AS SELECT ${list.join(', ')} ${source}`);
  }
  return database;
}

/** A row of a statement: column names and values. */
export type Row = Record<string, unknown>;

/** Runs a statement and returns its rows one after the other. */
export function* rowsOf(database: Database.Database, sql: string): Generator<Row, void, undefined> {
  for (const row of database.prepare<[], Row>(sql).iterate()) yield row;
}

/** Groups rows by a number in one of their columns. */
export function groupRows(database: Database.Database, column: string, sql: string): Map<number, Row[]> {
  const groups = new Map<number, Row[]>();
  for (const row of rowsOf(database, sql)) {
    const key = integer(row[column]);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return groups;
}

/** Returns a whole number that a JavaScript number can hold, else undefined: NULL, texts, fractions, beyond 2^53. */
export function integer(value: unknown): number | undefined {
  if (typeof value !== 'bigint') return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : undefined;
}

/** Returns a count from 0 to 2^32 − 1, 0 for anything else. */
export function count32(value: unknown): number {
  const number = integer(value) ?? 0;
  return number >= 0 && number < 2 ** 32 ? number : 0;
}

/** Returns a whole number of 32 bits with sign, 0 for anything else. */
export function int32(value: unknown): number {
  const number = integer(value) ?? 0;
  return number === (number | 0) ? number : 0;
}

/** Returns a fraction or whole number as a number, 0 for anything else. */
export function real(value: unknown): number {
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : 0;
}

/** Returns a text, '' for anything else. */
export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Tells whether a flag is set: a number other than 0. */
export function flag(value: unknown): boolean {
  return (typeof value === 'bigint' || typeof value === 'number') && Number(value) !== 0;
}

/** The last millisecond of the year 9999, the last that a protobuf timestamp can hold. */
const LAST_MS = 253_402_300_799_999;

/** Returns a time in ms, undefined when it is 0, negative, absent or beyond the year 9999. */
export function time(value: unknown): number | undefined {
  const ms = integer(value);
  return ms !== undefined && ms > 0 && ms <= LAST_MS ? ms : undefined;
}

/** Returns the 32 bytes of a base64 SHA-256 as hex, '' when it is none. */
export function sha256(value: unknown): string {
  const bytes = Buffer.from(text(value), 'base64');
  return bytes.length === 32 ? bytes.toString('hex') : '';
}
