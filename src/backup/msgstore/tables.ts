import { MESSAGE_ID_MAX_BYTES } from '../../domain/identity.js';
import { JID_MAX_BYTES } from '../../domain/jid.js';
import { describeTable } from './schema.js';

/**
 * The tables of `msgstore.db` that are read, with the columns that matter. Names and meaning are from public schema
 * dumps of 2018 to 2026; no version has all of them. Bounds keep a forged value from filling the memory; those of
 * ids, names and addresses are many times what real files hold.
 */

/** Texts of messages: WhatsApp itself stops at 64 KiB. */
export const TEXT_MAX_BYTES = 1_048_576;

/** What opens sealed votes and answers always has this length. */
export const SECRET_BYTES = 32;

/** Types of columns; see `describeTable`. */
export const text = { text: TEXT_MAX_BYTES };
export const shortText = { text: 4_096 };
export const jidText = { text: JID_MAX_BYTES };
export const idText = { text: MESSAGE_ID_MAX_BYTES };
export const number = 'number';
export const secret = { blob: SECRET_BYTES };

export const messageTable = describeTable(
  'message',
  '_id',
  {
    chat_row_id: number,
    from_me: number,
    key_id: idText,
    sender_jid_row_id: number,
    status: number,
    origination_flags: number,
    origin: number,
    timestamp: number,
    received_timestamp: number,
    message_type: number,
    text_data: text,
    starred: number,
    sort_id: number,
  },
  ['chat_row_id', 'from_me', 'key_id', 'timestamp', 'message_type', 'text_data'],
);

export const jidTable = describeTable('jid', '_id', { user: jidText, server: jidText, raw_string: jidText });

export const jidMapTable = describeTable('jid_map', 'lid_row_id', { jid_row_id: number }, ['jid_row_id']);

export const lidNameTable = describeTable('lid_display_name', 'lid_row_id', {
  display_name: shortText,
  username: shortText,
});

export const chatTable = describeTable(
  'chat',
  '_id',
  {
    jid_row_id: number,
    account_jid_row_id: number,
    subject: shortText,
    created_timestamp: number,
    archived: number,
    unseen_message_count: number,
    ephemeral_expiration: number,
  },
  ['jid_row_id'],
);

export const newsletterTable = describeTable('newsletter', 'chat_row_id', { name: shortText }, ['name']);

export const deletedChatJobTable = describeTable(
  'deleted_chat_job',
  '_id',
  {
    chat_row_id: number,
    deleted_message_row_id: number,
    deleted_starred_message_row_id: number,
    deleted_message_categories: shortText,
    deleted_categories_message_row_id: number,
    deleted_categories_starred_message_row_id: number,
    singular_message_delete_rows_id: text,
  },
  ['chat_row_id'],
);

export const propsTable = describeTable('props', 'rowid', { key: shortText, value: shortText }, ['key', 'value']);

export const mediaTable = describeTable('message_media', 'message_row_id', {
  file_path: shortText,
  mime_type: shortText,
  file_size: number,
  file_length: number,
  media_name: shortText,
  media_caption: text,
  media_duration: number,
  width: number,
  height: number,
  file_hash: shortText,
  enc_file_hash: shortText,
  media_key: { blob: 1_024 },
  direct_path: shortText,
  message_url: shortText,
  raw_transcription_text: text,
});

export const quotedTable = describeTable('message_quoted', 'message_row_id', {
  key_id: idText,
  chat_row_id: number,
  parent_message_chat_row_id: number,
  from_me: number,
  sender_jid_row_id: number,
  timestamp: number,
  message_type: number,
  origin: number,
  text_data: text,
});

export const editTable = describeTable('message_edit_info', 'message_row_id', {
  original_key_id: idText,
  edited_timestamp: number,
  sender_timestamp: number,
});

export const revokedTable = describeTable('message_revoked', 'message_row_id', {
  revoked_key_id: idText,
  admin_jid_row_id: number,
  revoke_timestamp: number,
});

export const linkTable = describeTable('message_text', 'message_row_id', {
  url: text,
  page_title: text,
  description: text,
});

export const locationTable = describeTable('message_location', 'message_row_id', {
  latitude: number,
  longitude: number,
  place_name: shortText,
  place_address: shortText,
  live_location_share_duration: number,
  live_location_final_latitude: number,
  live_location_final_longitude: number,
  live_location_final_timestamp: number,
});

export const forwardedTable = describeTable('message_forwarded', 'message_row_id', { forward_score: number });

export const ephemeralTable = describeTable('message_ephemeral', 'message_row_id', { expire_timestamp: number });

export const albumTable = describeTable('message_album', 'message_row_id', {
  image_count: number,
  video_count: number,
});

export const groupInviteTable = describeTable('message_group_invite', 'message_row_id', {
  group_jid_row_id: number,
  group_name: shortText,
  invite_code: shortText,
  expiration: number,
});

export const pollTable = describeTable('message_poll', 'message_row_id', {
  enc_key: secret,
  selectable_options_count: number,
  end_time: number,
});

/**
 * Events with a date; the columns behind `start_time` came one by one. WhatsApp compares its times with its clock, so they are taken for ms
 * like all times of this database: see `eventTimeOf`.
 */
export const eventTable = describeTable('message_event', 'message_row_id', {
  is_canceled: number,
  name: shortText,
  description: text,
  location_latitude: number,
  location_longitude: number,
  location_name: shortText,
  location_address: shortText,
  join_link: shortText,
  start_time: number,
  end_time: number,
  allow_extra_guests: number,
  is_schedule_call: number,
});

/** Secrets of messages, also of many that are neither polls nor events. */
export const secretTable = describeTable('message_secret', 'message_row_id', { message_secret: secret });

export const systemTable = describeTable('message_system', 'message_row_id', { action_type: number });

export const valueChangeTable = describeTable('message_system_value_change', 'message_row_id', { old_data: text });

export const numberChangeTable = describeTable('message_system_number_change', 'message_row_id', {
  old_jid_row_id: number,
  new_jid_row_id: number,
});

export const systemParticipantTable = describeTable(
  'message_system_chat_participant',
  'rowid',
  { message_row_id: number, user_jid_row_id: number },
  ['message_row_id'],
);

export const messageCallTable = describeTable('message_call_log', 'message_row_id', { call_log_row_id: number });

export const callTable = describeTable('call_log', '_id', {
  call_id: shortText,
  video_call: number,
  duration: number,
  call_result: number,
  group_jid_row_id: number,
});

export const missedCallTable = describeTable(
  'missed_call_logs',
  'rowid',
  { message_row_id: number, video_call: number, group_jid_row_id: number },
  ['message_row_id'],
);

export const mentionTable = describeTable('message_mentions', 'rowid', { message_row_id: number, jid_row_id: number }, [
  'message_row_id',
]);

export const vcardTable = describeTable('message_vcard', 'rowid', { message_row_id: number, vcard: text }, [
  'message_row_id',
]);

export const pollOptionTable = describeTable(
  'message_poll_option',
  'rowid',
  { message_row_id: number, option_name: text, vote_total: number },
  ['message_row_id'],
);

export const associationTable = describeTable(
  'message_association',
  'rowid',
  { child_message_row_id: number, parent_message_row_id: number, association_type: number },
  ['child_message_row_id', 'parent_message_row_id'],
);

export const memberTable = describeTable(
  'group_participant_user',
  'rowid',
  {
    group_jid_row_id: number,
    user_jid_row_id: number,
    rank: number,
    pending: number,
    add_timestamp: number,
    label: shortText,
  },
  ['group_jid_row_id', 'user_jid_row_id'],
);

export const pastMemberTable = describeTable(
  'group_past_participant_user',
  'rowid',
  { group_jid_row_id: number, user_jid_row_id: number, is_leave: number, timestamp: number },
  ['group_jid_row_id', 'user_jid_row_id'],
);
