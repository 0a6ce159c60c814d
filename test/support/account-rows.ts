import type { SyntheticAccount, SyntheticChat } from './synthetic-account.js';
import type { TableWriter } from './table-writer.js';

/** Writes people and chats as rows of the modern tables; returns how many members the groups have. */
export function writeModernAccount(account: SyntheticAccount, tables: TableWriter): number {
  const { options } = account;
  const jid = tables.into('jid', '_id user server agent device type raw_string');
  const map = tables.into('jid_map', 'lid_row_id jid_row_id sort_id');
  const name = tables.into('lid_display_name', 'lid_row_id display_name username');
  const addJid = (row: number, address: string, type: number): void => {
    const [user = '', server = ''] = address.split('@');
    jid(row, user, server, 0, 0, type, address);
  };
  account.people.forEach((person, index) => {
    if (person.phoneRow !== 0) addJid(person.phoneRow, person.phone, 0);
    if (person.lidRow === 0) return;
    addJid(person.lidRow, person.lid, 18);
    if (person.mapped) map(person.lidRow, person.phoneRow, index);
    name(person.lidRow, person.name, index % 17 === 0 ? `user.${String(index)}` : null);
  });
  const chatRow = tables.into(
    'chat',
    '_id jid_row_id hidden subject created_timestamp archived sort_timestamp ephemeral_expiration unseen_message_count group_type',
  );
  const newsletter = tables.into(
    'newsletter',
    'chat_row_id name name_id description description_id picture_id preview_id subscribers_count membership privacy verified ' +
      'muted oldest_message_retrieved',
  );
  let members = 0;
  for (const chat of account.chats) {
    if (chat.person < 0) addJid(chat.jidRow, chat.jid, chat.kind === 'group' ? 1 : 5);
    const subject = chat.kind === 'group' ? chat.subject : null;
    const archived = chat.rank % 9 === 8 ? 1 : 0;
    chatRow(
      chat.rowId,
      chat.jidRow,
      0,
      subject,
      chat.createdMs,
      archived,
      options.startMs,
      chat.ephemeralSeconds,
      chat.rank % 6,
      0,
    );
    if (chat.twinRowId !== 0) {
      const twinJid = account.jidRowOf(chat.person, true);
      chatRow(chat.twinRowId, twinJid, 0, null, chat.createdMs + 5000, 0, options.startMs, 0, 0, 0);
      tables.add('lid_chat_state', { jid_row_id: twinJid, pnh_duplicate_lid_thread: 1 });
    }
    if (chat.kind === 'newsletter') newsletter(chat.rowId, chat.subject, 1, '', 1, 0, 0, 99, 1, 0, 0, 0, 1);
    if (chat.kind === 'group') members += writeMembers(account, chat, tables);
  }
  tables.add('props', { key: 'user_push_name', value: 'Owner' });
  return members;
}

function writeMembers(account: SyntheticAccount, chat: SyntheticChat, tables: TableWriter): number {
  const member = tables.into(
    'group_participant_user',
    'group_jid_row_id user_jid_row_id rank pending add_timestamp label',
  );
  const past = tables.into('group_past_participant_user', 'group_jid_row_id user_jid_row_id is_leave timestamp');
  let count = 0;
  chat.members.forEach((person, at) => {
    const row = account.jidRowOf(person, at % 3 !== 0);
    if (at % 11 === 10) return past(chat.jidRow, row, at & 1, chat.createdMs + at * 1000);
    const label = at % 13 === 5 ? 'Coach' : null;
    member(
      chat.jidRow,
      row,
      at === 0 ? 2 : at % 7 === 1 ? 1 : 0,
      at % 19 === 12 ? 1 : 0,
      chat.createdMs + at * 60_000,
      label,
    );
    count++;
  });
  return count;
}

/** Writes people and chats as the legacy tables have them; returns how many members the groups have. */
export function writeLegacyAccount(account: SyntheticAccount, tables: TableWriter): number {
  const list = tables.into('chat_list', 'key_remote_jid subject creation archived sort_timestamp unseen_message_count');
  const member = tables.into('group_participants', 'gjid jid admin pending');
  let members = 0;
  for (const chat of account.chats) {
    const group = chat.kind === 'group';
    list(
      chat.jid,
      group ? chat.subject : null,
      chat.createdMs,
      chat.rank % 9 === 8 ? 1 : 0,
      account.options.startMs,
      0,
    );
    if (!group) continue;
    // The empty address is the owner of the account.
    member(chat.jid, '', 0, 0);
    chat.members.forEach((person, at) =>
      member(chat.jid, account.jidOf(person, false), at === 0 ? 2 : at % 7 === 1 ? 1 : 0, 0),
    );
    members += chat.members.length + 1;
  }
  return members;
}
