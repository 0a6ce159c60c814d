import type { TrapKit } from './trap-kit.js';
import type { Cell } from './table-writer.js';

const REACTION = 56;
const VOTE = 67;

/** Traps about what happens to messages: deletions, edits, revocations, reactions, votes. */
export function writeChangeTraps(kit: TrapKit): void {
  writeDeletions(kit);
  const alice = kit.person(21);
  const bob = kit.person(22);
  const direct = kit.chat(alice.phone);
  const group = kit.group(21);
  const add = (table: string, row: Record<string, Cell>): void => kit.tables.add(table, row);

  const edit = (chat: number, keyId: string, original: Cell, row: Record<string, Cell> = {}): number => {
    const id = kit.message('edited', chat, { key_id: keyId, ...row });
    add('message_edit_info', {
      message_row_id: id,
      original_key_id: original,
      edited_timestamp: kit.at(9000),
      sender_timestamp: kit.at(8999),
    });
    return id;
  };
  edit(direct, 'EDIT1', 'ORIGINAL1');
  edit(direct, 'ORIGINAL2', 'ORIGINAL2', { from_me: 1 });
  edit(group, 'EDIT3', '', { sender_jid_row_id: bob.lid });
  edit(group, 'EDIT4', null, { sender_jid_row_id: bob.lid });
  edit(group, 'EDIT5', 'O'.repeat(129));
  const quoting = kit.message('edited', direct, { from_me: 1 });
  const quote = {
    chat_row_id: direct,
    parent_message_chat_row_id: direct,
    from_me: 0,
    timestamp: kit.at(1),
    message_type: 0,
  };
  add('message_quoted', { message_row_id: quoting, ...quote, key_id: 'EDIT1', text_data: 'as it was' });

  const revoke = (
    chat: number,
    type: number,
    keyId: string,
    revoked: Cell,
    admin: Cell,
    row: Record<string, Cell> = {},
  ): number => {
    const id = kit.message('revoked', chat, { key_id: keyId, message_type: type, text_data: null, ...row });
    add('message_revoked', {
      message_row_id: id,
      revoked_key_id: revoked,
      admin_jid_row_id: admin,
      revoke_timestamp: kit.at(9100),
    });
    return id;
  };
  revoke(direct, 15, 'REVOKE1', 'REVOKED1', null);
  revoke(direct, 15, 'REVOKED2', 'REVOKED2', 0, { from_me: 1 });
  revoke(group, 64, 'REVOKE3', 'REVOKED3', bob.lid, { sender_jid_row_id: alice.phone });
  revoke(group, 64, 'REVOKE4', '', null, { sender_jid_row_id: alice.phone });
  revoke(group, 15, 'REVOKE5', null, alice.lid, { sender_jid_row_id: bob.phone });
  kit.message('revoked', direct, { key_id: 'REVOKE6', message_type: 15 });
  // Not revoked: the row in the side table alone does not make it so.
  revoke(direct, 0, 'NOTREVOKED', 'ELSE', null, { text_data: 'still here' });
  const leftover = revoke(direct, 15, 'REVOKE7', 'REVOKED7', null, { text_data: 'left over', starred: 1 });
  add('message_media', { message_row_id: leftover, mime_type: 'image/jpeg', file_path: 'Media/x.jpg' });
  add('message_edit_info', {
    message_row_id: leftover,
    original_key_id: 'FIRST7',
    edited_timestamp: kit.at(1),
    sender_timestamp: 0,
  });

  const react = (parent: Cell, emoji: Cell, at: Cell, row: Record<string, Cell> = {}): void => {
    const id = kit.addOn(parent, REACTION, row);
    add('message_add_on_reaction', { message_add_on_row_id: id, reaction: emoji, sender_timestamp: at });
  };
  const reacted = kit.message('reactions', group, { sender_jid_row_id: bob.phone });
  react(reacted, '👍', kit.at(10), { sender_jid_row_id: alice.phone });
  react(reacted, '❤️', kit.at(12), { sender_jid_row_id: alice.lid });
  react(reacted, '😂', kit.at(11), { sender_jid_row_id: alice.phone });
  react(reacted, '👨‍👩‍👧‍👦', kit.at(10), { from_me: 1 });
  react(reacted, '🔥', kit.at(10), { sender_jid_row_id: bob.lid });
  react(reacted, '', kit.at(13), { sender_jid_row_id: bob.phone });
  react(reacted, '🙈', kit.at(10), { sender_jid_row_id: 0 });
  react(reacted, '🙈', kit.at(10), { sender_jid_row_id: 55_555_555 });
  const removed = kit.message('reactions', group);
  react(removed, null, kit.at(14), { sender_jid_row_id: alice.lid });
  react(removed, '', kit.at(14), { from_me: 1 });
  const inDirect = kit.message('reactions', direct, { from_me: 1 });
  react(inDirect, '👍', null, { sender_jid_row_id: 0, timestamp: kit.at(20) });
  react(inDirect, '👎', kit.at(20), { sender_jid_row_id: null });
  react(inDirect, '✔️', kit.at(-1), { from_me: 1, sender_jid_row_id: alice.phone });
  react(inDirect, '✖️', kit.at(-1), { from_me: 1 });
  react(leftover, '😢', kit.at(30), { sender_jid_row_id: 0 });
  react(44_444_444, '👻', kit.at(10));
  react(null, '👻', null, { from_me: null, timestamp: null });
  kit.addOn(reacted, REACTION, { sender_jid_row_id: alice.phone, timestamp: kit.at(99) });
  for (const type of [68, 74, 79, 93, null]) kit.addOn(reacted, Number(type), { message_add_on_type: type });
  add('message_add_on_reaction', { message_add_on_row_id: 33_333_333, reaction: '👻', sender_timestamp: 1 });

  const poll = (options: string[], row: Record<string, Cell> = {}): { id: number; options: number[] } => {
    const id = kit.message('poll', group, { message_type: 66, text_data: 'Which one?', ...row });
    const rows = options.map((name) => {
      const option = kit.sideRow();
      add('message_poll_option', { _id: option, message_row_id: id, option_name: name, vote_total: 1 });
      return option;
    });
    return { id, options: rows };
  };
  const vote = (parent: number, at: Cell, options: Cell[], row: Record<string, Cell>): void => {
    const id = kit.addOn(parent, VOTE, row);
    add('message_add_on_poll_vote', { message_add_on_row_id: id, sender_timestamp: at });
    for (const option of options) {
      add('message_add_on_poll_vote_selected_option', { message_add_on_row_id: id, message_poll_option_id: option });
    }
  };
  const first = poll(['red', 'green', 'blue'], { sender_jid_row_id: alice.phone });
  add('message_poll', { message_row_id: first.id, selectable_options_count: 0, end_time: kit.at(99_999) });
  const [red = 0, green = 0, blue = 0] = first.options;
  vote(first.id, kit.at(10), [red], { sender_jid_row_id: bob.phone });
  vote(first.id, kit.at(11), [blue, green, blue], { sender_jid_row_id: bob.lid });
  vote(first.id, kit.at(10), [red], { sender_jid_row_id: alice.phone });
  vote(first.id, kit.at(12), [], { sender_jid_row_id: alice.phone });
  const second = poll(['x'], { message_type: 106, from_me: 1 });
  vote(first.id, kit.at(15), [second.options[0] ?? 0, red, 22_222_222], { from_me: 1 });
  // A poll without its row, and a row without options.
  vote(second.id, kit.at(10), [second.options[0] ?? 0], { sender_jid_row_id: bob.lid });
  const empty = poll([]);
  add('message_poll', { message_row_id: empty.id, selectable_options_count: null, end_time: null });
  vote(empty.id, null, [red], { sender_jid_row_id: bob.lid, timestamp: null });
}

/** `deleted_chat_job`: what the user deleted and the phone has not removed yet. */
function writeDeletions(kit: TrapKit): void {
  const deletionOf = (chat: number, row: Record<string, Cell>): void =>
    kit.tables.add('deleted_chat_job', { chat_row_id: chat, block_size: 100, ...row });

  const plain = kit.chat(kit.person(11).phone);
  const first = kit.nextMessageRow;
  for (let number = 0; number < 8; number++) kit.message('deleted', plain, { starred: number % 2 });
  kit.message('deleted', plain, { sort_id: 0 });
  kit.message('deleted', plain, { sort_id: first + 1 });
  kit.message('deleted', plain, { starred: 2, sort_id: null });
  deletionOf(plain, { deleted_message_row_id: first + 4, deleted_starred_message_row_id: first + 1 });

  const zero = kit.chat(kit.person(12).phone);
  const last = kit.nextMessageRow;
  kit.message('deleted', zero, { sort_id: 0 });
  kit.message('deleted', zero, { sort_id: 0 });
  deletionOf(zero, { deleted_message_row_id: last, deleted_starred_message_row_id: 1 });

  const categories = kit.group(12);
  const from = kit.nextMessageRow;
  for (const type of [1, 3, 0, 13, 31, 1, 3]) kit.message('deleted', categories, { message_type: type });
  for (const type of [1, 1, 3]) kit.message('deleted', categories, { message_type: type, starred: 1 });
  deletionOf(categories, {
    deleted_message_categories: '["1","3"]',
    deleted_categories_message_row_id: from + 5,
    deleted_categories_starred_message_row_id: from + 7,
  });

  const twice = kit.group(13);
  const start = kit.nextMessageRow;
  for (let number = 0; number < 4; number++) kit.message('deleted', twice);
  deletionOf(twice, { deleted_message_row_id: start });
  deletionOf(twice, { deleted_message_row_id: start + 2 });

  const single = kit.group(14);
  const picked = kit.nextMessageRow;
  for (let number = 0; number < 4; number++) kit.message('deleted-singly', single);
  deletionOf(single, { singular_message_delete_rows_id: `["${String(picked)}","${String(picked + 2)}"]` });

  const nothing = kit.group(15);
  kit.message('deleted', nothing);
  deletionOf(nothing, {});
  deletionOf(11_111_111, { deleted_message_row_id: 2n ** 60n });
}
