import type { TrapKit } from './trap-kit.js';

/** Traps about who, where and which: rows that are no messages, addresses, collisions, order. */
export function writeIdentityTraps(kit: TrapKit): void {
  const alice = kit.person(1);
  const bob = kit.person(2);
  const direct = kit.chat(alice.phone);
  const group = kit.group(1);

  kit.note('sentinel', 1);
  kit.message('orphan', 99_999_999);
  kit.message('orphan', kit.chat(88_888_888));
  kit.message('orphan', kit.chat(null));
  kit.message('orphan', null);
  kit.message('orphan', 2n ** 60n);

  // A device's address, an address in capitals, one with the device still in the user, the old name of the server.
  for (const [number, address] of [
    '491707000010.1:12@s.whatsapp.net',
    '491707000011@S.WhatsApp.Net',
    '491707000012:3@s.whatsapp.net',
    '491707000013@c.us',
    '200000000000010:7@lid',
    '491707000010:99@hosted',
  ].entries()) {
    const row = kit.jid(address, { agent: number % 2, device: number });
    kit.message('device-address', group, { sender_jid_row_id: row });
    kit.message('device-address', kit.chat(row));
  }
  const rawOnly = kit.jid('491707000014@s.whatsapp.net', { user: null, server: null });
  kit.message('device-address', group, { sender_jid_row_id: rawOnly });
  kit.message('old-group-id', kit.chat(kit.jid('491707000015-1390000000@g.us', { type: 1 }), { subject: 'Old' }));
  for (const address of ['12@temp', '13@bot', '14@hosted', '15@hosted.lid', '16@status_me', '0@s.whatsapp.net']) {
    kit.message('other-server', kit.chat(kit.jid(address)), { sender_jid_row_id: bob.phone });
  }

  for (const address of [
    '@s.whatsapp.net',
    'a b@s.whatsapp.net',
    'x@',
    'ü@g.us',
    `${'9'.repeat(130)}@g.us`,
    'a\0b@g.us',
  ]) {
    kit.message('malformed', kit.chat(kit.jid(address)));
  }
  for (const key of [null, '', 'K'.repeat(129), 'ü'.repeat(65), 'with\0nul'])
    kit.message('malformed', direct, { key_id: key });
  kit.message('longest-id', direct, { key_id: 'K'.repeat(128) });
  kit.message('longest-id', direct, { key_id: 'ü'.repeat(64) });

  for (const sender of [0, null, 77_777_777, -5, 2n ** 60n])
    kit.message('no-sender', group, { sender_jid_row_id: sender });
  kit.message('no-sender', direct, { sender_jid_row_id: null });
  kit.message('no-sender', group, { from_me: null, sender_jid_row_id: alice.phone });

  // One person with a phone chat and a LID chat; the same message may be in both.
  const lidChat = kit.chat(alice.lid);
  for (let number = 0; number < 10; number++) {
    const row = {
      key_id: `TWIN${String(number)}`,
      timestamp: kit.at(7000 + number),
      received_timestamp: kit.at(7001 + number),
    };
    if (number % 3 !== 1) kit.message('two-chats-one-person', direct, { ...row, text_data: `twin ${String(number)}` });
    if (number % 3 !== 0) kit.message('two-chats-one-person', lidChat, { ...row, text_data: `twin ${String(number)}` });
  }
  const lidOnly = kit.jid('200000000000500@lid', { type: 18 });
  kit.tables.add('lid_display_name', { lid_row_id: lidOnly, display_name: 'Unresolved', username: 'un.resolved' });
  kit.message('unresolvable-lid', kit.chat(lidOnly));
  kit.message('unresolvable-lid', group, { sender_jid_row_id: lidOnly });
  kit.tables.add('lid_display_name', { lid_row_id: bob.lid, display_name: '+49∙∙∙∙∙∙∙22', username: null });
  kit.tables.add('lid_display_name', { lid_row_id: alice.lid, display_name: 'Alice 🦊', username: '' });
  kit.message('masked-name', group, { sender_jid_row_id: bob.lid });
  kit.message('masked-name', group, { sender_jid_row_id: alice.phone });
  // Mappings that lead nowhere.
  const lost = kit.jid('200000000000501@lid', { type: 18 });
  kit.tables.add('jid_map', { lid_row_id: lost, jid_row_id: 66_666_666 });
  kit.message('unresolvable-lid', group, { sender_jid_row_id: lost });
  const loop = kit.jid('200000000000502@lid', { type: 18 });
  kit.tables.add('jid_map', { lid_row_id: loop, jid_row_id: loop });
  kit.message('unresolvable-lid', group, { sender_jid_row_id: loop });
  const secondLid = kit.jid('200000000000503@lid', { type: 18 });
  kit.tables.add('jid_map', { lid_row_id: secondLid, jid_row_id: alice.phone });
  kit.message('phone-then-lid', group, { sender_jid_row_id: secondLid });
  for (let number = 0; number < 6; number++) {
    kit.message('phone-then-lid', group, { sender_jid_row_id: number < 3 ? bob.phone : bob.lid });
  }
  // The same message, once with the sender's phone number and once with the LID.
  const same = { key_id: 'SAMESENDER', timestamp: kit.at(7100), received_timestamp: kit.at(7101) };
  kit.message('phone-then-lid', group, { ...same, sender_jid_row_id: bob.phone });
  kit.message('phone-then-lid', group, { ...same, sender_jid_row_id: bob.lid });

  const account = kit.person(3);
  kit.message('account-jid', kit.chat(account.lid, { account_jid_row_id: account.phone }));

  for (const chat of [direct, group, kit.chat(bob.phone)]) {
    kit.message('equal-ids', chat, { key_id: 'EQUAL', sender_jid_row_id: alice.phone });
    kit.message('equal-ids', chat, { key_id: 'EQUAL', from_me: 1, sender_jid_row_id: 0 });
  }
  kit.message('equal-ids', group, { key_id: 'EQUAL', sender_jid_row_id: bob.phone });

  const crowd = kit.group(2);
  const base = kit.nextMessageRow;
  for (let number = 0; number < 1000; number++) {
    const sender = number % 2 === 0 ? alice.phone : bob.lid;
    const sortId = number < 500 ? base + 999 - number : 0;
    kit.message('one-instant', crowd, { timestamp: kit.at(8000), sender_jid_row_id: sender, sort_id: sortId });
  }
  for (const timestamp of [
    0,
    -1,
    null,
    4_102_444_800_000,
    253_402_300_799_999,
    253_402_300_800_000,
    2n ** 60n,
    'soon',
  ]) {
    kit.message('odd-time', direct, { timestamp, received_timestamp: timestamp });
  }
  for (const sortId of [0, -1, null, 2n ** 55n]) kit.message('odd-order', direct, { sort_id: sortId });
}
