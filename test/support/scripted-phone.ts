import type { LiveEvent } from '../../src/domain/live-event.js';
import type { OlderQuestion, SentQuestion } from '../../src/session/link/link.js';
import type { PhoneAnswers } from '../../src/session/backfill/phone-answers.js';
import type { Sleep } from '../../src/session/backfill/phone.js';
import type { Session } from '../../src/session/session.js';
import { aKey, aLiveMessage } from './live-events.js';

/** A chat as the phone has it. */
export interface PhoneChat {
  /** The oldest first, one in each second. */
  ids: string[];
  /** When the first of them was sent. */
  sinceMs: number;
  /** Messages that the phone does not find, though others do. */
  lost: Set<string>;
  /** Says that nothing is older when it gives the first one. */
  tellsStart: boolean;
}

/**
 * A phone that answers as a test says: what is before the message that it is asked about, at once, through the session's own store.
 * Where it does not know the address or the message, it answers with nothing.
 */
export class ScriptedPhone {
  readonly chats = new Map<string, PhoneChat>();
  readonly asked: OlderQuestion[] = [];
  /** Does instead of an answer what a test says; undefined for an answer. */
  before: (question: OlderQuestion, number: number) => 'silence' | 'unsent' | undefined = () => undefined;

  /** False for a test that ends the wait for an answer in another way. */
  timesOut = true;
  #silent = false;

  constructor(
    private readonly session: Session,
    private readonly answers: PhoneAnswers,
  ) {}

  /** Adds a chat of so many messages, named `<chat's user>-<n>`. */
  addChat(jid: string, count: number, more: Partial<PhoneChat> = {}): PhoneChat {
    const ids = Array.from({ length: count }, (_, n) => `${jid.split('@')[0] ?? ''}-${String(n)}`);
    const chat = { ids, sinceMs: SINCE_MS, lost: new Set<string>(), tellsStart: false, ...more };
    this.chats.set(jid, chat);
    return chat;
  }

  /** Time as the phone makes it pass: a pause takes none, and only when it keeps silent an answer is not waited for. */
  readonly sleep: Sleep = (ms, signal) => {
    if (ms !== ANSWER_MS || this.#silent) return Promise.resolve();
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error('aborted')));
    });
  };

  ask(question: OlderQuestion): SentQuestion {
    this.asked.push(question);
    const number = this.asked.length;
    const instead = this.before(question, number);
    this.#silent = instead === 'silence' && this.timesOut;
    const id = `Q${String(number)}`;
    if (instead === 'unsent') return { id, sent: Promise.reject(new Error('it cannot be encrypted')) };
    if (instead !== 'silence') void this.answer(question, id);
    return { id, sent: Promise.resolve() };
  }

  /** Answers a question, whether or not somebody waits. */
  async answer({ chatJid, before, count }: OlderQuestion, id: string): Promise<void> {
    const chat = this.chats.get(chatJid);
    const at = chat === undefined || chat.lost.has(before.messageId) ? -1 : chat.ids.indexOf(before.messageId);
    const from = Math.max(0, at - count);
    const ids = chat?.ids.slice(from, Math.max(0, at)).reverse() ?? [];
    const events = ids.map((one) => phoneMessage(chatJid, one, chat));
    if (chat?.tellsStart === true && at >= 0 && from === 0) events.push({ type: 'history-start', chatJid });
    const parts = this.answers.begin(id);
    const counts = await this.session.use((store) =>
      this.session.commit((commit) => store.recordLive(commit, events, () => undefined)),
    );
    parts.part(events, counts);
    parts.end();
  }
}

/** A message of a phone's chat, as it comes on demand. */
export function phoneMessage(chatJid: string, id: string, chat: PhoneChat | undefined): LiveEvent {
  const sentMs = (chat?.sinceMs ?? SINCE_MS) + 1000 * (chat?.ids.indexOf(id) ?? 0);
  return aLiveMessage(aKey(chatJid, id, { sender: '491700000009@s.whatsapp.net' }), { sentMs, source: 4 });
}

/** How long an answer may take: as a pause it does not occur. */
export const ANSWER_MS = 999_999;

/** 2020-09-13. */
export const SINCE_MS = 1_600_000_000_000;
