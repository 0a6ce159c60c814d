import { setImmediate } from 'node:timers/promises';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { LiveActor, OptionHash, VoteOpener } from '../domain/live-event.js';
import { MessageKind, type MessageKey } from '../gen/scrollback/v1/message_pb.js';
import { type Commit, keyOf } from './commit.js';
import { FactsPile } from './facts-pile.js';
import { identityKeyOf } from './identity.js';
import { voteFacts } from './live-facts.js';
import { sealOf } from './merge-hidden.js';
import type { MessageFacts } from './merge-message.js';
import { mergePartial } from './merge-partial.js';
import { indexesOf, loadFacts, openSealed } from './settle-facts.js';

/** How a vote names its options: by their hashes, so that its poll must be known to say which they are. */
export interface ChosenOptions {
  key: MessageKey;
  actor: LiveActor;
  choices: OptionHash[];
  voteMs: number;
}

/** What became of facts that were merged. */
export type PartialOutcome = Awaited<ReturnType<typeof mergePartial>>;

/**
 * What the events of a commit say of messages without saying what is in them: reactions, receipts, votes, answers. It is merged once for each
 * message, because whoever merges reads and writes all that is stored of it: to a message in a large group thousands react. As
 * everything is joined, it does not matter when; but nothing else of the same message may be recorded before it is settled.
 */
export class GatheredFacts {
  readonly #of = new Map<string, Gathered>();
  #worked = 0;

  /** `count` is told what became of what so many events said. */
  constructor(
    private readonly commit: Commit,
    private readonly openVote: VoteOpener,
    private readonly count: (outcome: PartialOutcome, events: number) => void,
  ) {}

  /** Adds facts with resolved addresses. The totals of the chat must be loaded. */
  add(chatNumber: number, facts: MessageFacts): void {
    const gathered = this.#gathered(chatNumber, keyOf(facts));
    (facts.hidden.sealedVotes.length > 0 ? gathered.sealed : gathered.facts).push(facts);
  }

  /** Adds an answer to an event, which counts only if it is one. */
  addResponse(chatNumber: number, facts: MessageFacts): void {
    this.#gathered(chatNumber, keyOf(facts)).responses.push(facts);
  }

  /** Adds a vote, which counts only if its poll is there and has the options. */
  addVote(chatNumber: number, vote: ChosenOptions): void {
    this.#gathered(chatNumber, vote.key).votes.push(vote);
  }

  /** Merges what is said of one message. */
  async settle(chatNumber: number, key: MessageKey): Promise<void> {
    const name = nameOf(chatNumber, key);
    const gathered = this.#of.get(name);
    if (gathered === undefined) return;
    this.#of.delete(name);
    await this.#merge(gathered);
  }

  /** Merges everything. */
  async settleAll(): Promise<void> {
    for (const [name, gathered] of this.#of) {
      this.#of.delete(name);
      await this.#merge(gathered);
    }
  }

  #gathered(chatNumber: number, key: MessageKey): Gathered {
    const name = nameOf(chatNumber, key);
    let gathered = this.#of.get(name);
    if (gathered === undefined) {
      gathered = { chatNumber, key, facts: [], sealed: [], votes: [], responses: [] };
      this.#of.set(name, gathered);
    }
    return gathered;
  }

  async #merge({ chatNumber, key, facts, sealed, votes, responses }: Gathered): Promise<void> {
    const { commit } = this;
    const told = [...facts];
    // Of most messages nobody asks what is stored: the merge reads it.
    const asks = sealed.length + votes.length + responses.length > 0;
    const stored = asks ? await loadFacts(commit, chatNumber, key) : undefined;
    const options = stored?.message.poll?.options;
    for (const { actor, choices, voteMs } of options === undefined ? [] : votes) {
      const indexes = indexesOf(options ?? [], choices);
      if (indexes.length === choices.length) told.push(voteFacts(key, actor, indexes, timestampFromMs(voteMs)));
    }
    if (stored?.message.kind === MessageKind.EVENT) told.push(...responses);
    const pile = new FactsPile();
    const add = async (one: MessageFacts): Promise<void> => {
      if (++this.#worked % FACTS_BETWEEN_TURNS === 0) await setImmediate();
      pile.add(one);
    };
    for (const one of told) await add(one);
    const opened = await openSealed(
      commit,
      stored,
      sealed.flatMap(({ hidden }) => hidden.sealedVotes),
      this.openVote,
    );
    for (const one of opened.told) await add(one);
    for (const one of sealed) {
      if (!one.hidden.sealedVotes.every((vote) => opened.seals.has(sealOf(vote)))) await add(one);
    }
    const joined = pile.joined();
    if (joined === undefined) return;
    const outcome = await mergePartial(commit, chatNumber, joined, opened.seals);
    this.count(outcome, told.length + sealed.length);
  }
}

interface Gathered {
  chatNumber: number;
  key: MessageKey;
  facts: MessageFacts[];
  sealed: MessageFacts[];
  votes: ChosenOptions[];
  responses: MessageFacts[];
}

function nameOf(chatNumber: number, key: MessageKey): string {
  return identityKeyOf(chatNumber, key).toString('latin1');
}

/** Some milliseconds of joining: then the other links, and whoever reads, have their turn. */
const FACTS_BETWEEN_TURNS = 32;
