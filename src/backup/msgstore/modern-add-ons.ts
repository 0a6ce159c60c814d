import { type Actor, LatestByActor, type UnresolvedLids } from './actors.js';
import type { Address, Addresses } from './addresses.js';
import { Related } from './children.js';
import type { ImportFile } from './import-file.js';
import type { PollFields, ReactionFields, VoteFields } from './message-fields.js';
import type { ModernSides } from './modern-sides.js';
import type { Row } from './schema.js';
import {
  addOnTable,
  addOnType,
  pollOptionTable,
  pollTable,
  pollVoteTable,
  reactionTable,
  selectedOptionTable,
} from './tables.js';
import { textOf, timeOf, uint32Of, wholeOf } from './value.js';

const at = addOnTable.at;

const NO_REACTIONS: readonly ReactionFields[] = [];

/** Reads what others did to a message: reactions and votes, each the last of its person. */
export class ModernAddOns {
  private readonly addresses: Addresses;
  private readonly lids: UnresolvedLids;
  private readonly reactionRows: Related | undefined;
  private readonly voteRows: Related | undefined;
  private readonly selected: Related | undefined;

  constructor(
    file: ImportFile,
    private readonly sides: ModernSides,
  ) {
    this.addresses = file.addresses;
    this.lids = file.lids;
    this.reactionRows = Related.open(file.keyset, reactionTable, file.indexes);
    this.voteRows = Related.open(file.keyset, pollVoteTable, file.indexes);
    this.selected = Related.open(file.keyset, selectedOptionTable, file.indexes);
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
