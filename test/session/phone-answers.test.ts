import { beforeEach, describe, expect, it } from 'vitest';
import type { LiveEvent } from '../../src/domain/live-event.js';
import { type OpenQuestion, PhoneAnswers, type PhoneAnswer } from '../../src/session/backfill/phone-answers.js';
import { type LiveCounts, type MessageCounts, noCounts } from '../../src/store/record-live.js';
import { aKey, aLiveMessage } from '../support/live-events.js';

const ANNA = '491700000002@s.whatsapp.net';
const ANNA_LID = '900000000000002@lid';
const BEN = '491700000003@s.whatsapp.net';

let answers: PhoneAnswers;
beforeEach(() => {
  answers = new PhoneAnswers();
});

/** A chunk that says to which question it belongs. */
function arrive(id: string, events: LiveEvent[]): void {
  const chunk = answers.begin(id);
  chunk.part(events, counted({ added: events.length }));
  chunk.end();
}

/** What became of the messages of a chunk. */
function counted(messages: Partial<MessageCounts>): LiveCounts {
  const counts = noCounts();
  Object.assign(counts.messages, messages);
  return counts;
}

const messageOf = (chat: string, id = 'A', sentMs = 5000): LiveEvent =>
  aLiveMessage(aKey(chat, id), { source: 4, sentMs });

/** Opens a question for what is before a time. */
function ask(...chats: string[]): OpenQuestion {
  return answers.open(new Set(chats), 6000);
}

/** What a question has been answered by now. */
async function answered(question: { answer: Promise<PhoneAnswer> }): Promise<PhoneAnswer | undefined> {
  return Promise.race([question.answer, Promise.resolve().then(() => undefined)]);
}

describe('an answer of the phone', () => {
  it('is told with what it held and the oldest of it, over all its parts', async () => {
    const question = ask(ANNA);
    question.sent('Q1');
    const chunk = answers.begin('Q1');
    chunk.part([messageOf(ANNA, 'B', 3000), messageOf(ANNA, 'C', 2000)], counted({ added: 2 }));
    chunk.part([messageOf(ANNA, 'D', 4000), { type: 'history-start', chatJid: ANNA }], counted({ unchanged: 1 }));
    expect(await answered(question)).toBeUndefined();
    chunk.end();
    expect(await question.answer).toEqual({
      messages: 3,
      oldest: { messageId: 'C', fromMe: false, sentMs: 2000 },
      isStart: true,
      counts: { added: 2, updated: 0, unchanged: 1, refused: 0 },
    });
  });

  it('is known by the id of the question, whatever it holds', async () => {
    const question = ask(ANNA);
    question.sent('Q1');
    arrive('Q1', [messageOf(ANNA_LID)]);
    expect(await answered(question)).toMatchObject({ messages: 1 });
  });

  it('that does not repeat the id is known by any address of the chat', async () => {
    const question = ask(ANNA, ANNA_LID);
    question.sent('Q1');
    arrive('something of the phone', [messageOf(BEN)]);
    expect(await answered(question)).toBeUndefined();
    arrive('something of the phone', [messageOf(ANNA_LID)]);
    expect(await answered(question)).toMatchObject({ messages: 1 });
  });

  it('that is empty and names nothing answers the question that is open', async () => {
    const question = ask(ANNA);
    question.sent('Q1');
    arrive('', []);
    expect(await answered(question)).toMatchObject({ messages: 0, oldest: undefined, isStart: false });
  });

  it('that is empty and late does not answer the next question', async () => {
    const first = ask(ANNA);
    first.sent('Q1');
    first.close();
    const second = ask(BEN);
    second.sent('Q2');
    arrive('Q1', []);
    expect(await answered(second)).toBeUndefined();
    arrive('Q2', []);
    expect(await answered(second)).toMatchObject({ messages: 0 });
  });

  it('that is empty and names no question is none of a phone that names them', async () => {
    const first = ask(ANNA);
    first.sent('Q1');
    arrive('Q1', []);
    first.close();
    const second = ask(ANNA);
    second.sent('Q2');
    arrive('of another process', []);
    expect(await answered(second)).toBeUndefined();
  });

  it('that is late is as good when it goes further back, and else none', async () => {
    const first = ask(ANNA);
    first.sent('Q1');
    first.close();
    const second = ask(ANNA);
    second.sent('Q2');
    arrive('Q1', [messageOf(ANNA, 'A', 6000)]);
    expect(await answered(second)).toBeUndefined();
    arrive('Q1', [messageOf(ANNA, 'B', 5999)]);
    expect(await answered(second)).toMatchObject({ oldest: { messageId: 'B' } });
  });
});
