import {
  addOnTable,
  addOnType,
  eventResponseTable,
  pollVoteTable,
  reactionTable,
  selectedOptionTable,
} from './add-on-tables.js';
import { type Actor, LatestByActor, type UnresolvedLids } from './actors.js';
import type { Address, Addresses } from './addresses.js';
import { Related } from './children.js';
import type { ImportFile } from './import-file.js';
import type {
  EventFields,
  LocationFields,
  PollFields,
  ReactionFields,
  ResponseFields,
  VoteFields,
} from './message-fields.js';
import type { ModernSides } from './modern-sides.js';
import type { Row, Value } from './schema.js';
import { eventTable, pollOptionTable, pollTable, SECRET_BYTES, secretTable } from './tables.js';
import { bytesOf, doubleOf, statedTimeOf, textOf, timeOf, uint32Of, wholeOf } from './value.js';

const at = addOnTable.at;

const NO_REACTIONS: readonly ReactionFields[] = [];

/** Reads what others did to a message: reactions, votes and answers, each the last of its person; and what is voted on or answered. */
export class ModernAddOns {
  private readonly addresses: Addresses;
  private readonly lids: UnresolvedLids;
  private readonly reactionRows: Related | undefined;
  private readonly voteRows: Related | undefined;
  private readonly selected: Related | undefined;
  private readonly events: Related | undefined;
  private readonly responseRows: Related | undefined;
  private readonly secrets: Related | undefined;

  constructor(
    file: ImportFile,
    private readonly sides: ModernSides,
  ) {
    this.addresses = file.addresses;
    this.lids = file.lids;
    this.reactionRows = Related.open(file.keyset, reactionTable, file.indexes);
    this.voteRows = Related.open(file.keyset, pollVoteTable, file.indexes);
    this.selected = Related.open(file.keyset, selectedOptionTable, file.indexes);
    this.events = Related.open(file.keyset, eventTable, file.indexes);
    this.secrets = Related.open(file.keyset, secretTable, file.indexes);
    this.responseRows = Related.open(file.keyset, eventResponseTable, file.indexes);
  }

  /** Returns the reactions of a message; those that were removed have no emoji. */
  reactions(id: number, chat: Address): readonly ReactionFields[] {
    const rows = this.sides.addOns.all(id);
    if (rows.length === 0) return NO_REACTIONS;
    const latest = new LatestByActor<ReactionFields>();
    for (const row of rows) {
      if (row[at.message_add_on_type] !== addOnType.reaction) continue;
      const reaction = this.reactionRows?.first(wholeOf(row[0]));
      const actor = reaction && this.actorOf(row, chat);
      if (reaction === undefined || actor === undefined) continue;
      const reactMs = timeOf(reaction[reactionTable.at.sender_timestamp]) || timeOf(row[at.timestamp]);
      const emoji = textOf(reaction[reactionTable.at.reaction]);
      latest.add(actor, reactMs, { senderJid: actor.jid, fromMe: actor.fromMe, emoji, reactMs });
    }
    return latest.sorted();
  }

  /** Returns the poll of a message, or undefined when it has none. */
  poll(id: number, chat: Address): PollFields | undefined {
    const row = this.sides.poll.first(id);
    const optionRows = this.sides.pollOptions.all(id);
    if (row === undefined && optionRows.length === 0) return undefined;
    const ranks = new Map(optionRows.map((option, rank) => [wholeOf(option[0]), rank]));
    return {
      options: optionRows.map((option) => ({
        name: textOf(option[pollOptionTable.at.option_name]),
        voteTotal: uint32Of(option[pollOptionTable.at.vote_total]),
      })),
      selectableCount: uint32Of(row?.[pollTable.at.selectable_options_count]),
      endMs: timeOf(row?.[pollTable.at.end_time]),
      votes: this.votes(id, chat, ranks),
    };
  }

  /** Returns the name of an event, '' when it has none. */
  eventName(id: number): string {
    return textOf(this.events?.first(id)?.[eventTable.at.name]);
  }

  /** Returns what is said of an event, or undefined when the file has nothing. Answers are kept without their event, too. */
  event(id: number, chat: Address): EventFields | undefined {
    const row = this.events?.first(id);
    const responses = this.responses(id, chat);
    if (row === undefined && responses.length === 0) return undefined;
    const column = eventTable.at;
    return {
      description: textOf(row?.[column.description]),
      location: row && placeOf(row),
      joinLink: textOf(row?.[column.join_link]),
      startMs: statedTimeOf(row?.[column.start_time]),
      endMs: statedTimeOf(row?.[column.end_time]),
      canceled: wholeOf(row?.[column.is_canceled]) !== 0,
      extraGuestsAllowed: wholeOf(row?.[column.allow_extra_guests]) !== 0,
      callScheduled: wholeOf(row?.[column.is_schedule_call]) !== 0,
      responses,
    };
  }

  /**
   * Returns what opens the votes of a poll, the answers to an event or the edits of any message, when the file has it. Half of all messages have
   * a row with a secret, so that it is asked for where it is of use only. The first polls had it in their own row, where the protocol has it, too.
   */
  secret(id: number): Buffer | undefined {
    const own = this.secrets?.first(id)?.[secretTable.at.message_secret];
    return secretOf(own) ?? secretOf(this.sides.poll.first(id)?.[pollTable.at.enc_key]);
  }

  private responses(id: number, chat: Address): ResponseFields[] {
    const latest = new LatestByActor<ResponseFields>();
    const column = eventResponseTable.at;
    for (const row of this.sides.addOns.all(id)) {
      if (row[at.message_add_on_type] !== addOnType.eventResponse) continue;
      const response = this.responseRows?.first(wholeOf(row[0]));
      const actor = response && this.actorOf(row, chat);
      if (response === undefined || actor === undefined) continue;
      const responseMs = timeOf(response[column.sender_timestamp]) || timeOf(row[at.timestamp]);
      const answer = uint32Of(response[column.response]);
      latest.add(actor, responseMs, {
        responderJid: actor.jid,
        fromMe: actor.fromMe,
        answer: answer <= LAST_ANSWER ? answer : 0,
        extraGuestCount: uint32Of(response[column.extra_guest_count]),
        responseMs,
      });
    }
    return latest.sorted();
  }

  private votes(id: number, chat: Address, ranks: ReadonlyMap<number, number>): VoteFields[] {
    const latest = new LatestByActor<VoteFields>();
    for (const row of this.sides.addOns.all(id)) {
      if (row[at.message_add_on_type] !== addOnType.pollVote) continue;
      const vote = this.voteRows?.first(wholeOf(row[0]));
      const actor = vote && this.actorOf(row, chat);
      if (vote === undefined || actor === undefined) continue;
      const voteMs = timeOf(vote[pollVoteTable.at.sender_timestamp]) || timeOf(row[at.timestamp]);
      const optionIndexes = this.optionIndexes(wholeOf(row[0]), ranks);
      latest.add(actor, voteMs, { voterJid: actor.jid, fromMe: actor.fromMe, optionIndexes, voteMs });
    }
    return latest.sorted();
  }

  private optionIndexes(addOnId: number, ranks: ReadonlyMap<number, number>): number[] {
    const indexes = new Set<number>();
    for (const row of this.selected?.of(addOnId) ?? []) {
      const rank = ranks.get(wholeOf(row[selectedOptionTable.at.message_poll_option_id]));
      if (rank !== undefined) indexes.add(rank);
    }
    return [...indexes].sort((a, b) => a - b);
  }

  /** Returns who did something; somebody whom the file does not name is nobody. In a direct chat it may be left unsaid. */
  private actorOf(row: Row, chat: Address): Actor | undefined {
    if (wholeOf(row[at.from_me]) !== 0) return { fromMe: true, jid: '' };
    const senderRowId = wholeOf(row[at.sender_jid_row_id]);
    const address = senderRowId === 0 && chat.person ? chat : this.addresses.known(senderRowId);
    const jid = this.lids.use(address);
    return jid === '' ? undefined : { fromMe: false, jid };
  }
}

/** The last number of the public `EventAnswer`, which are those of WhatsApp. */
const LAST_ANSWER = 3;

function secretOf(value: Value | undefined): Buffer | undefined {
  const bytes = bytesOf(value);
  return bytes?.length === SECRET_BYTES ? bytes : undefined;
}

/** Where an event takes place; undefined when its row does not say. */
function placeOf(row: Row): LocationFields | undefined {
  const column = eventTable.at;
  const place = {
    latitude: doubleOf(row[column.location_latitude]),
    longitude: doubleOf(row[column.location_longitude]),
    name: textOf(row[column.location_name]),
    address: textOf(row[column.location_address]),
  };
  const isSaid = place.latitude !== 0 || place.longitude !== 0 || place.name !== '' || place.address !== '';
  return isSaid ? { ...place, liveDurationSeconds: 0, finalLatitude: 0, finalLongitude: 0, finalMs: 0 } : undefined;
}
