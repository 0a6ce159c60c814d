import type Database from 'better-sqlite3';
import { isPerson, type Addresses } from './oracle-addresses.js';
import {
  byCodeUnits,
  type ExpectedCall,
  type ExpectedEvent,
  type ExpectedPoll,
  type ExpectedReaction,
  type ExpectedVote,
} from './oracle-message.js';
import { count32, flag, groupRows, int32, integer, real, text, time, type Row } from './oracle-tables.js';

/** The tables that hold several rows a message. */
export class Sides {
  readonly #reactions: Map<number, Row[]>;
  readonly #votes: Map<number, Row[]>;
  readonly #responses: Map<number, Row[]>;
  readonly #chosen: Map<number, Row[]>;
  readonly #options: Map<number, Row[]>;
  readonly #mentions: Map<number, Row[]>;
  readonly #vcards: Map<number, Row[]>;
  readonly #participants: Map<number, Row[]>;
  readonly #missedCalls: Map<number, Row[]>;

  constructor(
    database: Database.Database,
    readonly addresses: Addresses,
  ) {
    const group = (column: string, sql: string): Map<number, Row[]> => groupRows(database, column, sql);
    this.#reactions = group(
      'parent_message_row_id',
      `SELECT a._id, a.parent_message_row_id, a.from_me, a.sender_jid_row_id, a.timestamp, r.reaction, r.sender_timestamp
       FROM message_add_on_reaction r JOIN message_add_on a ON a._id = r.message_add_on_row_id
       ORDER BY a._id`,
    );
    this.#votes = group(
      'parent_message_row_id',
      `SELECT a._id, a.parent_message_row_id, a.from_me, a.sender_jid_row_id, a.timestamp, v.sender_timestamp
       FROM message_add_on_poll_vote v JOIN message_add_on a ON a._id = v.message_add_on_row_id
       ORDER BY a._id`,
    );
    this.#responses = group(
      'parent_message_row_id',
      `SELECT a._id, a.parent_message_row_id, a.from_me, a.sender_jid_row_id, a.timestamp, e.response, e.sender_timestamp,
         e.extra_guest_count
       FROM message_add_on_event_response e JOIN message_add_on a ON a._id = e.message_add_on_row_id
       WHERE a.message_add_on_type = 93 ORDER BY a._id`,
    );
    this.#chosen = group(
      'message_add_on_row_id',
      'SELECT * FROM message_add_on_poll_vote_selected_option ORDER BY _id',
    );
    this.#options = group('message_row_id', 'SELECT * FROM message_poll_option ORDER BY _id');
    this.#mentions = group('message_row_id', 'SELECT * FROM message_mentions ORDER BY _id');
    this.#vcards = group('message_row_id', 'SELECT * FROM message_vcard ORDER BY _id');
    this.#participants = group('message_row_id', 'SELECT * FROM message_system_chat_participant ORDER BY _id');
    this.#missedCalls = group('message_row_id', 'SELECT * FROM missed_call_logs ORDER BY _id');
  }

  /** Returns the last reaction of each person, in the API's order; one without emoji was taken back. */
  reactions(rowId: number, chatJid: string): ExpectedReaction[] {
    return this.#last(this.#reactions.get(rowId), chatJid).map(({ row, jid, fromMe }) => ({
      senderJid: jid,
      fromMe,
      emoji: text(row.reaction),
      reactMs: addOnTime(row),
    }));
  }

  /** Returns the options of a poll with the last vote of each person. */
  poll(rowId: number, chatJid: string, row: Row): ExpectedPoll | undefined {
    const options = this.#options.get(rowId) ?? [];
    if (row.pollRow === null && options.length === 0) return undefined;
    const ranks = new Map(options.map((option, rank) => [integer(option._id), rank]));
    const votes = this.#last(this.#votes.get(rowId), chatJid).map(({ row: vote, jid, fromMe }): ExpectedVote => {
      const chosen = this.#chosen.get(integer(vote._id) ?? 0) ?? [];
      const indexes = chosen.flatMap((choice) => ranks.get(integer(choice.message_poll_option_id)) ?? []);
      const optionIndexes = [...new Set(indexes)].sort((left, right) => left - right);
      return { voterJid: jid, fromMe, optionIndexes, voteMs: addOnTime(vote) };
    });
    return {
      options: options.map((option) => ({ name: text(option.option_name), voteTotal: count32(option.vote_total) })),
      selectableCount: count32(row.selectable_options_count),
      endMs: time(row.end_time),
      votes: votes.filter(({ optionIndexes }) => optionIndexes.length > 0),
      withdrawnVotes: votes.filter(({ optionIndexes }) => optionIndexes.length === 0),
    };
  }

  /** Returns an event with the last answer of each person; answers are kept without a row that says what they are about. */
  event(rowId: number, chatJid: string, row: Row): ExpectedEvent | undefined {
    const responses = this.#last(this.#responses.get(rowId), chatJid).map(({ row: told, jid, fromMe }) => ({
      responderJid: jid,
      fromMe,
      answer: ['UNSPECIFIED', 'GOING', 'NOT_GOING', 'MAYBE'][count32(told.response)] ?? 'UNSPECIFIED',
      extraGuestCount: count32(told.extra_guest_count),
      responseMs: addOnTime(told),
    }));
    if (row.eventRow === null && responses.length === 0) return undefined;
    const [latitude, longitude] = [real(row.location_latitude), real(row.location_longitude)];
    const [name, address] = [text(row.location_name), text(row.location_address)];
    const nowhere = { liveDurationSeconds: 0, finalLatitude: 0, finalLongitude: 0, finalMs: undefined };
    const hasPlace = latitude !== 0 || longitude !== 0 || name !== '' || address !== '';
    return {
      description: text(row.eventAbout),
      location: hasPlace ? { latitude, longitude, name, address, ...nowhere } : undefined,
      joinLink: text(row.join_link),
      startMs: statedTime(row.eventStart),
      endMs: statedTime(row.eventEnd),
      canceled: flag(row.is_canceled),
      extraGuestsAllowed: flag(row.allow_extra_guests),
      callScheduled: flag(row.is_schedule_call),
      responses,
    };
  }

  /** Returns whom a message mentions, ascending, each once. */
  mentions(rowId: number): string[] {
    const jids = (this.#mentions.get(rowId) ?? []).flatMap(
      (row) => this.addresses.byRow.get(integer(row.jid_row_id) ?? 0) ?? [],
    );
    return [...new Set(jids)].sort(byCodeUnits);
  }

  /** Returns the vCards of a message. */
  vcards(rowId: number): string[] {
    return (this.#vcards.get(rowId) ?? []).map((row) => text(row.vcard)).filter((vcard) => vcard !== '');
  }

  /** Returns whom a system message is about, in the order given. */
  participants(rowId: number): string[] {
    return (this.#participants.get(rowId) ?? []).flatMap(
      (row) => this.addresses.byRow.get(integer(row.user_jid_row_id) ?? 0) ?? [],
    );
  }

  /** Returns the call of a message: from `call_log` where the row is linked to one, else from `missed_call_logs`. */
  call(rowId: number, row: Row): ExpectedCall | undefined {
    if (row.callRow !== null) {
      const duration = count32(row.duration);
      const result = int32(row.call_result);
      const refused = result === 2 || result === 3 || result === 4;
      return {
        callId: text(row.call_id),
        video: flag(row.video_call),
        durationSeconds: duration,
        outcome: duration > 0 || result === 5 ? 'ANSWERED' : refused ? 'NOT_ANSWERED' : 'UNSPECIFIED',
        groupJid: this.addresses.byRow.get(integer(row.callGroup) ?? 0) ?? '',
        waResult: result,
      };
    }
    const missed = this.#missedCalls.get(rowId)?.[0];
    if (missed === undefined) return undefined;
    return {
      callId: '',
      video: flag(missed.video_call),
      durationSeconds: 0,
      outcome: 'NOT_ANSWERED',
      groupJid: this.addresses.byRow.get(integer(missed.group_jid_row_id) ?? 0) ?? '',
      waResult: 0,
    };
  }

  #last(rows: Row[] | undefined, chatJid: string): { row: Row; jid: string; fromMe: boolean }[] {
    const last = new Map<string, { row: Row; jid: string; fromMe: boolean }>();
    const stamp = (row: Row): number => addOnTime(row) ?? 0;
    for (const row of rows ?? []) {
      const fromMe = flag(row.from_me);
      const senderRow = integer(row.sender_jid_row_id) ?? 0;
      const stated = this.addresses.byRow.get(senderRow);
      const jid = fromMe ? '' : (stated ?? (senderRow === 0 && isPerson(chatJid) ? chatJid : ''));
      // Somebody whom nobody can name is nobody.
      if (!fromMe && jid === '') continue;
      const known = last.get(`${String(fromMe)} ${jid}`);
      if (known === undefined || stamp(row) >= stamp(known.row))
        last.set(`${String(fromMe)} ${jid}`, { row, jid, fromMe });
    }
    return [...last.values()].sort(
      (left, right) => Number(left.fromMe) - Number(right.fromMe) || byCodeUnits(left.jid, right.jid),
    );
  }
}

/** A time that an event or an invitation states: in ms, or, when that would be before 1973, in seconds. */
export function statedTime(value: unknown): number | undefined {
  const ms = time(value);
  return ms !== undefined && ms < 100_000_000_000 ? ms * 1000 : ms;
}

/** When somebody reacted or voted: by their own clock, else by the phone's. */
function addOnTime(row: Row): number | undefined {
  return time(row.sender_timestamp) ?? time(row.timestamp);
}
