import { oddTexts } from './trap-content.js';
import type { Cell } from './table-writer.js';
import type { TrapKit } from './trap-kit.js';

const RESPONSE = 93;

/** Traps about events and the answers to them. */
export function writeEventTraps(kit: TrapKit): void {
  const alice = kit.person(61);
  const bob = kit.person(62);
  const stranger = kit.jid('400000000000061@lid', { type: 18 });
  const direct = kit.chat(alice.phone);
  const group = kit.group(61);
  const add = (table: string, row: Record<string, Cell>): void => kit.tables.add(table, row);

  const message = (chat: number, row: Record<string, Cell> = {}): number =>
    kit.message('event', chat, { message_type: 92, text_data: null, sender_jid_row_id: bob.phone, ...row });
  const event = (row: Record<string, Cell>, more: Record<string, Cell> = {}, chat = group): number => {
    const id = message(chat, more);
    add('message_event', { message_row_id: id, name: 'Summer party', start_time: kit.at(90_000), ...row });
    return id;
  };
  const answer = (parent: Cell, response: Cell, at: Cell, row: Record<string, Cell>, guests: Cell = null): void => {
    const id = kit.addOn(parent, RESPONSE, row);
    add('message_add_on_event_response', {
      message_add_on_row_id: id,
      response,
      sender_timestamp: at,
      extra_guest_count: guests,
    });
  };

  const whole = event({
    is_canceled: 0,
    description: 'With a barbecue',
    location_latitude: 52.5,
    location_longitude: 13.4,
    location_name: 'The park',
    location_address: 'Park street 1',
    join_link: 'https://call.whatsapp.com/video/trap',
    end_time: kit.at(99_000),
    allow_extra_guests: 1,
    is_schedule_call: 1,
  });
  // Each person once, the last answer, by number and by LID; the owner; somebody whose number nobody knows.
  answer(whole, 1, kit.at(10), { sender_jid_row_id: alice.phone }, 2);
  answer(whole, 2, kit.at(12), { sender_jid_row_id: alice.lid });
  answer(whole, 3, kit.at(11), { sender_jid_row_id: alice.phone }, 1);
  answer(whole, 3, kit.at(10), { sender_jid_row_id: bob.lid }, 4);
  answer(whole, 1, kit.at(10), { sender_jid_row_id: stranger });
  answer(whole, 1, kit.at(10), { from_me: 1 });
  // Of nobody, with an answer that this version does not know, without a row of its own, and one that is none.
  answer(whole, 1, kit.at(10), { sender_jid_row_id: 0 });
  answer(whole, 1, kit.at(10), { sender_jid_row_id: 55_555_555 });
  const odd = event({ is_canceled: 1, name: 'Called off' }, { text_data: 'the old name' });
  answer(odd, 7, kit.at(10), { sender_jid_row_id: alice.phone }, 2 ** 40);
  answer(odd, null, null, { sender_jid_row_id: bob.phone, timestamp: kit.at(20) }, -1);
  kit.addOn(odd, RESPONSE, { from_me: 1 });
  answer(odd, 1, kit.at(10), { from_me: 1, message_add_on_type: 68 });
  // In a direct chat the other person is not named.
  const inDirect = event({ name: 'Lunch' }, { from_me: 1, sender_jid_row_id: 0 }, direct);
  answer(inDirect, 1, kit.at(10), { sender_jid_row_id: 0 });
  // Answers without the event's row, of no event, of nothing.
  answer(message(group, { text_data: 'only answers' }), 1, kit.at(10), { sender_jid_row_id: alice.lid });
  answer(kit.message('event', group), 1, kit.at(10), { sender_jid_row_id: alice.lid });
  answer(44_444_444, 1, kit.at(10), { sender_jid_row_id: alice.lid });
  answer(null, 1, null, { from_me: null });
  // Rows of no event.
  add('message_event', { message_row_id: kit.message('event', group), name: 'Of a text', start_time: kit.at(1) });
  add('message_event', { message_row_id: 44_444_445, name: 'Of nothing', start_time: kit.at(1) });

  event({ name: null, start_time: null }, { text_data: 'the text is its name' });
  event({ name: '', start_time: 0, location_latitude: 0, location_longitude: 0, location_name: '' });
  event({ name: 'x'.repeat(4096) });
  event({ name: 'x'.repeat(4097) }, { text_data: 'instead of a long one' });
  event({ name: Buffer.from('a blob'), description: 42, location_latitude: 'north', start_time: 'soon' });
  event({
    start_time: 1_700_000_000,
    end_time: -1,
    is_canceled: 2,
    location_latitude: 1e308,
    location_longitude: -181,
  });
  event({ start_time: 2n ** 62n, end_time: kit.at(1) + 0.5, location_name: 'only a name' });
  // What opens votes and answers has 32 bytes, and belongs to polls and events.
  const hasSecret = (id: number, secret: Cell, ofPoll?: Cell): void => {
    add('message_secret', { message_row_id: id, message_secret: secret });
    if (ofPoll !== undefined) add('message_poll', { message_row_id: id, enc_key: ofPoll });
  };
  const secretOf = (byte: number, bytes = 32): Buffer => Buffer.alloc(bytes, byte);
  const poll = (): number => kit.message('secret', group, { message_type: 66, text_data: 'And this one?' });
  for (const length of [32, 31, 33, 0]) hasSecret(event({ name: 'Sealed' }), secretOf(1, length));
  hasSecret(kit.message('secret', group), secretOf(2));
  hasSecret(kit.message('secret', group, { message_type: 15, text_data: null }), secretOf(2));
  hasSecret(poll(), secretOf(3), secretOf(4));
  hasSecret(poll(), null, secretOf(4));
  hasSecret(poll(), 'x'.repeat(32), secretOf(4, 31));
  hasSecret(poll(), 32);
  hasSecret(poll(), secretOf(3, 31), secretOf(4));
  add('message_poll', { message_row_id: poll(), enc_key: secretOf(5) });
  hasSecret(44_444_446, secretOf(6));

  for (const bytes of oddTexts) {
    const id = event({});
    for (const column of ['name', 'description', 'location_address', 'join_link']) {
      kit.setText('message_event', id, column, bytes);
    }
  }
}
