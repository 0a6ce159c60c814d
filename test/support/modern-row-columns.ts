/** The tables that messages fill, with the columns that are written. */
export const rowColumns = {
  message:
    '_id chat_row_id from_me key_id sender_jid_row_id status broadcast recipient_count origination_flags origin ' +
    'timestamp received_timestamp receipt_server_timestamp message_type text_data starred lookup_tables ' +
    'message_add_on_flags sort_id',
  message_revoked: 'message_row_id revoked_key_id admin_jid_row_id revoke_timestamp',
  message_edit_info: 'message_row_id original_key_id edited_timestamp sender_timestamp',
  message_forwarded: 'message_row_id forward_score',
  message_ephemeral: 'message_row_id duration expire_timestamp',
  message_ephemeral_setting: 'message_row_id setting_duration',
  message_secret: 'message_row_id message_secret',
  message_text: 'message_row_id description page_title url',
  message_quoted:
    'message_row_id chat_row_id parent_message_chat_row_id from_me sender_jid_row_id key_id timestamp message_type text_data',
  message_mentions: 'message_row_id jid_row_id',
  message_vcard: 'message_row_id vcard',
  message_location:
    'message_row_id chat_row_id latitude longitude place_name place_address live_location_share_duration ' +
    'live_location_final_latitude live_location_final_longitude live_location_final_timestamp',
  message_media:
    'message_row_id chat_row_id file_path file_size file_length mime_type media_name media_caption media_duration width ' +
    'height file_hash enc_file_hash media_key direct_path message_url raw_transcription_text',
  message_thumbnail: 'message_row_id thumbnail',
  media_hash_thumbnail: 'media_hash thumbnail',
  message_view_once_media: 'message_row_id state',
  message_album: 'message_row_id image_count video_count',
  message_association: 'child_message_row_id parent_message_row_id association_type',
  message_event:
    'message_row_id is_canceled name description location_latitude location_longitude location_name location_address ' +
    'join_link start_time end_time allow_extra_guests is_schedule_call',
  message_group_invite: 'message_row_id group_jid_row_id admin_jid_row_id group_name invite_code expiration',
  message_poll: 'message_row_id selectable_options_count end_time',
  message_poll_option: '_id message_row_id option_name vote_total',
  message_add_on:
    '_id chat_row_id from_me key_id sender_jid_row_id parent_message_row_id timestamp message_add_on_type',
  message_add_on_reaction: 'message_add_on_row_id reaction sender_timestamp',
  message_add_on_event_response: 'message_add_on_row_id response sender_timestamp extra_guest_count',
  message_add_on_poll_vote: 'message_add_on_row_id sender_timestamp',
  message_add_on_poll_vote_selected_option: 'message_add_on_row_id message_poll_option_id',
  receipt_user: 'message_row_id receipt_user_jid_row_id receipt_timestamp read_timestamp played_timestamp',
  missed_call_logs: 'message_row_id timestamp video_call group_jid_row_id',
  call_log:
    '_id jid_row_id from_me call_id transaction_id timestamp video_call duration call_result bytes_transferred group_jid_row_id',
  message_call_log: 'message_row_id call_log_row_id',
  message_system: 'message_row_id action_type',
  message_system_group: 'message_row_id is_me_joined',
  message_system_chat_participant: 'message_row_id user_jid_row_id',
  message_system_value_change: 'message_row_id old_data',
  message_system_photo_change: 'message_row_id new_photo_id',
  message_system_block_contact: 'message_row_id is_blocked',
  message_system_number_change: 'message_row_id old_jid_row_id new_jid_row_id',
} as const;

/** A table that messages fill. */
export type RowName = keyof typeof rowColumns;

/** MIME type and folder by kind of message. */
export const mediaKinds: Record<number, [mime: string, folder: string]> = {
  1: ['image/jpeg', 'Images'],
  2: ['audio/ogg; codecs=opus', 'Voice Notes'],
  3: ['video/mp4', 'Video'],
  9: ['application/pdf', 'Documents'],
  13: ['video/mp4', 'Animated Gifs'],
  20: ['image/webp', 'Stickers'],
  42: ['image/jpeg', 'Images'],
  43: ['video/mp4', 'Video'],
  81: ['video/mp4', 'Video Notes'],
  82: ['audio/ogg; codecs=opus', 'Voice Notes'],
};
