import type { SyntheticAccount } from './synthetic-account.js';
import type { SyntheticMessage } from './synthetic-message.js';
import type { RowName } from './modern-row-columns.js';
import { hexDigits, type Random } from './synthetic-random.js';
import type { RowWriter } from './table-writer.js';

/** The first type of add-on is a reaction, the second a vote, the third an answer to an event. */
const REACTION = 56;
const VOTE = 67;
const RESPONSE = 93;

/** Writes what others do with a message: reactions, votes, answers, receipts. */
export class ModernAddOns {
  reactions = 0;
  readonly #account: SyntheticAccount;
  readonly #rows: Record<RowName, RowWriter>;
  #addOnId: number;
  #optionId: number;

  /** `random` stands at the message that is being written. */
  constructor(
    account: SyntheticAccount,
    rows: Record<RowName, RowWriter>,
    readonly random: Random,
    rowBase: number,
  ) {
    this.#account = account;
    this.#rows = rows;
    this.#addOnId = this.#optionId = rowBase;
  }

  /** Writes one to four reactions, each of somebody of the chat; `changed` ones were taken back since. */
  react(message: SyntheticMessage, id: number, changed: boolean): void {
    const random = this.random;
    const { members } = message.chat;
    for (let count = 1 + random.below(members.length > 0 ? 4 : 1); count > 0; count--) {
      const fromMe = random.chance(2000) || (members.length === 0 && message.chat.person < 0);
      const person = members.length > 0 ? random.pick(members) : message.chat.person;
      const sender = fromMe ? 0 : this.#account.jidRowOf(person, random.next() % 2 === 0);
      const at = message.sentMs + 5000 + count;
      const emoji = random.chance(300) ? '' : this.#account.words.emoji(random);
      this.#addOn(message, id, REACTION, fromMe, sender, hexDigits(random, 4), at);
      this.#rows.message_add_on_reaction(this.#addOnId, changed ? '' : emoji, changed ? at + 50_000 : at);
      this.reactions++;
    }
  }

  /** Writes a poll with its options and votes. */
  poll(message: SyntheticMessage, id: number): void {
    const random = this.random;
    const count = 2 + random.below(4);
    const first = this.#optionId + 1;
    this.#rows.message_poll(id, random.below(2), random.chance(3000) ? message.sentMs + 86_400_000 : null);
    for (let n = 0; n < count; n++)
      this.#rows.message_poll_option(++this.#optionId, id, this.#account.words.name(random), random.below(4));
    const voters = message.chat.members.length > 0 ? message.chat.members.slice(0, 6) : [message.chat.person];
    for (const voter of voters) {
      const fromMe = random.chance(2000) || voter < 0;
      this.#addOn(
        message,
        id,
        VOTE,
        fromMe,
        fromMe ? 0 : this.#account.jidRowOf(voter, true),
        hexDigits(random, 4),
        message.sentMs + 9000,
      );
      this.#rows.message_add_on_poll_vote(this.#addOnId, message.sentMs + 9000 + random.below(9));
      if (random.chance(9000))
        this.#rows.message_add_on_poll_vote_selected_option(this.#addOnId, first + random.below(count));
    }
  }

  /** Writes an event with the answers to it. */
  event(message: SyntheticMessage, id: number): void {
    const random = this.random;
    const { words } = this.#account;
    const placed = random.chance(6000);
    const startMs = message.sentMs + 86_400_000;
    this.#rows.message_event(
      id,
      random.chance(1000) ? 1 : 0,
      words.name(random),
      random.chance(5000) ? words.text(random) : null,
      placed ? random.below(18_000_000) / 100_000 - 90 : null,
      placed ? random.below(36_000_000) / 100_000 - 180 : null,
      placed ? words.name(random) : null,
      placed && random.chance(5000) ? words.text(random) : null,
      placed ? null : `https://call.whatsapp.com/video/${hexDigits(random, 4)}`,
      startMs,
      random.chance(5000) ? startMs + 3_600_000 : null,
      random.below(2),
      placed ? 0 : 1,
    );
    const { members, person } = message.chat;
    for (const guest of members.length > 0 ? members.slice(0, 6) : [person]) {
      const fromMe = random.chance(2000) || guest < 0;
      const sender = fromMe ? 0 : this.#account.jidRowOf(guest, random.next() % 2 === 0);
      const at = message.sentMs + 9000;
      this.#addOn(message, id, RESPONSE, fromMe, sender, hexDigits(random, 4), at);
      const guests = random.chance(3000) ? 1 + random.below(3) : null;
      this.#rows.message_add_on_event_response(this.#addOnId, random.below(4), at + random.below(9), guests);
    }
  }

  /** Writes how far an own message got, for each receiver. */
  receipts(message: SyntheticMessage, id: number, status: number): void {
    if (status < 5) return;
    const read = status === 13 ? message.sentMs + 40_000 : null;
    const receivers = message.chat.members.length > 0 ? message.chat.members.slice(0, 8) : [message.chat.person];
    for (const person of receivers)
      this.#rows.receipt_user(id, this.#account.jidRowOf(person, true), message.sentMs + 3000, read, null);
  }

  #addOn(
    message: SyntheticMessage,
    id: number,
    type: number,
    fromMe: boolean,
    sender: number,
    key: string,
    at: number,
  ): void {
    const chat = message.inTwin ? message.chat.twinRowId : message.chat.rowId;
    this.#rows.message_add_on(++this.#addOnId, chat, fromMe ? 1 : 0, key, sender, id, at, type);
  }
}
