import { describeTable } from './schema.js';
import { idText, jidText, number, shortText, text } from './tables.js';

/** The legacy message table (until about May 2022); its addresses are texts. */
export const legacyTable = describeTable(
  'messages',
  '_id',
  {
    key_remote_jid: jidText,
    key_from_me: number,
    key_id: idText,
    status: number,
    data: text,
    timestamp: number,
    received_timestamp: number,
    media_wa_type: { text: 16 },
    media_url: shortText,
    media_mime_type: shortText,
    media_size: number,
    media_name: shortText,
    media_caption: text,
    media_hash: shortText,
    media_enc_hash: shortText,
    media_duration: number,
    origin: number,
    latitude: number,
    longitude: number,
    remote_resource: jidText,
    starred: number,
    quoted_row_id: number,
    mentioned_jids: text,
    edit_version: number,
    forwarded: number,
  },
  ['key_remote_jid', 'key_from_me', 'key_id', 'timestamp', 'data'],
);

export const legacyQuoteTable = describeTable('messages_quotes', '_id', {
  key_remote_jid: jidText,
  key_from_me: number,
  key_id: idText,
  data: text,
  timestamp: number,
  media_wa_type: { text: 16 },
  origin: number,
  media_caption: text,
  remote_resource: jidText,
});

export const legacyVcardTable = describeTable('messages_vcards', 'rowid', { message_row_id: number, vcard: text }, [
  'message_row_id',
]);

export const legacyChatTable = describeTable(
  'chat_list',
  'rowid',
  { key_remote_jid: jidText, subject: shortText, creation: number, archived: number },
  ['key_remote_jid'],
);

export const legacyMemberTable = describeTable(
  'group_participants',
  'rowid',
  { gjid: jidText, jid: jidText, admin: number, pending: number },
  ['gjid', 'jid'],
);
