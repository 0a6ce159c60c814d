import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { LiveEvent } from '../../src/domain/live-event.js';
import { InboxDrain } from '../../src/session/link/inbox-drain.js';
import type { InboxReader } from '../../src/session/link/link-inbox.js';
import { openHistory, readAll, type TemporaryHistory } from '../support/history.js';
import { aKey, aLiveMessage, aText } from '../support/live-events.js';

const ANNA = '491700000002@s.whatsapp.net';

let history: TemporaryHistory;
beforeEach(async () => {
  history = await openHistory();
});
afterEach(() => history.remove());

it('a message of a chunk that cannot be recorded keeps nothing else of it from being recorded', async () => {
  const { store } = history;
  const parts: LiveEvent[][] = [
    [aLiveMessage(aKey(ANNA, 'A')), unrecordable('B'), aLiveMessage(aKey(ANNA, 'C'))],
    [aLiveMessage(aKey(ANNA, 'D'))],
  ];
  const reader: InboxReader = {
    read: () => 'history',
    announced: () => ({ unasked: true, questionId: '', name: 'N', progressPercent: 0, isLast: false }),
    readHistory: async function* () {
      for (const part of parts) yield await Promise.resolve(part);
    },
    openVote: () => undefined,
  };
  const session = {
    use: <T>(work: (one: typeof store) => Promise<T>) => work(store),
    commit: store.commit.bind(store),
  };
  const drain = new InboxDrain({ session, reader, log: pino({ level: 'silent' }) });
  await store.inbox.append(Buffer.from('an announcement'));
  drain.wake();
  await drain.idle();
  await drain.history.idle();
  await drain.close();
  expect((await readAll(store)).map(({ key }) => key?.messageId).sort()).toEqual(['A', 'C', 'D']);
  expect(drain.history.counts).toMatchObject({ added: 3, gone: 1, retries: 0 });
  expect([store.inbox.waiting('history'), store.inbox.waiting('unread')]).toEqual([0, 1]);
});

/** The type is a number that has no place in what is stored; what reads messages of WhatsApp lets none pass. */
function unrecordable(id: string): LiveEvent {
  return aLiveMessage(aKey(ANNA, id), { content: { ...aText('B'), waType: 2 ** 40 } });
}
