import type { SyntheticAccount } from './synthetic-account.js';
import type { Cell, TableWriter } from './table-writer.js';

/** The columns of a row that a trap sets. */
export type TrapRow = Record<string, Cell>;

/** Hands out row ids and usual values, so that a trap says only what is unusual about it. */
export class TrapKit {
  /** By trap, the ids of its rows in the message table. */
  readonly rows: Record<string, number[]> = {};
  #jidRow: number;
  #chatRow: number;
  #messageRow: number;
  #sideRow: number;

  constructor(
    readonly tables: TableWriter,
    readonly account: SyntheticAccount,
    firstFreeRow: number,
  ) {
    this.#jidRow = account.nextJidRow;
    this.#chatRow = account.nextChatRow;
    this.#messageRow = firstFreeRow;
    this.#sideRow = firstFreeRow * 8;
  }

  /** The id that the next message gets. */
  get nextMessageRow(): number {
    return this.#messageRow;
  }

  /** A time that is the same in every window of the account. */
  at(second: number): number {
    return this.account.options.startMs - 10_000_000 + second * 1000;
  }

  /** Adds an address and returns its row. */
  jid(address: string, row: TrapRow = {}): number {
    const at = address.lastIndexOf('@');
    const parts = { user: address.slice(0, at), server: address.slice(at + 1), raw_string: address };
    const id = this.#jidRow++;
    this.tables.add('jid', { _id: id, ...parts, agent: 0, device: 0, type: 0, ...row });
    return id;
  }

  /** Adds a person with a phone number and a LID that belong together; returns both rows. */
  person(number: number): { phone: number; lid: number } {
    const phone = this.jid(`49170${String(7_000_000 + number)}@s.whatsapp.net`);
    const lid = this.jid(`${String(200_000_000_000_000 + number)}@lid`, { type: 18 });
    this.tables.add('jid_map', { lid_row_id: lid, jid_row_id: phone, sort_id: number });
    return { phone, lid };
  }

  /** Adds a chat and returns its row. */
  chat(jidRow: Cell, row: TrapRow = {}): number {
    const id = this.#chatRow++;
    this.tables.add('chat', { _id: id, jid_row_id: jidRow, hidden: 0, created_timestamp: this.at(0), ...row });
    return id;
  }

  /** Adds a group of its own and returns its chat. */
  group(number: number): number {
    const jidRow = this.jid(`120363${String(900_000_000_000 + number)}@g.us`, { type: 1 });
    return this.chat(jidRow, { subject: `Trap ${String(number)}`, group_type: 0 });
  }

  /** Adds a message to a trap and returns its row. */
  message(trap: string, chatRow: Cell, row: TrapRow = {}): number {
    const id = this.#messageRow++;
    this.note(trap, id);
    this.tables.add('message', {
      _id: id,
      chat_row_id: chatRow,
      from_me: 0,
      key_id: `TRAP${trap.toUpperCase()}${String(this.rows[trap]?.length ?? 0)}`,
      sender_jid_row_id: 0,
      status: 0,
      origination_flags: 0,
      origin: 0,
      timestamp: this.at((id % 5000) + 1),
      received_timestamp: this.at((id % 5000) + 2),
      message_type: 0,
      text_data: `trap ${trap}`,
      starred: 0,
      sort_id: id,
      ...row,
    });
    return id;
  }

  /** Adds a reaction, a vote or what its type says; returns its row. */
  addOn(parent: Cell, type: number, row: TrapRow = {}): number {
    const id = this.#sideRow++;
    this.tables.add('message_add_on', {
      _id: id,
      from_me: 0,
      key_id: `ADDON${String(id)}`,
      sender_jid_row_id: 0,
      parent_message_row_id: parent,
      timestamp: this.at(6000),
      message_add_on_type: type,
      ...row,
    });
    return id;
  }

  /** Adds a legacy message to a trap and returns its row. */
  legacy(trap: string, chatJid: Cell, row: TrapRow = {}): number {
    const id = this.#messageRow++;
    this.note(trap, id);
    this.tables.add('messages', {
      _id: id,
      key_remote_jid: chatJid,
      key_from_me: 0,
      key_id: `TRAP${trap.toUpperCase()}${String(this.rows[trap]?.length ?? 0)}`,
      status: 0,
      data: `trap ${trap}`,
      timestamp: this.at((id % 5000) + 1),
      media_wa_type: '0',
      received_timestamp: this.at((id % 5000) + 2),
      ...row,
    });
    return id;
  }

  /** Returns a row id that is free in every side table. */
  sideRow(): number {
    return this.#sideRow++;
  }

  /** Sets a column of a message to bytes that SQLite takes for a text. */
  setText(table: 'message' | 'messages' | 'message_event', id: number, column: string, bytes: Buffer): void {
    if (this.tables.schema.get(table)?.has(column) !== true) return;
    const key = table === 'message_event' ? 'message_row_id' : '_id';
    this.tables.database.prepare(`UPDATE ${table} SET ${column} = CAST(? AS TEXT) WHERE ${key} = ?`).run(bytes, id);
  }

  /** Notes that a message is part of a trap. */
  note(trap: string, id: number): void {
    (this.rows[trap] ??= []).push(id);
  }
}
