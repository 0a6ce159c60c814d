import { toJson } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { rm } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  liveDelivery,
  type LiveActor,
  type LiveEvent,
  type LiveKey,
  type VoteOpener,
} from '../../src/domain/live-event.js';
import { messageKind } from '../../src/domain/message-kind.js';
import { MessageSchema } from '../../src/gen/scrollback/v1/message_pb.js';
import { dumpHistory } from '../support/dump-history.js';
import { openHistory, readAll, type TemporaryHistory } from '../support/history.js';
import { aKey, aLiveMessage, anEvent, aText } from '../support/live-events.js';

const ANNA = '491700000002@s.whatsapp.net';
const BEN = '491700000003@s.whatsapp.net';
const BEN_LID = '900000000000003@lid';
const CEM_LID = '900000000000004@lid';
const GROUP = '120363000000000001@g.us';
const SECRET = Uint8Array.of(7);

const text = aKey(GROUP, 'T', { sender: ANNA });
const poll = aKey(GROUP, 'P', { sender: ANNA });
const event = aKey(GROUP, 'E', { sender: ANNA });
const own = aKey(GROUP, 'O', { fromMe: true });
const options = ['yes', 'no'];

/** What opens a sealed thing is its secret; what is in it stands in it. */
const openVote: VoteOpener = ({ payload, reaction, eventResponse, editId = '' }, { secret }) => {
  const said = Buffer.from(payload).toString();
  if (secret[0] !== SECRET[0] || said.startsWith('?')) return undefined;
  if (editId !== '') return { content: aText(said), editMs: 0 };
  if (reaction === true) return { emoji: said.slice(0, -1), reactMs: 0 };
  return eventResponse === true ? { answer: 1, extraGuestCount: said.length, responseMs: 0 } : [hashOf(said)];
};
const hashOf = (option: string): Uint8Array => createHash('sha256').update(option).digest();

const aMs = fc.constantFrom(1000, 2000, 3000, 4000);
const anActor: fc.Arbitrary<LiveActor> = fc
  .constantFrom(ANNA, BEN, BEN_LID, CEM_LID, '')
  .map((jid) => ({ jid, fromMe: jid === '' }));
const aTarget = fc.constantFrom(text, poll, event, own);

const sealedOf = (key: LiveKey, actor: LiveActor, said: string, voteMs: number, editId: string): LiveEvent => ({
  type: 'sealed-vote',
  key,
  actor,
  voteMs,
  vote: {
    payload: Buffer.from(said),
    // No two seals are of the same bytes.
    iv: Buffer.from([said, actor.jid, voteMs, key.messageId, editId].join(' ')),
    voterNames: [actor.jid],
    authorNames: [ANNA],
    reaction: key.messageId === 'T' && editId === '',
    eventResponse: key.messageId === 'E',
    editId,
  },
});

const aReaction = fc
  .record({ key: aTarget, actor: anActor, emoji: fc.constantFrom('', '👍', '❤️'), reactMs: aMs })
  .map((said): LiveEvent => ({ type: 'reaction', ...said }));
const aReceipt = fc
  .record({
    state: fc.constantFrom(liveDelivery.delivered, liveDelivery.read, liveDelivery.played),
    memberJid: fc.constantFrom(ANNA, BEN, BEN_LID),
  })
  .map((said): LiveEvent => ({ type: 'receipt', key: own, ...said }));
/** As many as are kept of one person while they wait; Ben has two names. */
const sayings: [said: string, ms: number][] = [
  ['yes', 1000],
  ['no', 2000],
  ['?', 3000],
  ['yes', 4000],
];
const sayingsOf = ({ jid }: LiveActor) =>
  jid === BEN ? sayings.slice(0, 2) : jid === BEN_LID ? sayings.slice(2) : sayings;
const aSealed = fc
  .tuple(fc.constantFrom(text, poll, event), anActor)
  .chain(([key, actor]) =>
    fc.constantFrom(...sayingsOf(actor)).map(([said, ms]) => sealedOf(key, actor, said, ms, '')),
  );
const aSealedEdit = fc
  .constantFrom(...sayings)
  .map(([said, ms]) => sealedOf(text, { jid: ANNA, fromMe: false }, `${said} edited`, ms, `edit${String(ms)}`));
const sent = aLiveMessage(own, { state: liveDelivery.sent });
const aMessage = fc.constantFrom(
  aLiveMessage(text, { secret: SECRET }),
  aLiveMessage(poll, {
    content: { ...aText('?'), kind: messageKind.poll, waType: 66, poll: { options, selectableCount: 2 } },
    secret: SECRET,
  }),
  aLiveMessage(event, {
    content: { ...aText('Picnic'), kind: messageKind.event, waType: 92, event: anEvent('Bring food') },
    secret: SECRET,
  }),
  sent,
);
const aMapping = fc.constant<LiveEvent>({ type: 'lid-mapping', lid: BEN_LID, phone: BEN });
const group: LiveEvent = {
  type: 'group',
  group: {
    jid: GROUP,
    subject: 'G',
    createMs: 0,
    asOfMs: 1,
    members: [
      { jid: '', rank: 'member', fromMe: true },
      { jid: ANNA, rank: 'admin', fromMe: false },
      { jid: BEN, rank: 'member', fromMe: false },
    ],
  },
};

/** What says the same whenever it comes. */
const anything = fc.oneof(
  { weight: 4, arbitrary: aReaction },
  { weight: 4, arbitrary: aReceipt },
  { weight: 8, arbitrary: aSealed },
  { weight: 1, arbitrary: aSealedEdit },
  { weight: 3, arbitrary: aMessage },
  { weight: 1, arbitrary: aMapping },
  { weight: 1, arbitrary: fc.constant(group) },
);

const aVote = fc
  .record({ actor: anActor, choices: fc.subarray(['yes', 'no', 'who knows']), voteMs: aMs })
  .map((said): LiveEvent => ({ type: 'vote', key: poll, ...said, choices: said.choices.map(hashOf) }));
const aResponse = fc
  .record({ actor: anActor, answer: fc.constantFrom(1, 2), responseMs: aMs })
  .map(({ actor, ...response }): LiveEvent => {
    return { type: 'response', key: event, actor, response: { ...response, extraGuestCount: 0 } };
  });
/** Somebody left whom the message did not reach. */
const told: LiveEvent[] = [sent, group, { type: 'receipt', key: own, state: liveDelivery.read, memberJid: ANNA }];
const left: LiveEvent = {
  type: 'group-change',
  change: { jid: GROUP, asOfMs: 2, subject: '', change: 'remove', members: [{ jid: BEN, fromMe: false }] },
};
/** What counts by what was there before it. */
const decisive = fc.oneof(
  aVote,
  aResponse,
  aTarget.map((key): LiveEvent => ({ type: 'deletion', key })),
  fc.constantFrom(text, poll).map((key): LiveEvent => {
    return { type: 'revocation', key, revocationId: 'R', revokeMs: 9, adminJid: '', byAdmin: false };
  }),
  fc.constant(left),
);

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
