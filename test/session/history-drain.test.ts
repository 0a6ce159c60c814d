import { afterEach, beforeEach, expect, it } from 'vitest';
import type { LiveEvent } from '../../src/domain/live-event.js';
import { makeLogger } from '../../src/log.js';
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
  const drain = await drained({
    readHistory: async function* () {
      for (const part of parts) yield await Promise.resolve(part);
    },
  });
  expect((await readAll(store)).map(({ key }) => key?.messageId).sort()).toEqual(['A', 'C', 'D']);
  expect(drain.history.counts).toMatchObject({ added: 3, gone: 1, retries: 0 });
  expect([store.inbox.waiting('history'), store.inbox.waiting('unread')]).toEqual([0, 1]);
});

it('why a chunk could not be had is logged', async () => {
  const log = new LogLines();
  await drained({ readHistory: () => fail(new RangeError('the server answers 503')) }, log);
  expect(log.text).toContain('could not be had');
  expect(log.text).toContain('RangeError');
  expect(log.text).toContain('the server answers 503');
});

it('why a record cannot be recorded is logged, without what its message says', async () => {
  const log = new LogLines();
  const read = (): never => {
    throw new RangeError('Are you coming tonight?');
  };
  await drained({ read }, log);
  expect(history.store.inbox.waiting('unread')).toBe(1);
  expect(log.text).toContain('cannot be recorded');
  expect(log.text).toContain('RangeError');
  expect(log.text).not.toContain('tonight');
});

class LogLines {
  text = '';
  readonly logger = makeLogger('info', { write: (line) => void (this.text += line) });
}

/** Drains an inbox with one record, of which a reader says what is given, and else that it announces history. */
async function drained(reader: Partial<InboxReader>, log = new LogLines()): Promise<InboxDrain> {
  const { store } = history;
  const whole: InboxReader = {
    read: () => 'history',
    announced: () => ({ unasked: true, questionId: '', name: 'N', progressPercent: 0, isLast: false }),
    readHistory: () => fail(new Error('not to be read')),
    openVote: () => undefined,
    ...reader,
  };
  const session = {
    use: <T>(work: (one: typeof store) => Promise<T>) => work(store),
    commit: store.commit.bind(store),
  };
  const drain = new InboxDrain({ session, reader: whole, log: log.logger });
  await store.inbox.append(Buffer.from('a record'));
  drain.wake();
  await drain.idle();
  await drain.history.idle();
  await drain.close();
  return drain;
}

function fail(error: Error): never {
  throw error;
}

/** The type is a number that has no place in what is stored; what reads messages of WhatsApp lets none pass. */
function unrecordable(id: string): LiveEvent {
  return aLiveMessage(aKey(ANNA, id), { content: { ...aText('B'), waType: 2 ** 40 } });
}
