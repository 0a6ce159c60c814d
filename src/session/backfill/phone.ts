import { setTimeout as delay } from 'node:timers/promises';
import { LinkLost } from '../../domain/link-lost.js';
import type { LinkConnection, OlderQuestion } from '../link/link.js';
import type { LinkOfSession } from './link-run.js';
import type { PhoneAnswer, PhoneAnswers } from './phone-answers.js';

/** How the phone is asked, in ms. */
export interface PhoneTimes {
  /** How long an answer may take. */
  answerMs: number;
  /** From one question to the next, more or less by half. */
  pauseMs: number;
}

/** The link by which a phone is asked. */
export type PhoneLink = Pick<LinkOfSession, 'connection' | 'changes' | 'inbox'>;

type Asked = Pick<LinkConnection, 'requestOlder'>;

/** Resolves after some ms; rejects when the signal aborts before. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

const sleepFor: Sleep = (ms, signal) => delay(ms, undefined, { signal });

/** The owner's phone, as far as it can be asked for messages: by one question at a time, and not too fast. */
export class Phone {
  readonly #link: PhoneLink;
  readonly #times: PhoneTimes;
  readonly #random: () => number;
  readonly #sleep: Sleep;

  constructor(link: PhoneLink, times: PhoneTimes, random: () => number, sleep: Sleep = sleepFor) {
    this.#link = link;
    this.#times = times;
    this.#random = random;
    this.#sleep = sleep;
  }

  get #answers(): PhoneAnswers {
    return this.#link.inbox.drain.history.answers;
  }

  get answerMs(): number {
    return this.#times.answerMs;
  }

  /**
   * Asks once, when nobody else asks and the pause after the question before is over. `chats` are all addresses of the chat.
   * Resolves to undefined when the phone keeps silent. Throws `LinkLost` when the connection ends meanwhile, and when the signal
   * aborts.
   */
  async ask(
    connection: Asked,
    question: OlderQuestion,
    chats: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<PhoneAnswer | undefined> {
    const { turns } = this.#answers;
    const endTurn = await turns.take(signal);
    try {
      await this.pause(this.#times.pauseMs, signal);
      signal.throwIfAborted();
      return await this.#ask(connection, question, chats, signal);
    } finally {
      endTurn();
    }
  }

  /** Waits, more or less by half; returns early when the signal aborts. */
  async pause(ms: number, signal: AbortSignal): Promise<void> {
    const pauseMs = Math.round(ms * (0.5 + this.#random()));
    await this.#sleep(pauseMs, signal).catch(() => undefined);
  }

  async #ask(
    connection: Asked,
    question: OlderQuestion,
    chats: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<PhoneAnswer | undefined> {
    const over = new AbortController();
    const ended = AbortSignal.any([signal, over.signal]);
    const open = this.#answers.open(chats, question.before.sentMs);
    try {
      const { id, sent } = connection.requestOlder(question);
      open.sent(id);
      const sending = sent.then(
        () => open.answer,
        // On a connection that stands, the library could not encrypt it: there may be no session with the phone yet.
        () => (this.#link.connection === connection ? undefined : this.#lost(connection, ended)),
      );
      const silence = this.#sleep(this.#times.answerMs, ended);
      const lost = this.#lost(connection, ended);
      // They end with the question, too.
      for (const promise of [silence, lost]) promise.catch(() => undefined);
      return await Promise.race([open.answer, sending, silence.then(() => undefined), lost]);
    } finally {
      over.abort();
      open.close();
    }
  }

  /** Rejects with `LinkLost` when the connection is lost. */
  async #lost(connection: Asked, ended: AbortSignal): Promise<never> {
    while (!ended.aborted) {
      const change = this.#link.changes.next(ended);
      if (this.#link.connection !== connection || this.#link.changes.closed) break;
      await change;
    }
    throw new LinkLost('the connection ended before the phone answered');
  }
}
