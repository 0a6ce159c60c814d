import { type LiveEvent, liveSource } from '../../domain/live-event.js';
import type { LiveCounts, MessageCounts } from '../../store/record-live.js';
import { Turns } from '../turns.js';
import type { MessageAnchor } from '../link/link.js';

/** What the phone answered to a question; recorded already. */
export interface PhoneAnswer {
  /** How many messages it held. */
  messages: number;
  /** The oldest of them. */
  oldest: MessageAnchor | undefined;
  /** True when the phone says that it has nothing older. */
  isStart: boolean;
  /** What became of them. */
  counts: MessageCounts;
}

/** Takes a chunk while it is recorded. */
export interface AnswerParts {
  part(events: LiveEvent[], counts: LiveCounts): void;
  /** All of it is durable. */
  end(): void;
}

/**
 * Brings the answers of the phone to the one who asks. They come as chunks of history, which are recorded whether somebody waits
 * or not; one question is open at a time.
 *
 * What a phone writes into an answer to say which question it belongs to is not documented. So an answer is known by the id of
 * the question, or by its chat, or because it names neither and could belong to no other.
 */
export class PhoneAnswers {
  /** Who asks takes a turn first. */
  readonly turns = new Turns(1);
  #open: Waiting | undefined;
  /** True when an answer has named its question: then all do. */
  #repeatsIds = false;
  /** Questions that nobody waits for any more, the latest last. */
  readonly #given = new Set<string>();

  /**
   * Opens a question about a chat, by all its addresses, for what is before a time; it replaces the one before. Open it before it
   * is sent.
   */
  open(chats: ReadonlySet<string>, beforeMs: number): OpenQuestion {
    this.#close();
    const ids = new Set<string>();
    let resolve: (answer: PhoneAnswer) => void = () => undefined;
    const answer = new Promise<PhoneAnswer>((settle) => {
      resolve = settle;
    });
    const open = { chats, beforeMs, ids, resolve };
    this.#open = open;
    return {
      answer,
      sent: (id) => void ids.add(id),
      close: () => {
        if (this.#open === open) this.#close();
      },
    };
  }

  /** A chunk that answers a question is about to be recorded; `id` is what it says of the question. */
  begin(id: string): AnswerParts {
    const found = new FoundMessages();
    return {
      part: (events, counts) => found.add(events, counts),
      end: () => {
        const open = this.#open;
        if (open !== undefined && this.#isAnswer(id, found, open)) open.resolve(found.answerAbout(open.chats));
      },
    };
  }

  #isAnswer(id: string, found: FoundMessages, open: Waiting): boolean {
    if (open.ids.has(id)) {
      this.#repeatsIds = true;
      return true;
    }
    const { oldest } = found.answerAbout(open.chats);
    // Nothing, by a phone that says to which question it belongs: then it is late.
    if (found.chats.size === 0) return !this.#repeatsIds && !this.#given.has(id);
    // A late answer is as good when it goes further back; one that is for the page before is delivered again after a crash, too.
    const isFurther = oldest !== undefined && oldest.sentMs < open.beforeMs;
    return isFurther && [...found.chats.keys()].some((jid) => open.chats.has(jid));
  }

  #close(): void {
    for (const id of this.#open?.ids ?? []) this.#given.add(id);
    for (const id of this.#given) {
      if (this.#given.size <= MAX_GIVEN) break;
      this.#given.delete(id);
    }
    this.#open = undefined;
  }
}

interface Waiting {
  chats: ReadonlySet<string>;
  beforeMs: number;
  ids: Set<string>;
  resolve: (answer: PhoneAnswer) => void;
}

/** A question that waits for its answer. */
export interface OpenQuestion {
  /** Resolves to the first answer; never, when none comes. */
  answer: Promise<PhoneAnswer>;
  /** It was sent with this id: once, or again in other words. */
  sent(id: string): void;
  /** Nobody waits any more. */
  close(): void;
}

/** What a chunk holds. */
class FoundMessages {
  /** By chat, as the chunk names it: the oldest message of each. */
  readonly chats = new Map<string, MessageAnchor | undefined>();
  readonly #counts: MessageCounts = { added: 0, updated: 0, unchanged: 0, refused: 0 };
  #messages = 0;
  #isStart = false;

  add(events: LiveEvent[], counts: LiveCounts): void {
    for (const event of events) {
      if (event.type === 'history-start') {
        this.#isStart = true;
        this.chats.set(event.chatJid, this.chats.get(event.chatJid));
      }
      if (event.type !== 'message' || event.message.source !== liveSource.onDemand) continue;
      const { key, sentMs } = event.message;
      const oldest = this.chats.get(key.chatJid);
      this.#messages++;
      // Phones send the newest first: of one second, the last is the oldest.
      if (oldest === undefined || sentMs <= oldest.sentMs) {
        this.chats.set(key.chatJid, { messageId: key.messageId, fromMe: key.fromMe, sentMs });
      }
    }
    for (const name of ['added', 'updated', 'unchanged', 'refused'] as const) {
      this.#counts[name] += counts.messages[name];
    }
  }

  /** The answer to a question about a chat with these addresses; the phone may name it by one that was not known. */
  answerAbout(addresses: ReadonlySet<string>): PhoneAnswer {
    const known = [...this.chats].filter(([jid]) => addresses.has(jid));
    const anchors = (known.length > 0 ? known : [...this.chats]).flatMap(([, anchor]) => anchor ?? []);
    const [oldest] = anchors.sort((a, b) => a.sentMs - b.sentMs);
    return { messages: this.#messages, oldest, isStart: this.#isStart, counts: this.#counts };
  }
}

/** Answers that come later than after so many other questions belong to nobody. */
const MAX_GIVEN = 64;
