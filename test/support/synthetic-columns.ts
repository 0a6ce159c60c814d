/**
 * The columns of a modern msgstore.db as WhatsApp 2.26 writes it: names, types and order are WhatsApp's own, from public
 * `.schema` dumps. Of its 311 tables those with messages, people, groups and what hangs on them. The short form is
 * explained at `columnSql` in `synthetic-schema.ts`.
 */
export const modernColumns: Record<string, string> = {
  android_metadata: 'locale:T',
  props: '_id+ key:T^ value:T',
  jid: '_id+ user:T! server:T! agent device type raw_string:T',
  jid_map: 'lid_row_id* jid_row_id! sort_id',
  lid_display_name: 'lid_row_id* display_name:T! username:T',
  lid_chat_state: 'jid_row_id* is_pn_shared!=0 pn_requested_ts!=0 pnh_duplicate_lid_thread!=0',
  chat:
    '_id+ jid_row_id^ hidden subject:T created_timestamp display_message_row_id last_message_row_id ' +
    'last_read_message_row_id last_read_receipt_sent_message_row_id last_important_message_row_id archived ' +
    'sort_timestamp mod_tag gen:R spam_detection unseen_earliest_message_received_time unseen_message_count ' +
    'unseen_missed_calls_count unseen_row_count plaintext_disabled vcard_ui_dismissed ' +
    'change_number_notified_message_row_id show_group_description ephemeral_expiration ' +
    'last_read_ephemeral_message_row_id ephemeral_setting_timestamp ephemeral_displayed_exemptions ' +
    'ephemeral_disappearing_messages_initiator unseen_important_message_count!=0 group_type!=0 ' +
    'last_message_reaction_row_id last_seen_message_reaction_row_id unseen_message_reaction_count ' +
    'unseen_comment_message_count growth_lock_level growth_lock_expiration_ts last_read_message_sort_id ' +
    'display_message_sort_id last_message_sort_id last_read_receipt_sent_message_sort_id ' +
    'has_new_community_admin_dialog_been_acknowledged!=0 history_sync_progress chat_lock chat_origin:T ' +
    'participation_status account_jid_row_id chat_encryption_state group_member_count limited_sharing ' +
    'limited_sharing_setting_timestamp is_contact ephemeral_after_read_duration business_chat_state',
  deleted_chat_job:
    '_id+ chat_row_id! block_size singular_message_delete_rows_id:T deleted_message_row_id ' +
    'deleted_starred_message_row_id deleted_messages_remove_files:L deleted_categories_message_row_id ' +
    'deleted_categories_starred_message_row_id deleted_categories_remove_files:L deleted_message_categories:T ' +
    'delete_files_singular_delete:L',
  newsletter:
    'chat_row_id* name:T! name_id! description:T! description_id! picture_url:T picture_id! preview_url:T ' +
    'preview_id! invite_code:T handle:T subscribers_count! membership! privacy! verified! muted! ' +
    'oldest_message_retrieved! suspended!=0 deleted!=0',
  group_participant_user:
    '_id+ group_jid_row_id! user_jid_row_id! rank pending add_timestamp label:T join_method ' +
    'group_history_send_state',
  group_past_participant_user: '_id+ group_jid_row_id! user_jid_row_id! is_leave! timestamp',
  message:
    '_id+ chat_row_id! from_me! key_id:T! sender_jid_row_id status broadcast recipient_count ' +
    'participant_hash:T origination_flags origin timestamp received_timestamp receipt_server_timestamp ' +
    'message_type text_data:T starred lookup_tables message_add_on_flags view_mode sort_id!=0 ' +
    'translated_text:T view_replies_thread_id server_sts',
  message_media:
    'message_row_id* chat_row_id autotransfer_retry_enabled transferred face_x face_y has_streaming_sidecar ' +
    'page_count thumbnail_height_width_ratio:R first_scan_sidecar:B first_scan_length message_url:T ' +
    'media_upload_handle:T sticker_flags raw_transcription_text:T first_viewed_timestamp is_animated_sticker ' +
    'media_caption:T metadata_url:T motion_photo_presentation_offset_ms multicast_id:T media_job_uuid:T ' +
    'transcoded file_path:T file_size suspicious_content trim_from trim_to media_key:B media_key_timestamp ' +
    'width height gif_attribution direct_path:T mime_type:T file_length media_name:T file_hash:T ' +
    'media_duration enc_file_hash:T partial_media_hash:T partial_media_enc_hash:T original_file_hash:T ' +
    'mute_video=0 doodle_id:T media_source_type accessibility_label:T media_transcode_quality=0 qr_url:T ' +
    'media_key_domain e2ee_media_key:B premium_message emoji_tags:T',
  message_thumbnail: 'message_row_id* thumbnail:B',
  media_hash_thumbnail: 'media_hash:T* thumbnail:B',
  audio_data:
    'message_row_id* waveform:B background_color!=0 background_color_changed=0 transcription_status ' +
    'transcription_locale transcription_confidence_threshold transcription_request_locale ' +
    'transcription_feedback_submitted transcription_id:T',
  message_quoted:
    'message_row_id+ chat_row_id! parent_message_chat_row_id! from_me! sender_jid_row_id key_id:T! timestamp ' +
    'message_type origin text_data:T payment_transaction_id:T lookup_tables quoted_source quoted_type',
  message_quoted_media:
    'message_row_id* media_job_uuid:T transferred file_path:T file_size media_key:B media_key_timestamp width ' +
    'height direct_path:T message_url:T mime_type:T file_length media_name:T file_hash:T media_duration ' +
    'page_count enc_file_hash:T thumbnail:B media_caption:T accessibility_label:T',
  message_quoted_location: 'message_row_id* latitude:R longitude:R place_name:T place_address:T url:T thumbnail:B',
  message_quoted_vcard: '_id+ message_row_id vcard:T',
  message_quoted_mentions: '_id+ message_row_id jid_row_id display_name:S mention_type',
  message_mentions: '_id+ message_row_id jid_row_id display_name:S mention_type',
  message_add_on:
    '_id+ chat_row_id from_me key_id:T! sender_jid_row_id parent_message_row_id timestamp status ' +
    'message_add_on_type received_timestamp expiry_duration_in_secs server_timestamp expiry_timestamp ' +
    'expiry_type',
  message_add_on_reaction: 'message_add_on_row_id* reaction:T sender_timestamp',
  message_add_on_poll_vote: 'message_add_on_row_id* sender_timestamp',
  message_add_on_poll_vote_selected_option: '_id+ message_add_on_row_id message_poll_option_id',
  message_add_on_keep_in_chat:
    'message_add_on_row_id* keep_in_chat_state!=0 sender_timestamp keep_count!=0 actor_device_jid_row_id',
  message_add_on_pin_in_chat: 'message_add_on_row_id* pin_in_chat_state!=0 sender_timestamp',
  message_add_on_event_response: 'message_add_on_row_id* response=0 sender_timestamp! extra_guest_count',
  message_edit_info: 'message_row_id* original_key_id:T! edited_timestamp! sender_timestamp!',
  message_revoked: 'message_row_id* revoked_key_id:T! admin_jid_row_id revoke_timestamp',
  message_text:
    'message_row_id* description:T page_title:T url:T font_style text_color background_color preview_type ' +
    'invite_link_group_type!=0 counter_abuse_token:T fb_experiment_id social_media_post_type ' +
    'link_media_duration_seconds link_end_index',
  message_link: '_id+ chat_row_id message_row_id link_index',
  message_location:
    'message_row_id* chat_row_id latitude:R longitude:R place_name:T place_address:T url:T ' +
    'live_location_share_duration live_location_sequence_number live_location_final_latitude:R ' +
    'live_location_final_longitude:R live_location_final_timestamp map_download_status',
  message_vcard: '_id+ message_row_id vcard:T',
  message_vcard_jid: '_id+ vcard_jid_row_id vcard_row_id message_row_id',
  message_poll:
    'message_row_id* enc_key:B selectable_options_count invalid_state!=0 poll_logging_id!=0 poll_type ' +
    'correct_option_id content_type hide_participant_names end_time allow_add_option',
  message_poll_option: '_id+ message_row_id option_sha256:T option_name:T vote_total option_hash:T',
  message_album: 'message_row_id* image_count!=0 video_count!=0 expected_image_count expected_video_count',
  message_association: '_id+ child_message_row_id! parent_message_row_id! association_type!',
  message_event:
    'message_row_id* is_canceled=0 name:T! description:T location_latitude:R location_longitude:R ' +
    'location_name:T location_address:T join_link:T start_time:D! end_time:D chat_row_id event_state!=0 ' +
    'allow_extra_guests is_schedule_call has_reminder reminder_offset_sec show_upcoming_banner',
  message_ephemeral:
    'message_row_id* duration! expire_timestamp! keep_in_chat!=0 ephemeral_trigger ephemeral_initiated_by_me ' +
    'after_read_duration',
  message_ephemeral_setting:
    'message_row_id* setting_duration setting_reason user_jid_row_id_csv:T ephemeral_trigger ' +
    'ephemeral_initiated_by_me pre_setting_duration after_read_duration',
  message_view_once_media: 'message_row_id* state!',
  message_group_invite:
    'message_row_id* group_jid_row_id! admin_jid_row_id! group_name:T invite_code:T expiration invite_time ' +
    'expired group_type!=0',
  message_newsletter_admin_invite: 'message_row_id* newsletter_jid_row_id! newsletter_name:T! expiration!',
  message_call_log: 'message_row_id* call_log_row_id',
  call_log:
    '_id+ jid_row_id from_me call_id:T transaction_id timestamp video_call duration call_result ' +
    'is_dnd_mode_on bytes_transferred group_jid_row_id!=0 is_joinable_group_call ' +
    'call_creator_device_jid_row_id!=0 call_random_id:T call_link_row_id!=0 call_type offer_silence_reason ' +
    'scheduled_id:T telecom_uuid:T terminated_by_device_switch',
  call_log_participant_v2: '_id+ call_log_row_id jid_row_id call_result',
  missed_call_logs:
    '_id+ message_row_id timestamp video_call group_jid_row_id!=0 is_joinable_group_call is_dnd_mode_on ' +
    'offer_silence_reason',
  receipt_user: '_id+ message_row_id! receipt_user_jid_row_id! receipt_timestamp read_timestamp played_timestamp',
  receipt_device: '_id+ message_row_id! receipt_device_jid_row_id! receipt_device_timestamp primary_device_version',
  message_secret: 'message_row_id* message_secret:B',
  message_future:
    'message_row_id* version data:B future_message_type future_proof_stanza:B edit_version ' + 'message_stanza_data:B',
  message_forwarded: 'message_row_id* forward_score forward_origin',
  message_details: 'message_row_id* author_device_jid',
  message_system: 'message_row_id* action_type!',
  message_system_group: 'message_row_id* is_me_joined',
  message_system_chat_participant: 'message_row_id user_jid_row_id',
  message_system_value_change: 'message_row_id* old_data:T',
  message_system_number_change: 'message_row_id* old_jid_row_id new_jid_row_id',
  message_system_photo_change: 'message_row_id* new_photo_id:T old_photo:B new_photo:B',
  message_system_block_contact: 'message_row_id* is_blocked',
  message_system_device_change: 'message_row_id* device_added_count device_removed_count',
  message_system_lid_change: 'message_row_id* old_lid_row_id new_lid_row_id display_name:T',
  user_device: '_id+ user_jid_row_id device_jid_row_id key_index!=0',
  backup_changes: '_id+ operation:T! table_name:T! table_row_id!',
};
