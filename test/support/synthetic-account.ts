import { Random } from './synthetic-random.js';
import type { Generation } from './synthetic-schema.js';
import { Words } from './synthetic-text.js';

/** Somebody whom the account knows. */
export interface SyntheticPerson {
  /** Phone JID, '' when only the LID is known. */
  phone: string;
  /** LID, '' when there is none. */
  lid: string;
  /** True when `jid_map` says that both are the same person. */
  mapped: boolean;
  /** Push name, or a masked number. */
  name: string;
  /** Rows of both addresses in `jid`, 0 for none. */
  phoneRow: number;
  lidRow: number;
}

/** A conversation. */
export interface SyntheticChat {
  rank: number;
  kind: 'direct' | 'lid' | 'group' | 'newsletter' | 'status' | 'broadcast';
  jid: string;
  jidRow: number;
  rowId: number;
  /** Row of the second chat with the same person under the LID, 0 for none. */
  twinRowId: number;
  /** The other person of a direct chat, else -1. */
  person: number;
  /** People of a group, status or broadcast list. */
  members: number[];
  subject: string;
  createdMs: number;
  ephemeralSeconds: number;
}

/** What decides an account. */
export interface AccountOptions {
  seed: number;
  chats: number;
  generation: Generation;
  startMs: number;
  /** Added to every row id. */
  idOffset: number;
}

/** The people and chats of a synthetic account: the same for the same options, whatever messages are written. */
export class SyntheticAccount {
  readonly people: SyntheticPerson[] = [];
  readonly chats: SyntheticChat[] = [];
  readonly words: Words;
  /** The first row id of `jid` that is free. */
  readonly nextJidRow: number;
  /** The first row id of `chat` that is free. */
  readonly nextChatRow: number;
  readonly #activity = new Uint32Array(65_536);

  constructor(readonly options: AccountOptions) {
    this.words = new Words(options.seed);
    const random = new Random();
    let jidRow = 10 + (options.idOffset % 997);
    const peopleCount = options.chats + 60 + (options.chats >> 1);
    for (let index = 0; index < peopleCount; index++) {
      random.start(options.seed, index, 1);
      const person = this.#person(index, random);
      person.phoneRow = person.phone === '' ? 0 : ++jidRow;
      person.lidRow = person.lid === '' ? 0 : ++jidRow;
      this.people.push(person);
    }
    const chatBase = 1 + (options.idOffset % 89);
    for (let rank = 0; rank < options.chats; rank++) {
      random.start(options.seed, rank, 2);
      const chat = this.#chat(rank, chatBase + rank, random);
      if (chat.jidRow === 0) chat.jidRow = ++jidRow;
      this.chats.push(chat);
    }
    this.nextJidRow = jidRow + 1;
    this.nextChatRow = chatBase + 2 * options.chats;
    this.#shareActivity();
  }

  /** Returns the chat that a message belongs to: eight messages in a row share one, busy chats come more often (Zipf). */
  chatOf(random: Random, message: number): SyntheticChat {
    random.start(this.options.seed, message >>> 3, 3);
    const chat = this.chats[this.#activity[random.next() & 0xffff] ?? 0];
    if (chat === undefined) throw new Error('an account needs a chat');
    return chat;
  }

  /** Returns the row of a person's address, as LID where wished and known. */
  jidRowOf(person: number, asLid: boolean): number {
    const known = this.people[person];
    if (known === undefined) return 0;
    return (asLid && known.lidRow !== 0) || known.phoneRow === 0 ? known.lidRow : known.phoneRow;
  }

  /** Returns a person's address, as LID where wished and known. */
  jidOf(person: number, asLid: boolean): string {
    const known = this.people[person];
    if (known === undefined) return '';
    return (asLid && known.lid !== '') || known.phone === '' ? known.lid : known.phone;
  }

  #person(index: number, random: Random): SyntheticPerson {
    const withLids = this.options.generation === 'modern';
    const phone = `49${String(1_500_000_000 + index * 7919 + random.below(7000))}@s.whatsapp.net`;
    const lid = `${String(100_000_000_000_000 + index * 104_729_131 + random.below(1_000_000))}@lid`;
    const name = index % 23 === 5 ? `+49∙∙∙∙∙∙∙∙${String(10 + (index % 90))}` : this.words.name(random);
    const person = { phone, lid: '', mapped: false, name, phoneRow: 0, lidRow: 0 };
    if (!withLids) return person;
    const isLidChat = index < this.options.chats && kindOf(index) === 'lid';
    // About one LID in twenty stays without a phone number in real files.
    if (index % 20 === 19 || (isLidChat && index % 3 === 0)) return { ...person, phone: '', lid };
    if (isLidChat || index % 4 !== 0) return { ...person, lid, mapped: true };
    return person;
  }

  #chat(rank: number, rowId: number, random: Random): SyntheticChat {
    const kind = kindOf(rank);
    const chat: SyntheticChat = {
      rank,
      kind,
      jid: '',
      jidRow: 0,
      rowId,
      twinRowId: 0,
      person: -1,
      members: [],
      subject: '',
      createdMs: this.options.startMs - random.below(86_400_000),
      ephemeralSeconds: rank % 11 === 6 ? 604_800 : 0,
    };
    const person = this.people[rank];
    if (kind === 'direct' || kind === 'lid') {
      chat.person = rank;
      chat.jid = this.jidOf(rank, kind === 'lid');
      chat.jidRow = this.jidRowOf(rank, kind === 'lid');
      if (kind === 'direct' && person?.mapped === true && rank % 5 === 1) chat.twinRowId = rowId + this.options.chats;
      return chat;
    }
    if (kind === 'newsletter') {
      chat.jid = `1203634${String(10_000_000_000 + rank)}@newsletter`;
      chat.subject = this.words.name(random);
      return chat;
    }
    const size = kind === 'group' ? 3 + random.below(rank % 4 === 0 ? 120 : 24) : 12;
    const members = new Set<number>();
    for (let n = 0; n < size; n++) members.add(random.below(this.people.length));
    chat.members = [...members];
    if (kind === 'status') chat.jid = 'status@broadcast';
    else if (kind === 'broadcast') chat.jid = `${String(1_390_000_000 + rank)}@broadcast`;
    else {
      // Groups from before 2021 are named after their founder.
      chat.jid =
        rank % 3 === 2
          ? `4915${String(70_000_000 + rank)}-${String(1_400_000_000 + rank)}@g.us`
          : `120363${String(100_000_000_000 + rank)}@g.us`;
      chat.subject = this.words.name(random);
    }
    return chat;
  }

  #shareActivity(): void {
    const weights = this.chats.map((_, rank) => 1 / (rank + 2));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    let at = 0;
    let reached = 0;
    weights.forEach((weight, rank) => {
      reached += (weight / total) * this.#activity.length;
      while (at < Math.round(reached) && at < this.#activity.length) this.#activity[at++] = rank;
    });
  }
}

/** The kinds of chats take turns, so that a busy one of each is among the first twenty. */
function kindOf(rank: number): SyntheticChat['kind'] {
  const turn = (rank * 7) % 20;
  if (turn < 9) return 'direct';
  if (turn < 12) return 'lid';
  if (turn === 18) return 'newsletter';
  if (rank === 17) return 'status';
  if (rank === 37) return 'broadcast';
  return 'group';
}
