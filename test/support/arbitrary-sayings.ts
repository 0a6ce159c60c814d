import fc from 'fast-check';
import { createHash } from 'node:crypto';
import {
  liveDelivery,
  type LiveActor,
  type LiveContent,
  type LiveEvent,
  type LiveKey,
  type VoteOpener,
} from '../../src/domain/live-event.js';
import { messageKind } from '../../src/domain/message-kind.js';
import { aKey, aLiveMessage, anEvent, aText } from './live-events.js';

export const ANNA = '491700000002@s.whatsapp.net';
export const BEN = '491700000003@s.whatsapp.net';
const BEN_LID = '900000000000003@lid';
const CEM_LID = '900000000000004@lid';
const GROUP = '120363000000000001@g.us';
export const SECRET = Uint8Array.of(7);

/** A text, a poll and an event of Anna's, and a message of the owner's. */
export const text = aKey(GROUP, 'T', { sender: ANNA });
export const poll = aKey(GROUP, 'P', { sender: ANNA });
const event = aKey(GROUP, 'E', { sender: ANNA });
const own = aKey(GROUP, 'O', { fromMe: true });
export const options = ['yes', 'no'];

/** What opens a sealed thing is its secret; what is in it stands in it. */
export const openVote: VoteOpener = (sealed, { messageId, secret }) => {
  const { payload, reaction, eventResponse, editId = '', commentId = '' } = sealed;
  const said = Buffer.from(payload).toString();
  if (secret[0] !== SECRET[0] || said.startsWith('?')) return undefined;
  if (commentId !== '') return { comment: aText(said) };
  if (editId !== '' && messageId === 'P') return { content: aPoll(said, said.split(' ')), editMs: 0 };
  if (editId !== '') return { content: aText(said), editMs: 0 };
  if (reaction === true) return { emoji: said.slice(0, -1), reactMs: 0 };
  return eventResponse === true ? { answer: 1, extraGuestCount: said.length, responseMs: 0 } : [hashOf(said)];
};
/** A poll with these options. */
export const aPoll = (question: string, names: string[]): LiveContent => ({
  ...aText(question),
  kind: messageKind.poll,
  waType: 66,
  poll: { options: names, selectableCount: 2 },
});
const hashOf = (option: string): Uint8Array => createHash('sha256').update(option).digest();

const aMs = fc.constantFrom(1000, 2000, 3000, 4000);
const anActor: fc.Arbitrary<LiveActor> = fc
  .constantFrom(ANNA, BEN, BEN_LID, CEM_LID, '')
  .map((jid) => ({ jid, fromMe: jid === '' }));
const aTarget = fc.constantFrom(text, poll, event, own);

/** What somebody says of a message, sealed. */
export const sealedOf = (
  key: LiveKey,
  actor: LiveActor,
  said: string,
  voteMs: number,
  editId: string,
  commentId = '',
): LiveEvent => ({
  type: 'sealed-vote',
  key,
  actor,
  voteMs,
  vote: {
    payload: Buffer.from(said),
    // No two seals are of the same bytes.
    iv: Buffer.from([said, actor.jid, voteMs, key.messageId, editId, commentId].join(' ')),
    voterNames: [actor.jid],
    authorNames: [ANNA],
    reaction: key.messageId === 'T' && editId + commentId === '',
    eventResponse: key.messageId === 'E',
    editId,
    commentId,
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
/** A comment is a message of its own, which says nothing until it is opened. */
const aComment = fc
  .tuple(fc.constantFrom(ANNA, CEM_LID), fc.constantFrom(...sayings), fc.boolean())
  .map(([sender, [said, ms], isSealed]) => {
    const id = `C ${sender} ${String(ms)}`;
    if (isSealed) return sealedOf(text, { jid: sender, fromMe: false }, said, ms, '', id);
    return aLiveMessage(aKey(GROUP, id, { sender }), { content: { ...aText(''), kind: messageKind.pending } });
  });
const sent = aLiveMessage(own, { state: liveDelivery.sent });
const aMessage = fc.constantFrom(
  aLiveMessage(text, { secret: SECRET }),
  aLiveMessage(poll, {
    content: aPoll('?', options),
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
export const anything = fc.oneof(
  { weight: 4, arbitrary: aReaction },
  { weight: 4, arbitrary: aReceipt },
  { weight: 8, arbitrary: aSealed },
  { weight: 1, arbitrary: aSealedEdit },
  { weight: 4, arbitrary: aComment },
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
export const told: LiveEvent[] = [
  sent,
  group,
  { type: 'receipt', key: own, state: liveDelivery.read, memberJid: ANNA },
];
export const left: LiveEvent = {
  type: 'group-change',
  change: { jid: GROUP, asOfMs: 2, subject: '', change: 'remove', members: [{ jid: BEN, fromMe: false }] },
};
/** What counts by what was there before it. */
export const decisive = fc.oneof(
  aVote,
  aResponse,
  aTarget.map((key): LiveEvent => ({ type: 'deletion', key })),
  fc.constantFrom(text, poll).map((key): LiveEvent => {
    return { type: 'revocation', key, revocationId: 'R', revokeMs: 9, adminJid: '', byAdmin: false };
  }),
  fc.constant(left),
);
