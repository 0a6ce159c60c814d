import type { Cell } from './table-writer.js';
import type { TrapKit } from './trap-kit.js';

/** Beyond this a text makes its row malformed. */
const TEXT_MAX_BYTES = 1024 * 1024;

const HUGE = 2n ** 62n;

/** Texts that are valid in no usual way. Each is given to SQLite as bytes. */
export const oddTexts: readonly Buffer[] = [
  Buffer.from('nul\0in the middle'),
  Buffer.from('\0'),
  Buffer.from([0x61, 0xff, 0xfe, 0x62]),
  Buffer.from([0xc3, 0x28]),
  Buffer.from([0xe2, 0x82]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from([0xf4, 0x90, 0x80, 0x80]),
  Buffer.from('\ufeffbyte order mark'),
  Buffer.from('\u202eright to left\u202c'),
  Buffer.from('\u001b[31mred\u001b[0m\r\n\t\u0007'),
  Buffer.from('e\u0301 é \u{1f468}\u200d\u{1f469}\u200d\u{1f467}'),
];

/** Traps about what messages hold: texts, files, kinds, numbers, and nothing at all. */
export function writeContentTraps(kit: TrapKit): void {
  const alice = kit.person(41);
  const bob = kit.person(42);
  const direct = kit.chat(alice.phone);
  const group = kit.group(41);
  const add = (table: string, row: Record<string, Cell>): void => kit.tables.add(table, row);

  for (const bytes of oddTexts) kit.setText('message', kit.message('odd-text', direct), 'text_data', bytes);
  for (const value of ['', null, Buffer.from('a blob'), 42]) kit.message('odd-text', direct, { text_data: value });
  for (const length of [65_535, 65_536, 65_537, TEXT_MAX_BYTES])
    kit.message('long-text', direct, { text_data: 'x'.repeat(length) });
  kit.message('long-text', direct, { text_data: '界'.repeat(65_536 / 3 + 1) });
  kit.message('malformed', direct, { text_data: 'x'.repeat(TEXT_MAX_BYTES + 1) });

  const types = [
    0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 13, 14, 15, 16, 20, 23, 24, 25, 26, 27, 28, 32, 36, 42, 43, 44, 45, 46, 49,
  ];
  for (const type of [...types, 55, 56, 57, 62, 64, 66, 81, 82, 88, 90, 92, 94, 99, 103, 106, 110, 112, 116, 118]) {
    kit.message('every-type', group, { message_type: type, sender_jid_row_id: bob.phone });
  }
  for (const type of [1000, -3, null, 2 ** 33, HUGE, 'image'])
    kit.message('unknown-type', direct, { message_type: type });
  for (const status of [0, 1, 4, 5, 6, 8, 9, 10, 13, 17, -1, null]) {
    kit.message('every-status', direct, { status });
    kit.message('every-status', direct, { status, from_me: 1 });
  }

  const actions = [
    1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 21, 27, 28, 29, 30, 31, 32, 46, 47, 50, 52, 56, 57, 58,
    59,
  ];
  for (const action of [
    ...actions,
    67,
    68,
    69,
    70,
    75,
    78,
    79,
    81,
    82,
    84,
    85,
    87,
    91,
    108,
    118,
    129,
    132,
    134,
    136,
    144,
    149,
    155,
    165,
    9999,
    -1,
    null,
  ]) {
    const id = kit.message('every-action', group, { message_type: 7, status: 6, text_data: 'New value' });
    add('message_system', { message_row_id: id, action_type: action });
    for (const person of [alice.lid, bob.phone, 44_444_444, null]) {
      add('message_system_chat_participant', { message_row_id: id, user_jid_row_id: person });
    }
    add('message_system_value_change', { message_row_id: id, old_data: 'Old value' });
  }
  const numbers = kit.message('every-action', direct, { message_type: 7, text_data: null });
  add('message_system', { message_row_id: numbers, action_type: 28 });
  add('message_system_number_change', {
    message_row_id: numbers,
    old_jid_row_id: alice.phone,
    new_jid_row_id: bob.phone,
  });

  const media = (row: Record<string, Cell>, message: Record<string, Cell> = {}): void => {
    const id = kit.message('media', direct, { message_type: 1, ...message });
    add('message_media', { message_row_id: id, ...row });
  };
  const hash = Buffer.alloc(32, 7).toString('base64');
  media({
    file_path: '../../../etc/passwd',
    mime_type: 'image/jpeg',
    file_hash: hash,
    enc_file_hash: hash,
    media_key: Buffer.alloc(32, 9),
  });
  media({ file_path: '/absolute', file_size: 0, file_length: 17, file_hash: 'not base64!', width: -1, height: HUGE });
  media({
    file_size: null,
    file_length: 2 ** 40,
    file_hash: Buffer.alloc(31, 7).toString('base64'),
    media_key: Buffer.alloc(0),
  });
  media({
    file_size: -5,
    file_length: -6,
    media_duration: 2 ** 40,
    media_name: 'a\0b.pdf',
    media_key: Buffer.alloc(5, 1),
  });
  media({ file_size: HUGE, file_length: 3, mime_type: 'x'.repeat(4000) });
  media({ media_caption: 'the caption' }, { message_type: 9, text_data: null });
  media({ media_caption: 'the caption' }, { message_type: 9, text_data: 'the text' });
  media({ media_caption: 'not for pictures' }, { message_type: 1, text_data: '' });
  media({ raw_transcription_text: 'what was said', media_duration: 3 }, { message_type: 2, origin: 1 });
  media({}, { message_type: 42 });
  media({}, { message_type: 0 });

  const empty = kit.message(
    'null-everywhere',
    direct,
    nothing(
      'from_me sender_jid_row_id status origination_flags origin timestamp received_timestamp message_type text_data starred sort_id',
    ),
  );
  const tables =
    'message_media message_quoted message_text message_location message_poll message_album message_group_invite message_forwarded ' +
    'message_ephemeral message_edit_info message_revoked message_system message_system_value_change message_call_log message_secret ' +
    'message_event';
  for (const table of tables.split(' ')) add(table, { message_row_id: empty });
  add('message_vcard', { message_row_id: empty, vcard: null });
  add('message_mentions', { message_row_id: empty, jid_row_id: null });
  add('message_association', { child_message_row_id: empty, parent_message_row_id: null, association_type: null });
  add('missed_call_logs', { message_row_id: null, timestamp: null });
  add('message_mentions', { message_row_id: null, jid_row_id: alice.lid });

  const huge = kit.message('huge-numbers', direct, { status: HUGE, origination_flags: HUGE, origin: HUGE, starred: 2 });
  add('message_forwarded', { message_row_id: huge, forward_score: HUGE });
  add('message_ephemeral', { message_row_id: huge, duration: HUGE, expire_timestamp: HUGE });
  add('message_album', { message_row_id: huge, image_count: 2 ** 40, video_count: -1 });
  add('message_location', {
    message_row_id: huge,
    latitude: 1e308,
    longitude: -181,
    live_location_share_duration: HUGE,
  });
  add('receipt_user', { message_row_id: huge, receipt_user_jid_row_id: HUGE, receipt_timestamp: HUGE });

  const forwarded = (flags: Cell, score?: Cell): void => {
    const id = kit.message('forwarded', direct, { origination_flags: flags });
    if (score !== undefined) add('message_forwarded', { message_row_id: id, forward_score: score });
  };
  forwarded(1);
  forwarded(3);
  forwarded(2);
  forwarded(1, 127);
  forwarded(0, 5);
  forwarded(1, 0);
  forwarded(1, null);

  const quoted = (chat: number, row: Record<string, Cell>): void => {
    const id = kit.message('quoted', chat, { from_me: 1 });
    add('message_quoted', {
      message_row_id: id,
      parent_message_chat_row_id: chat,
      from_me: 0,
      timestamp: kit.at(5),
      message_type: 0,
      ...row,
    });
  };
  // A private reply to a message of a group, an original that is gone, one of the owner, one whose chat is gone.
  quoted(direct, { chat_row_id: group, sender_jid_row_id: bob.lid, key_id: 'INGROUP', text_data: 'said in the group' });
  quoted(group, {
    chat_row_id: group,
    sender_jid_row_id: bob.phone,
    key_id: 'GONE',
    message_type: 1,
    text_data: 'a caption',
  });
  quoted(direct, { chat_row_id: direct, from_me: 1, key_id: 'MINE', message_type: 2, origin: 1, text_data: null });
  quoted(direct, { chat_row_id: 33_333_333, key_id: 'LOSTCHAT', timestamp: -1 });
  quoted(direct, { chat_row_id: direct, key_id: null, message_type: 999 });

  const mentioning = kit.message('mentions', group, { text_data: '@1 @2', sender_jid_row_id: bob.phone });
  for (const person of [bob.lid, alice.lid, alice.phone, bob.lid, 33_333_333, 0]) {
    add('message_mentions', { message_row_id: mentioning, jid_row_id: person });
  }
  const cards = kit.message('contacts', direct, { message_type: 14, text_data: null });
  for (const vcard of [
    'BEGIN:VCARD\nFN:Ünal 🦊\nEND:VCARD',
    '',
    null,
    'no vCard at all',
    `BEGIN:VCARD\nNOTE:${'n'.repeat(70_000)}`,
  ]) {
    add('message_vcard', { message_row_id: cards, vcard });
  }

  const album = kit.message('album', direct, { message_type: 99, from_me: 1, text_data: null });
  add('message_album', { message_row_id: album, image_count: 2, video_count: 0 });
  for (const parent of [album, album, 33_333_333]) {
    const child = kit.message('album', direct, { message_type: 1, from_me: 1, text_data: null });
    add('message_association', { child_message_row_id: child, parent_message_row_id: parent, association_type: 2 });
  }

  const preview = (row: Record<string, Cell>): void =>
    add('message_text', { message_row_id: kit.message('preview', direct), ...row });
  preview({ url: 'https://example.org', page_title: 'Title', description: 'About' });
  preview({ page_title: 'Only a title' });
  preview({ font_style: 2, background_color: -16_777_216 });

  const call = (type: number, row?: Record<string, Cell>): void => {
    const id = kit.message('calls', group, { message_type: type, text_data: null });
    const callRow = kit.sideRow();
    if (row === undefined) return;
    add('call_log', { _id: callRow, from_me: 0, call_id: `call:${String(callRow)}`, ...row });
    add('message_call_log', { message_row_id: id, call_log_row_id: callRow });
  };
  call(90, { video_call: 1, duration: 12, call_result: 5, bytes_transferred: null });
  call(90, { video_call: 0, duration: 0, call_result: 5 });
  for (const result of [2, 3, 4, 7, null, HUGE]) call(90, { duration: result === 4 ? null : 0, call_result: result });
  call(90, { duration: 3, call_result: 2, group_jid_row_id: kit.jid('120363900000000777@g.us', { type: 1 }) });
  call(90);
  call(8);
  call(10);
  const lostCall = kit.message('calls', group, { message_type: 90, text_data: null });
  add('message_call_log', { message_row_id: lostCall, call_log_row_id: 33_333_333 });
  const missed = kit.message('calls', direct, { message_type: 10, text_data: null });
  add('missed_call_logs', { message_row_id: missed, timestamp: kit.at(1), video_call: 1, group_jid_row_id: 0 });

  for (const expiration of [kit.at(1), 1_700_000_000]) {
    add('message_group_invite', {
      message_row_id: kit.message('invite', direct, { message_type: 24, text_data: 'Come in' }),
      group_jid_row_id: 33_333_333,
      group_name: 'Gone',
      invite_code: 'CODE',
      expiration,
    });
  }
  for (const expire of [0, -1, kit.at(700)]) {
    add('message_ephemeral', {
      message_row_id: kit.message('ephemeral', direct),
      duration: 1,
      expire_timestamp: expire,
    });
  }
  add('message_future', {
    message_row_id: kit.message('unknown-type', direct, { message_type: 12 }),
    version: 9,
    data: Buffer.from([8, 1]),
  });
}

function nothing(columns: string): Record<string, null> {
  return Object.fromEntries(columns.split(' ').map((name) => [name, null]));
}
