import { chatKindOf, isLid, isPerson } from '../../domain/jid.js';
import type { HistoryStore } from '../../store/history-store.js';
import type { LinkConnection, MessageAnchor } from '../link/link.js';
import { findAnchors } from './message-anchors.js';
import type { Phone } from './phone.js';
import type { PhoneAnswer } from './phone-answers.js';

/** What of a chat is asked for. */
export interface ChatTask {
  jid: string;
  /** Nothing that was sent up to this is asked for, in ms since 1970. */
  untilMs: number;
  /** How many messages that were not known are enough; Infinity for all. */
  maxMessages: number;
  /** The place from which to go back: before the first message that is known from this time on. 0 for the oldest message. */
  fromMs: number;
  /** How many messages it has brought already. */
  added: number;
}

/** What asking about a chat works with. */
export interface ChatDependencies {
  phone: Phone;
  signal: AbortSignal;
  read: <T>(work: (history: HistoryStore) => Promise<T>) => Promise<T>;
  connection: () => Promise<Pick<LinkConnection, 'requestOlder'>>;
  /** The phone has answered: makes durable what was found, back to when, where that is further than before, and what that covers. */
  answered: (answer: PhoneAnswer, reachedMs: number | undefined, covered: CoveredTime | undefined) => Promise<void>;
}

/** A time of a chat of which the phone has given everything that it has, in ms since 1970; from 0 on for the beginning. */
export interface CoveredTime {
  fromMs: number;
  toMs: number;
}

/**
 * How asking about a chat ended.
 *
 * - `done`: all that was asked for and that the phone has is there.
 * - `silent`: the phone did not answer.
 * - `no-anchor`: no message is known before which the phone could look.
 */
export type ChatOutcome = 'done' | 'silent' | 'no-anchor';

/** Tells whether a phone can be asked about a chat: about people and groups. */
export function isAsked(jid: string): boolean {
  const kind = chatKindOf(jid);
  return kind === 'direct' || kind === 'group';
}

/** Asks for what is older in one chat, page by page. Throws `LinkLost`; who then asks again goes on from the page before. */
export async function askChat(task: ChatTask, dependencies: ChatDependencies): Promise<ChatOutcome> {
  let { fromMs, added } = task;
  let last: MessageAnchor | undefined;
  // The form of the address that the phone understood last.
  let form = 0;
  for (;;) {
    const known = await dependencies.read((history) => findAnchors(history, task.jid, fromMs));
    const others = known.filter(({ messageId }) => messageId !== last?.messageId);
    const anchors = last === undefined ? others : [last, ...others];
    const [first] = anchors;
    if (first === undefined) return 'no-anchor';
    if (first.sentMs <= task.untilMs || added >= task.maxMessages) return 'done';
    // Which address the phone has it under cannot be known, and may be learned while it is asked.
    const addresses = await dependencies.read((history) => addressesOf(history, task.jid));
    const count = Math.min(MAX_PAGE, task.maxMessages - added);
    const page = await askPage({ addresses, form, anchors, count }, dependencies);
    if (typeof page === 'string') return page;
    if (page.answer.isStart) return 'done';
    added += page.answer.counts.added;
    form = page.form;
    last = page.answer.oldest;
    // From the oldest message on, the place is found by itself, whatever else fills the chat meanwhile.
    if (task.fromMs > 0) fromMs = last?.sentMs ?? fromMs;
  }
}

/** All addresses of a chat, the canonical one first. */
async function addressesOf(history: HistoryStore, address: string): Promise<string[]> {
  const jid = await history.resolveChat(address);
  const lids = isPerson(jid) && !isLid(jid) ? await history.lidsOf(jid) : [];
  const chat = await history.getChat(jid);
  return [...new Set([jid, ...lids, ...(chat?.alternateJids ?? []).filter(isAsked)])];
}

/** A page of a chat that is to be asked for. */
interface Page {
  /** All addresses of the chat, and which of them to begin with. */
  addresses: string[];
  form: number;
  /** Messages to look before, the oldest first. */
  anchors: MessageAnchor[];
  count: number;
}

/**
 * Asks for one page: by another anchor and under another address each time, for a phone that does not know them keeps silent or
 * answers with nothing. Two such answers mean that there is no more.
 */
async function askPage(
  { addresses, form, anchors, count }: Page,
  { phone, signal, connection, answered }: ChatDependencies,
): Promise<{ answer: PhoneAnswer; form: number } | ChatOutcome> {
  const firstMs = anchors[0]?.sentMs ?? 0;
  let empty = 0;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const before = anchors[Math.min(attempt, anchors.length - 1)];
    const index = (form + attempt) % addresses.length;
    const chatJid = addresses[index];
    if (before === undefined || chatJid === undefined) return 'no-anchor';
    const answer = await phone.ask(await connection(), { chatJid, before, count }, new Set(addresses), signal);
    if (answer === undefined) {
      if (attempt + 1 < MAX_ATTEMPTS) await phone.pause((phone.answerMs / 2) * (attempt + 1), signal);
      continue;
    }
    const { oldest, isStart, counts } = answer;
    const isFurther = counts.added > 0 || (oldest !== undefined && oldest.sentMs < firstMs);
    await answered(answer, isFurther ? oldest?.sentMs : undefined, coveredBy(answer, before.sentMs));
    if (isFurther) return { answer, form: index };
    if (isStart || ++empty === EMPTY_ANSWERS) return 'done';
  }
  return 'silent';
}

/** A page is what comes right before the anchor: nothing is missing between its oldest message and that one. */
function coveredBy({ oldest, isStart }: PhoneAnswer, anchorMs: number): CoveredTime | undefined {
  const fromMs = isStart ? 0 : oldest?.sentMs;
  return fromMs === undefined || fromMs >= anchorMs ? undefined : { fromMs, toMs: anchorMs };
}

/** More are not given by phones, as far as is known. */
const MAX_PAGE = 50;

/** A phone that has lost one message has the next. */
const MAX_ATTEMPTS = 3;
const EMPTY_ANSWERS = 2;
