/**
 * The tables whose columns were others in WhatsApp 2.22 (early 2022), from the schema of a real backup of that time. The
 * short form is explained at `columnSql` in `synthetic-schema.ts`.
 */
export const columnsOf2022: Record<string, string> = {
  chat:
    '_id+ jid_row_id^ hidden subject:T created_timestamp display_message_row_id last_message_row_id ' +
    'last_read_message_row_id last_read_receipt_sent_message_row_id last_important_message_row_id archived ' +
    'sort_timestamp mod_tag gen:R spam_detection unseen_earliest_message_received_time unseen_message_count ' +
    'unseen_missed_calls_count unseen_row_count plaintext_disabled vcard_ui_dismissed ' +
    'change_number_notified_message_row_id show_group_description ephemeral_expiration ' +
    'last_read_ephemeral_message_row_id ephemeral_setting_timestamp ephemeral_disappearing_messages_initiator ' +
    'unseen_important_message_count!=0 group_type!=0 last_message_reaction_row_id ' +
    'last_seen_message_reaction_row_id unseen_message_reaction_count growth_lock_level ' +
    'growth_lock_expiration_ts last_read_message_sort_id display_message_sort_id last_message_sort_id',
  deleted_chat_job:
    '_id+ chat_row_id! block_size deleted_message_row_id deleted_starred_message_row_id ' +
    'deleted_messages_remove_files:L deleted_categories_message_row_id ' +
    'deleted_categories_starred_message_row_id deleted_categories_remove_files:L deleted_message_categories:T',
  group_participant_user: '_id+ group_jid_row_id! user_jid_row_id! rank pending',
  message:
    '_id+ chat_row_id! from_me! key_id:T! sender_jid_row_id status broadcast recipient_count ' +
    'participant_hash:T origination_flags origin timestamp received_timestamp receipt_server_timestamp ' +
    'message_type text_data:T starred lookup_tables message_add_on_flags sort_id!=0',
  message_media:
    'message_row_id* chat_row_id autotransfer_retry_enabled multicast_id:T media_job_uuid:T transferred ' +
    'transcoded file_path:T file_size suspicious_content trim_from trim_to face_x face_y media_key:B ' +
    'media_key_timestamp width height has_streaming_sidecar gif_attribution thumbnail_height_width_ratio:R ' +
    'direct_path:T first_scan_sidecar:B first_scan_length message_url:T mime_type:T file_length media_name:T ' +
    'file_hash:T media_duration page_count enc_file_hash:T partial_media_hash:T partial_media_enc_hash:T ' +
    'is_animated_sticker original_file_hash:T mute_video=0',
  audio_data: 'message_row_id* waveform:B',
  message_quoted:
    'message_row_id+ chat_row_id! parent_message_chat_row_id! from_me! sender_jid_row_id key_id:T! timestamp ' +
    'message_type origin text_data:T payment_transaction_id:T lookup_tables',
  message_quoted_media:
    'message_row_id* media_job_uuid:T transferred file_path:T file_size media_key:B media_key_timestamp width ' +
    'height direct_path:T message_url:T mime_type:T file_length media_name:T file_hash:T media_duration ' +
    'page_count enc_file_hash:T thumbnail:B',
  message_quoted_mentions: '_id+ message_row_id jid_row_id',
  message_mentions: '_id+ message_row_id jid_row_id',
  message_add_on:
    '_id+ chat_row_id from_me key_id:T! sender_jid_row_id parent_message_row_id timestamp status ' +
    'message_add_on_type',
  message_revoked: 'message_row_id* revoked_key_id:T! admin_jid_row_id',
  message_text:
    'message_row_id* description:T page_title:T url:T font_style text_color background_color preview_type ' +
    'invite_link_group_type!=0',
  message_ephemeral: 'message_row_id* duration! expire_timestamp!',
  message_ephemeral_setting: 'message_row_id* setting_duration setting_reason user_jid_row_id_csv:T',
  call_log:
    '_id+ jid_row_id from_me call_id:T transaction_id timestamp video_call duration call_result ' +
    'bytes_transferred group_jid_row_id!=0 is_joinable_group_call call_creator_device_jid_row_id!=0 ' +
    'call_random_id:T',
  missed_call_logs: '_id+ message_row_id timestamp video_call group_jid_row_id!=0 is_joinable_group_call',
  message_future: 'message_row_id* version data:B future_message_type',
  message_forwarded: 'message_row_id* forward_score',
};

/** The modern tables that did not exist in early 2022. */
export const tablesSince2022: readonly string[] = [
  'android_metadata',
  'jid_map',
  'lid_display_name',
  'lid_chat_state',
  'newsletter',
  'group_past_participant_user',
  'message_add_on_poll_vote',
  'message_add_on_poll_vote_selected_option',
  'message_add_on_keep_in_chat',
  'message_add_on_pin_in_chat',
  'message_add_on_event_response',
  'message_edit_info',
  'message_poll',
  'message_poll_option',
  'message_album',
  'message_association',
  'message_event',
  'message_newsletter_admin_invite',
  'message_call_log',
  'message_secret',
  'message_details',
  'message_system_lid_change',
  'backup_changes',
];

/**
 * The legacy tables: all there was before 2020, and still there, mostly empty, in early 2022. `chat_list` was already gone
 * in 2022; its columns are those that public readers of old files name.
 */
export const legacyColumns: Record<string, string> = {
  chat_list:
    '_id+ key_remote_jid:T^ message_table_id subject:T creation last_read_message_table_id ' +
    'last_read_receipt_sent_message_table_id archived sort_timestamp mod_tag gen:R my_messages plaintext_disabled ' +
    'last_message_table_id unseen_message_count unseen_missed_calls_count unseen_row_count vcard_ui_dismissed deleted_message_id',
  messages:
    '_id+ key_remote_jid:T! key_from_me key_id:T! status needs_push data:T timestamp media_url:T ' +
    'media_mime_type:T media_wa_type:T media_size media_name:T media_caption:T media_hash:T media_duration ' +
    'origin latitude:R longitude:R thumb_image:T remote_resource:T received_timestamp send_timestamp ' +
    'receipt_server_timestamp receipt_device_timestamp read_device_timestamp played_device_timestamp ' +
    'raw_data:B recipient_count participant_hash:T starred quoted_row_id mentioned_jids:T multicast_id:T ' +
    'edit_version media_enc_hash:T payment_transaction_id:T forwarded preview_type send_count lookup_tables ' +
    'future_message_type message_add_on_flags',
  messages_quotes:
    '_id+ key_remote_jid:T! key_from_me key_id:T! status needs_push data:T timestamp media_url:T ' +
    'media_mime_type:T media_wa_type:T media_size media_name:T media_caption:T media_hash:T media_duration ' +
    'origin latitude:R longitude:R thumb_image:T remote_resource:T received_timestamp send_timestamp ' +
    'receipt_server_timestamp receipt_device_timestamp read_device_timestamp played_device_timestamp ' +
    'raw_data:B recipient_count participant_hash:T starred quoted_row_id mentioned_jids:T multicast_id:T ' +
    'edit_version media_enc_hash:T payment_transaction_id:T forwarded preview_type send_count lookup_tables ' +
    'future_message_type message_add_on_flags',
  messages_vcards: '_id+ message_row_id sender_jid:T chat_jid:T vcard:T',
  messages_vcards_jids: '_id+ message_row_id vcard_jid:T vcard_row_id',
  message_thumbnails: 'thumbnail:B timestamp:D key_remote_jid:T! key_from_me key_id:T!',
  group_participants: '_id+ gjid:T! jid:T! admin pending sent_sender_key',
  frequents: '_id+ jid:T! type! message_count!',
  labels: '_id+ label_name:T predefined_id color_id',
  messages_links: '_id+ key_remote_jid:T message_row_id link_index',
  receipts:
    '_id+ key_remote_jid:T! key_id:T! remote_resource:T receipt_device_timestamp read_device_timestamp ' +
    'played_device_timestamp',
  group_participants_history: '_id+ timestamp:D! gjid:T! jid:T! action! old_phash:T! new_phash:T!',
  status_list:
    '_id+ key_remote_jid:T^ message_table_id last_read_message_table_id ' +
    'last_read_receipt_sent_message_table_id first_unread_message_table_id ' +
    'autodownload_limit_message_table_id timestamp unseen_count total_count',
  media_refs: '_id+ path:T^ ref_count',
};
