import type { Cell } from './table-writer.js';
import { oddTexts } from './trap-content.js';
import type { TrapKit } from './trap-kit.js';

/** Traps of the legacy tables. */
export function writeLegacyTraps(kit: TrapKit): void {
  const add = (table: string, row: Record<string, Cell>): void => kit.tables.add(table, row);
  const alice = '491709000001@s.whatsapp.net';
  const bob = '491709000002@s.whatsapp.net';
  const group = '491709000001-1400000000@g.us';

  kit.note('sentinel', 1);
  for (const address of ['', null, 'nobody', '@g.us', 'a b@s.whatsapp.net', 'a@b@c'])
    kit.legacy('legacy-malformed', address);
  for (const key of [null, '', 'K'.repeat(129), 'with\0nul']) kit.legacy('legacy-malformed', alice, { key_id: key });
  for (const address of ['491709000003:4@s.whatsapp.net', '491709000004@S.WHATSAPP.NET', '491709000005@c.us']) {
    kit.legacy('legacy-address', address);
    kit.legacy('legacy-address', group, { remote_resource: address });
  }
  for (const sender of [null, '', 'nobody', alice]) kit.legacy('legacy-sender', group, { remote_resource: sender });
  kit.legacy('legacy-sender', 'status@broadcast', { remote_resource: '0@s.whatsapp.net', media_wa_type: '1' });
  kit.legacy('legacy-sender', '1390000000@broadcast', { key_from_me: 1, remote_resource: '' });
  kit.legacy('legacy-sender', alice, { remote_resource: bob });

  for (const bytes of oddTexts) kit.setText('messages', kit.legacy('legacy-text', alice), 'data', bytes);
  kit.legacy('legacy-text', alice, { data: 'x'.repeat(65_537) });
  kit.legacy('legacy-malformed', alice, { data: 'x'.repeat(1024 * 1024 + 1) });
  kit.legacy('legacy-text', alice, { data: null, media_caption: 'caption', media_wa_type: '1' });
  for (const type of [
    '0',
    '1',
    '2',
    '3',
    '4',
    '5',
    '8',
    '9',
    '10',
    '13',
    '14',
    '15',
    '16',
    '20',
    '23',
    '24',
    '64',
    '99',
    '-1',
    null,
    'abc',
    '',
  ]) {
    kit.legacy('legacy-type', alice, { media_wa_type: type });
  }
  kit.legacy('legacy-type', alice, { media_wa_type: '2', origin: 1, media_duration: 7, media_size: 2n ** 60n });
  for (const action of [1, 4, 12, 18, 19, 400, null]) {
    kit.legacy('legacy-system', group, { status: 6, media_size: action, data: 'New value', remote_resource: alice });
  }
  kit.legacy('legacy-system', alice, { status: 6, media_wa_type: '1', media_size: 12 });
  for (const me of [0, 1])
    kit.legacy('legacy-revoked', alice, { key_from_me: me, edit_version: 7, data: 'left over', media_mime_type: 'x' });
  for (const version of [0, 1, 3, null]) kit.legacy('legacy-revoked', alice, { edit_version: version });

  kit.legacy('legacy-contact', alice, {
    media_wa_type: '4',
    data: 'BEGIN:VCARD\nFN:Carol\nEND:VCARD',
    media_name: 'Carol',
  });
  const cards = kit.legacy('legacy-contact', alice, { media_wa_type: '14', data: null });
  for (const vcard of ['BEGIN:VCARD\nFN:Dan\nEND:VCARD', null, 'BEGIN:VCARD\nFN:Eve\nEND:VCARD']) {
    add('messages_vcards', { message_row_id: cards, sender_jid: alice, chat_jid: alice, vcard });
  }
  kit.legacy('legacy-location', alice, {
    media_wa_type: '5',
    latitude: 52.5,
    longitude: 13.4,
    media_name: 'Berlin',
    data: null,
  });
  kit.legacy('legacy-mentions', group, { mentioned_jids: `${bob},${alice}, ${bob} ,nobody,,` });
  for (const score of [0, 1, 5, 127, null, -1]) kit.legacy('legacy-forwarded', alice, { forwarded: score });

  const quote = (row: Record<string, Cell>, chat = group): void => {
    const id = kit.sideRow();
    add('messages_quotes', {
      _id: id,
      key_remote_jid: group,
      key_from_me: 0,
      key_id: 'QUOTED',
      data: 'quoted',
      media_wa_type: '0',
      ...row,
    });
    kit.legacy('legacy-quoted', chat, { quoted_row_id: id, key_from_me: 1 });
  };
  quote({ remote_resource: bob, timestamp: kit.at(4) });
  quote({ key_from_me: 1, media_wa_type: '1', data: null, media_caption: 'caption' });
  quote({ remote_resource: alice }, bob);
  quote({ key_remote_jid: alice, remote_resource: null, media_wa_type: null, data: null }, alice);
  for (const row of [0, -1, null, 2n ** 60n, 77_777_777]) kit.legacy('legacy-quoted', alice, { quoted_row_id: row });

  for (const chat of [alice, bob, group]) {
    kit.legacy('legacy-equal-ids', chat, { key_id: 'EQUAL', remote_resource: alice });
    kit.legacy('legacy-equal-ids', chat, { key_id: 'EQUAL', key_from_me: 1 });
  }
  for (const time of [0, -1, null, 253_402_300_800_000, 2n ** 60n])
    kit.legacy('legacy-time', alice, { timestamp: time, received_timestamp: time });
  for (let number = 0; number < 50; number++) kit.legacy('legacy-one-instant', alice, { timestamp: kit.at(8000) });
  kit.legacy('legacy-null', alice, {
    key_from_me: null,
    status: null,
    data: null,
    media_wa_type: null,
    timestamp: null,
    received_timestamp: null,
  });
  writeDuplicates(kit, alice, group);
}

/** In a transitional file the same message may stand in both tables; the modern row counts. */
function writeDuplicates(kit: TrapKit, alice: string, group: string): void {
  if (!kit.tables.has('message')) return;
  const modernAlice = kit.chat(kit.jid(alice));
  const modernGroup = kit.chat(kit.jid(group, { type: 1 }), { subject: 'Both' });
  const sender = kit.jid('491709000099@s.whatsapp.net');
  kit.message('in-both-tables', modernAlice, { key_id: 'BOTH1' });
  kit.legacy('in-both-tables', alice, { key_id: 'BOTH1' });
  kit.message('in-both-tables', modernGroup, { key_id: 'BOTH2', sender_jid_row_id: sender });
  kit.legacy('in-both-tables', group, { key_id: 'BOTH2', remote_resource: '491709000099@s.whatsapp.net' });
  kit.message('in-both-tables', modernAlice, { key_id: 'BOTH3', from_me: 1 });
  kit.legacy('in-both-tables', alice, { key_id: 'BOTH3', key_from_me: 0 });
  const revoked = kit.message('in-both-tables', modernAlice, {
    key_id: 'BOTHREVOKE',
    message_type: 15,
    text_data: null,
  });
  kit.tables.add('message_revoked', { message_row_id: revoked, revoked_key_id: 'BOTH4' });
  kit.legacy('in-both-tables', alice, { key_id: 'BOTH4' });
  kit.legacy('in-both-tables', alice, { key_id: 'BOTHREVOKE' });
}
