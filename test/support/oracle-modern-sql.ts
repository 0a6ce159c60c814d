import type Database from 'better-sqlite3';
import { integer, rowsOf } from './oracle-tables.js';

/** All that a modern message consists of, but the tables with several rows a message. */
export const MESSAGE_SQL = `
  SELECT m.*, length(CAST(m.text_data AS BLOB)) AS textBytes,
    c._id AS chatRow, coalesce(c.account_jid_row_id, c.jid_row_id) AS chatJidRow,
    e.original_key_id, e.edited_timestamp, e.sender_timestamp AS editSenderTime, e.message_row_id AS editRow,
    r.revoked_key_id, r.admin_jid_row_id, r.revoke_timestamp,
    f.message_row_id AS forwardedRow, f.forward_score, x.expire_timestamp,
    d.message_row_id AS mediaRow, d.file_path, d.file_size, d.file_length, d.mime_type, d.media_name, d.media_caption,
    d.media_duration, d.width, d.height, d.file_hash, d.enc_file_hash, d.media_key, d.direct_path, d.message_url,
    d.raw_transcription_text,
    t.url, t.page_title, t.description,
    l.message_row_id AS locationRow, l.latitude, l.longitude, l.place_name, l.place_address,
    l.live_location_share_duration, l.live_location_final_latitude, l.live_location_final_longitude,
    l.live_location_final_timestamp,
    p.message_row_id AS pollRow, p.selectable_options_count, p.end_time,
    p.enc_key, z.message_secret,
    h.message_row_id AS eventRow, h.is_canceled, h.name AS eventName, h.description AS eventAbout, h.location_latitude,
    h.location_longitude, h.location_name, h.location_address, h.join_link, h.start_time AS eventStart, h.end_time AS eventEnd,
    h.allow_extra_guests, h.is_schedule_call,
    a.message_row_id AS albumRow, a.image_count, a.video_count,
    g.message_row_id AS inviteRow, g.group_jid_row_id AS inviteGroup, g.group_name, g.invite_code, g.expiration,
    k._id AS callRow, k.call_id, k.video_call, k.duration, k.call_result, k.group_jid_row_id AS callGroup,
    s.action_type, v.old_data, n.message_row_id AS numberRow, n.old_jid_row_id, n.new_jid_row_id,
    q.message_row_id AS quotedRow, coalesce(qc.account_jid_row_id, qc.jid_row_id) AS quotedJidRow,
    q.from_me AS quotedFromMe, q.sender_jid_row_id AS quotedSender, q.key_id AS quotedId, q.timestamp AS quotedTime,
    q.message_type AS quotedType, q.origin AS quotedOrigin, q.text_data AS quotedText,
    o.albumParent
  FROM message m
  LEFT JOIN chat c ON c._id = m.chat_row_id
  LEFT JOIN message_edit_info e ON e.message_row_id = m._id
  LEFT JOIN message_revoked r ON r.message_row_id = m._id
  LEFT JOIN message_forwarded f ON f.message_row_id = m._id
  LEFT JOIN message_ephemeral x ON x.message_row_id = m._id
  LEFT JOIN message_media d ON d.message_row_id = m._id
  LEFT JOIN message_text t ON t.message_row_id = m._id
  LEFT JOIN message_location l ON l.message_row_id = m._id
  LEFT JOIN message_poll p ON p.message_row_id = m._id
  LEFT JOIN message_event h ON h.message_row_id = m._id
  LEFT JOIN message_secret z ON z.message_row_id = m._id
  LEFT JOIN message_album a ON a.message_row_id = m._id
  LEFT JOIN message_group_invite g ON g.message_row_id = m._id
  LEFT JOIN message_call_log y ON y.message_row_id = m._id
  LEFT JOIN call_log k ON k._id = y.call_log_row_id
  LEFT JOIN message_system s ON s.message_row_id = m._id
  LEFT JOIN message_system_value_change v ON v.message_row_id = m._id
  LEFT JOIN message_system_number_change n ON n.message_row_id = m._id
  LEFT JOIN message_quoted q ON q.message_row_id = m._id
  LEFT JOIN (SELECT child_message_row_id, min(parent_message_row_id) AS albumParent FROM message_association GROUP BY 1) o
    ON o.child_message_row_id = m._id
  LEFT JOIN chat qc ON qc._id = q.chat_row_id
  ORDER BY m._id`;

/** The rows that the user deleted and the phone has not removed yet, by the rules of WhatsApp's `available_message_view`. */
export function deletedIds(database: Database.Database): Set<number> {
  const sql = `
    SELECT DISTINCT m._id FROM deleted_chat_job j JOIN message m ON m.chat_row_id = j.chat_row_id
    WHERE CASE WHEN coalesce(m.starred, 0) = 0
        THEN ${ORDER} <= coalesce(j.deleted_message_row_id, 1)
          OR (${IN_CATEGORY} AND ${ORDER} <= coalesce(j.deleted_categories_message_row_id, 1))
        ELSE ${ORDER} <= coalesce(j.deleted_starred_message_row_id, 1)
          OR (${IN_CATEGORY} AND ${ORDER} <= coalesce(j.deleted_categories_starred_message_row_id, 1))
      END
      OR coalesce(j.singular_message_delete_rows_id LIKE '%"' || m._id || '"%', 0)`;
  return new Set([...rowsOf(database, sql)].flatMap((row) => integer(row._id) ?? []));
}

const ORDER = 'CASE WHEN coalesce(m.sort_id, 0) > 0 THEN m.sort_id ELSE m._id END';
const IN_CATEGORY = `coalesce(instr(j.deleted_message_categories, '"' || coalesce(m.message_type, 0) || '"'), 0) > 0`;
