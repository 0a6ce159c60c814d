import type { SyntheticAccount, SyntheticChat } from './synthetic-account.js';
import { hexDigits, Random } from './synthetic-random.js';

/** A message of a synthetic account, before it becomes rows. */
export interface SyntheticMessage {
  number: number;
  chat: SyntheticChat;
  /** True when it is in the second chat, under the other person's LID. */
  inTwin: boolean;
  fromMe: boolean;
  /** Who sent an incoming message of a group, -1 where the sender is not stated. */
  sender: number;
  /** True when the sender is written as LID. */
  senderAsLid: boolean;
  keyId: string;
  sentMs: number;
  /** WhatsApp's number for the kind of message. */
  type: number;
  text: string | null;
  /** Number of the album's container that a picture belongs to, else 0. */
  album: number;
}

/** What later happened to a message, as the backup of a revision shows it. */
export interface SyntheticChanges {
  edited: boolean;
  revoked: 'no' | 'by-sender' | 'by-admin';
  /** The row is gone. */
  removed: boolean;
  /** How far an own message got. */
  status: number;
  starred: boolean;
  /** The reactions that once stood are replaced or taken back. */
  reactionsChanged: boolean;
}

/** Kinds beyond text, with how often they come (of 10,000), as counted in a real archive of a million messages. */
const mix: readonly [type: number, share: number][] = [
  [1, 530],
  [7, 260],
  [2, 170],
  [20, 90],
  [3, 33],
  [9, 30],
  [15, 25],
  [42, 12],
  [43, 7],
  [13, 7],
  [66, 7],
  [64, 3],
];

/** Kinds too rare for a small account: they take turns, one in every `RARE_EVERY` messages. */
const rare = [
  99, 5, 4, 90, 10, 24, 16, 14, 81, 82, 92, 8, 94, 106, 36, 56, 11, 23, 44, 45, 25, 62, 103, 42, 43,
] as const;
const RARE_EVERY = 197;
const RARE_AT = 3;
/** Pictures that follow an album's container. */
const ALBUM_SIZE = 3;

/** Kinds that a file of 2022 or before knows; others are texts there. */
const kindsOf2022 = new Set([
  0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 13, 14, 15, 16, 20, 23, 24, 25, 36, 42, 43, 44, 45, 64,
]);

/** Mean distance of two messages; 1.2 million a year, as a very busy account has. */
const MESSAGE_STEP_MS = 26_000;

/** Tells message after message of an account, each the same whenever and however often it is asked for. */
export class SyntheticMessages {
  readonly #random = new Random();

  constructor(readonly account: SyntheticAccount) {}

  /** Returns message `number`, from 1. */
  message(number: number): SyntheticMessage {
    const { account } = this;
    const random = this.#random;
    const chat = account.chatOf(random, number);
    random.start(account.options.seed, number, 4);
    const dice = random.next();
    const group = chat.members.length > 0;
    const parent = this.#albumOf(number);
    if (parent !== 0) {
      const container = this.message(parent);
      random.start(account.options.seed, number, 5);
      const sentMs = container.sentMs + (number - parent);
      const keyId = hexDigits(random, 4);
      return { ...container, number, keyId, sentMs, type: number % 2 === 0 ? 1 : 3, text: null, album: parent };
    }
    const fromMe = chat.kind !== 'newsletter' && chat.kind !== 'status' && dice % 100 < (group ? 18 : 46);
    const sender = !fromMe && group ? (chat.members[(dice >>> 8) % chat.members.length] ?? -1) : -1;
    const latest = (number % 100_003) / 100_003;
    // Received messages mostly carry whole seconds, so that many share an instant.
    const exactMs = account.options.startMs + number * MESSAGE_STEP_MS + random.below(MESSAGE_STEP_MS - 1000);
    const type = this.#type(number, random);
    return {
      number,
      chat,
      inTwin: chat.twinRowId !== 0 && number % 3 === 0,
      fromMe,
      sender: type === 7 ? -1 : sender,
      // Groups turned from phone to LID addresses person by person.
      senderAsLid: sender >= 0 && account.people[sender]?.lid !== '' && (sender % 10) / 10 < latest + 0.3,
      keyId: fromMe && dice >>> 30 === 0 ? `3EB0${hexDigits(random, 2)}` : hexDigits(random, 4),
      sentMs: fromMe ? exactMs : exactMs - (exactMs % (dice >>> 30 === 0 ? 60_000 : 1000)),
      type,
      text: this.#text(type, random),
      album: 0,
    };
  }

  /** Returns what happened to a message until a revision: 0 is the first backup, later ones know later changes too. */
  changes(message: SyntheticMessage, revision: number): SyntheticChanges {
    const random = this.#random;
    random.start(this.account.options.seed, message.number, 6);
    const dice = random.next();
    const later = 1 + (random.next() % 3) <= revision;
    const share = dice % 1000;
    const editable = message.type === 0 || message.type === 1;
    const wasRevoked = message.type === 15 || message.type === 64;
    const isRevoked = wasRevoked || (later && editable && share >= 20 && share < 28 && message.album === 0);
    const admin = message.type === 64 || (!wasRevoked && message.sender >= 0 && share % 3 === 0);
    const step = (dice >>> 12) % 8;
    return {
      edited: editable && this.#knowsEdits() && (share < 8 || (later && share < 20)),
      revoked: !isRevoked ? 'no' : admin ? 'by-admin' : 'by-sender',
      removed: later && share >= 28 && share < 31,
      status: step === 0 && message.type === 2 ? 8 : later || step > 2 ? 13 : step === 1 ? 4 : 5,
      starred: (dice >>> 20) % 200 === 0 || (later && (dice >>> 20) % 200 === 1),
      reactionsChanged: later && (dice >>> 16) % 4 === 0,
    };
  }

  #knowsEdits(): boolean {
    return this.account.options.generation === 'modern';
  }

  #albumOf(number: number): number {
    if (this.account.options.generation !== 'modern') return 0;
    for (let back = 1; back <= ALBUM_SIZE; back++) {
      const parent = number - back;
      if (parent >>> 3 === number >>> 3 && rareKind(parent) === 99) return parent;
    }
    return 0;
  }

  #type(number: number, random: Random): number {
    const type = rareKind(number) ?? usualKind(random.next() % 10_000);
    return this.account.options.generation === 'modern' || kindsOf2022.has(type) ? type : 0;
  }

  #text(type: number, random: Random): string | null {
    if (type === 0) return this.account.words.text(random);
    // A notice of the system holds its new value, a subject for instance.
    if (type === 7) return random.next() % 3 === 0 ? this.account.words.name(random) : null;
    const captioned = type === 1 || type === 3 || type === 42 || type === 9;
    const worded = [25, 36, 44, 45, 66, 92, 103, 106].includes(type);
    return worded || (captioned && random.next() % 4 === 0) ? this.account.words.text(random) : null;
  }
}

function rareKind(number: number): number | undefined {
  if (number % RARE_EVERY !== RARE_AT) return undefined;
  return rare[Math.floor(number / RARE_EVERY) % rare.length];
}

function usualKind(dice: number): number {
  let from = 0;
  for (const [type, share] of mix) {
    from += share;
    if (dice < from) return type;
  }
  return 0;
}
