import { toJson } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { rm } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { LiveEvent } from '../../src/domain/live-event.js';
import { MessageSchema } from '../../src/gen/scrollback/v1/message_pb.js';
import {
  ANNA,
  BEN,
  SECRET,
  text,
  poll,
  options,
  openVote,
  aPoll,
  sealedOf,
  anything,
  decisive,
  told,
  left,
} from '../support/arbitrary-sayings.js';
import { dumpHistory } from '../support/dump-history.js';
import { openHistory, readAll, type TemporaryHistory } from '../support/history.js';
import { aLiveMessage } from '../support/live-events.js';

const cut = (events: readonly LiveEvent[], sizes: readonly number[]): LiveEvent[][] => {
  const commits: LiveEvent[][] = [];
  for (let at = 0, n = 0; at < events.length; n++) commits.push(events.slice(at, (at += sizes[n % sizes.length] ?? 1)));
  return commits;
};
const someSizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 3 });

async function record({ store }: TemporaryHistory, commits: LiveEvent[][]): Promise<void> {
  for (const events of commits) {
    await store.commit((commit) => store.recordLive(commit, events, openVote));
    while (store.resolving) await store.resolveStep((build) => store.commit(build));
  }
}

/** Everything that a history holds after these commits, but revisions. */
async function outcomeOf(commits: LiveEvent[][]): Promise<{ messages: unknown[]; rest: string[] }> {
  const history = await openHistory();
  try {
    await record(history, commits);
    const messages = (await readAll(history.store)).map((message) => toJson(MessageSchema, message));
    history.store.endFollowers();
    await history.store.close();
    return { messages, rest: await dumpHistory(history.directory) };
  } finally {
    await rm(history.directory, { recursive: true, force: true });
  }
}

describe('what is said of messages', () => {
  it('is in commits of any size what it is one by one', async () => {
    const some = fc.array(fc.oneof({ weight: 6, arbitrary: anything }, { weight: 1, arbitrary: decisive }), {
      minLength: 10,
      maxLength: 60,
      size: 'max',
    });
    await fc.assert(
      fc.asyncProperty(some, someSizes, async (events, sizes) => {
        expect(await outcomeOf(cut(events, sizes))).toEqual(await outcomeOf(cut(events, [1])));
      }),
      {
        numRuns: 40,
        examples: [
          [
            [...told, left],
            [2, 9],
          ],
        ],
      },
    );
  });

  it('is the same in any order, and when all of it comes again', async () => {
    const twoOrders = fc
      .array(anything, { minLength: 10, maxLength: 60, size: 'max' })
      .chain((events) =>
        fc.tuple(fc.constant(events), fc.shuffledSubarray(events, { minLength: events.length }), someSizes),
      );
    await fc.assert(
      fc.asyncProperty(twoOrders, async ([events, shuffled, sizes]) => {
        const once = await outcomeOf(cut(events, [1]));
        expect(await outcomeOf(cut(shuffled, sizes))).toEqual(once);
        expect(await outcomeOf(cut([...shuffled, ...events], sizes))).toEqual(once);
      }),
      { numRuns: 30 },
    );
  });
});

describe('what was opened', () => {
  const by = (jid: string, said: string, ms: number) => sealedOf(text, { jid, fromMe: false }, said, ms, '');
  const news = aLiveMessage(text, { secret: SECRET });

  it('is sealed no more, whether it came before what opens it or after', async () => {
    const [first, ...others] = [by(ANNA, 'yes', 1000), by(BEN, '?', 2000), by(BEN, 'no', 1000), by(ANNA, '', 2000)];
    const { rest } = await outcomeOf([[first], [news], others]);
    const hidden = rest.filter((line) => line.includes(' hides '));
    expect(hidden).toHaveLength(1);
    expect(hidden.join().match(/"payload":"[^"]*"/g)).toEqual([`"payload":"${Buffer.from('?').toString('base64')}"`]);
    expect(hidden.join()).toContain('messageSecret');
    expect(await outcomeOf([[news, ...others, first]])).toEqual(await outcomeOf([[first, ...others], [news]]));
  });

  it('changes nothing when it is delivered again, also what is older than what counts', async () => {
    const history = await openHistory();
    try {
      const events = [by(ANNA, 'yes', 1000), by(ANNA, 'no', 2000), by(BEN, 'yes', 1000), by(BEN, '', 2000), news];
      await record(history, [events]);
      const { revision } = history.store;
      const before = await readAll(history.store);
      expect(before).toMatchObject([{ reactions: [{ senderJid: ANNA, emoji: 'n' }] }]);
      await record(history, [...cut(events, [1]), events]);
      expect(history.store.revision).toBe(revision);
      expect(await readAll(history.store)).toEqual(before);
    } finally {
      await history.remove();
    }
  });

  it('is sealed no more of a poll whose edits add what is voted for, in any order', async () => {
    const anna = { jid: ANNA, fromMe: false };
    const ben = { jid: BEN, fromMe: false };
    const told = [
      aLiveMessage(poll, { content: aPoll('?', options), secret: SECRET }),
      sealedOf(poll, anna, 'yes no maybe', 1000, 'edit1'),
      sealedOf(poll, anna, 'yes no maybe never', 2000, 'edit2'),
      sealedOf(poll, anna, 'no', 1000, ''),
      sealedOf(poll, anna, 'maybe', 2000, ''),
      sealedOf(poll, ben, 'yes', 1000, ''),
      sealedOf(poll, ben, 'never', 2000, ''),
    ];
    const anyOrder = fc.shuffledSubarray(told, { minLength: told.length });
    const once = await outcomeOf([told]);
    expect(once.messages).toMatchObject([
      {
        text: 'yes no maybe never',
        poll: {
          options: [{ name: 'yes' }, { name: 'no' }, { name: 'maybe' }, { name: 'never' }],
          votes: [
            { voterJid: ANNA, optionIndexes: [2] },
            { voterJid: BEN, optionIndexes: [3] },
          ],
        },
      },
    ]);
    expect(once.rest.join()).not.toContain('"payload"');
    await fc.assert(
      fc.asyncProperty(anyOrder, someSizes, async (events, sizes) => {
        expect(await outcomeOf(cut(events, sizes))).toEqual(once);
      }),
      { numRuns: 30 },
    );
  });
});
