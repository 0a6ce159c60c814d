import { create } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { HiddenFactsSchema } from '../../src/gen/scrollback/store/v1/record_pb.js';
import { type Message, MessageKind, ReactionSchema } from '../../src/gen/scrollback/v1/message_pb.js';
import { POSITION_MAX } from '../../src/domain/position.js';
import type { HistoryStore } from '../../src/store/history-store.js';
import { mergeDrafts, openHistory, readAll, type TemporaryHistory } from '../support/history.js';
import type { MessageDraft } from '../support/page-builder.js';

const ANNA = '491701111111@s.whatsapp.net';
const ANNA_LID = '7001@lid';
const BERT = '491702222222@s.whatsapp.net';
const BERT_LID = '7002@lid';
const GROUP = '120363000000000001@g.us';
const PHONES = new Map([
  [ANNA_LID, ANNA],
  [BERT_LID, BERT],
]);

const open: TemporaryHistory[] = [];
afterEach(async () => {
  for (const history of open.splice(0)) await history.remove();
});

type Draft = MessageDraft | { deleted: MessageDraft };

/** So many ids a chat that several chunks are needed and many drafts are of one message. */
const IDS = 260;

const START = 1_700_000_000_000;

/** Times that are equal, absent, smallest, largest, and in between; a message mostly has its own. */
const timeOf = (id: number, choice: number): number =>
  [0, 1, POSITION_MAX, START, START + (id % 7) * 1000, START - id * 1000][choice] ?? START + id * 10;

/** Somebody's reaction, as one source has it; another may know that they took it back. */
function reactionOf(senderJid: string, removed: boolean): Pick<MessageDraft, 'reactions' | 'hidden'> {
  const emoji = removed ? '' : '👍';
  const reaction = create(ReactionSchema, { senderJid, emoji, reactTime: timestampFromMs(removed ? 9000 : 5000) });
  return removed ? { hidden: create(HiddenFactsSchema, { removedReactions: [reaction] }) } : { reactions: [reaction] };
}

const aDraft: fc.Arbitrary<Draft> = fc
  .record({
    chat: fc.constantFrom(ANNA, ANNA, ANNA_LID, GROUP, GROUP, BERT_LID),
    sender: fc.constantFrom(ANNA, ANNA_LID, BERT_LID),
    fromMe: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    id: fc.nat(IDS),
    time: fc.nat(30),
    ordinal: fc.constantFrom(0, 1, 2),
    text: fc.constantFrom('a', 'grüße 👍', 'a longer text'),
    role: fc.nat(40),
    reaction: fc.option(fc.record({ by: fc.constantFrom(ANNA, ANNA_LID), removed: fc.boolean() }), { nil: undefined }),
  })
  .map(({ id, time, role, ordinal, text, chat, sender, fromMe, reaction }) => {
    const sentMs = timeOf(id, time);
    // An edited message is also known by the id of its edit, under which another source may have it.
    const own = { chat, fromMe, sentMs, ordinal, text, ...(chat === GROUP && !fromMe ? { sender } : {}) };
    const first = { ...own, id: `AB${id.toString(16).toUpperCase().padStart(4, '0')}` };
    if (role === 0) return { deleted: first };
    const kind = role % 4 === 0 ? MessageKind.IMAGE : MessageKind.TEXT;
    if (role === 1) return { ...own, id: `edit${String(id)}`, more: { kind: MessageKind.TEXT } };
    if (role === 2) return { ...first, more: { kind, alternateMessageIds: [`edit${String(id)}`] } };
    return { ...first, more: { kind }, ...(reaction && reactionOf(reaction.by, reaction.removed)) };
  });

/** How drafts come: in pages, with what happens before each. */
const aPage = fc.record({
  drafts: fc.array(aDraft, { minLength: 1, maxLength: 220, size: 'max' }),
  before: fc.constantFrom('nothing', 'nothing', 'nothing', 'wait', 'reopen', 'filter', 'no filter'),
});

const resolved = (draft: Draft): Draft =>
  'deleted' in draft ? { deleted: withPhones(draft.deleted) } : withPhones(draft);

function withPhones(draft: MessageDraft): MessageDraft {
  const phoneOf = (jid: string): string => PHONES.get(jid) ?? jid;
  const { sender, reactions, hidden } = draft;
  return {
    ...draft,
    chat: phoneOf(draft.chat),
    ...(sender === undefined ? {} : { sender: phoneOf(sender) }),
    ...(reactions && { reactions: reactions.map((one) => ({ ...one, senderJid: phoneOf(one.senderJid) })) }),
    ...(hidden && {
      hidden: {
        ...hidden,
        removedReactions: hidden.removedReactions.map((one) => ({ ...one, senderJid: phoneOf(one.senderJid) })),
      },
    }),
  };
}

/** Merges pages, each built while the one before is being written. */
async function mergeAll(pages: readonly { drafts: Draft[]; before: string }[], mapAt: number): Promise<HistoryStore> {
  let history = await openHistory();
  let pending: Promise<unknown>[] = [];
  const settle = async (): Promise<void> => {
    await Promise.all(pending);
    pending = [];
  };
  for (const [n, { drafts, before }] of pages.entries()) {
    if (n === mapAt) {
      await settle();
      history = await learn(history, before === 'reopen');
    }
    if (before === 'wait') await settle();
    if (before === 'filter') await history.store.beginImport(1000);
    if (before === 'no filter') history.store.endImport();
    if (before === 'reopen') {
      await settle();
      history = await reopen(history);
    }
    const sent = n < mapAt ? drafts : drafts.map(resolved);
    const { durable } = await history.store.prepare((commit) => mergeDrafts(history.store, commit, sent));
    pending.push(durable);
  }
  await settle();
  if (mapAt >= pages.length) history = await learn(history, true);
  open.push(history);
  return history.store;
}

/** Learns the numbers of LIDs; what was stored under them is rewritten in steps, between which it may be opened anew. */
async function learn(history: TemporaryHistory, reopens: boolean): Promise<TemporaryHistory> {
  let now = history;
  await now.store.learnMappings([...PHONES], (build) => now.store.commit(build));
  while (now.store.resolving) {
    if (reopens) now = await reopen(now);
    await now.store.resolveStep((build) => now.store.commit(build));
  }
  return now;
}

async function reopen({ store, directory }: TemporaryHistory): Promise<TemporaryHistory> {
  await store.close();
  return openHistory(directory);
}

const msOf = ({ sentTime }: Message): number => (sentTime === undefined ? 0 : timestampMs(sentTime));
const chatOf = ({ key }: Message): string => key?.chatJid ?? '';

/** Fails unless everything that a history says of its chats follows from its messages. */
async function expectConsistent(store: HistoryStore, messages: Message[]): Promise<void> {
  expect(store.messageCount).toBe(messages.length);
  for (const chat of [ANNA, BERT, GROUP]) {
    const own = messages.filter((message) => chatOf(message) === chat);
    expect(await readAll(store, { chat }, 97)).toEqual(own);
    expect(await readAll(store, { chat, order: 'newest-first' }, 128)).toEqual(own.toReversed());
    const images = own.filter(({ kind }) => kind === MessageKind.IMAGE);
    expect(await readAll(store, { chat, kinds: new Set([MessageKind.IMAGE]) }, 31)).toEqual(images);
    const times = own.map(msOf).filter((ms) => ms > 0);
    const totals = await store.getChat(chat);
    if (own.length > 0) expect(totals).toBeDefined();
    expect(Number(totals?.messageCount ?? 0n)).toBe(own.length);
    const { firstMessageTime: first, lastMessageTime: last } = totals ?? {};
    expect(first && timestampMs(first)).toBe(times.length === 0 ? undefined : Math.min(...times));
    expect(last && timestampMs(last)).toBe(times.length === 0 ? undefined : Math.max(...times));
  }
}

describe('a history of chunks', () => {
  it('is the same after any mix of commits, and its chats hold exactly their messages', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(aPage, { minLength: 1, maxLength: 9 }),
        fc.nat(9),
        fc.nat(1_000_000),
        async (pages, mapAt, shuffle) => {
          const store = await mergeAll(pages, mapAt);
          const messages = await readAll(store);
          await expectConsistent(store, messages);

          const others = pages.flatMap(({ drafts }) => drafts);
          const order = others.map((draft, n) => ({ draft, at: (n * 7919 + shuffle) % (others.length * 31 + 1) }));
          const shuffled = order.sort((a, b) => a.at - b.at).map(({ draft }) => draft);
          const other = await mergeAll([{ drafts: shuffled, before: 'nothing' }], 0);
          for (const chat of [ANNA, BERT, GROUP]) {
            const own = messages.filter((message) => chatOf(message) === chat);
            expect(await readAll(other, { chat })).toEqual(own);
          }
          expect(other.messageCount).toBe(messages.length);
          for (const history of open.splice(0)) await history.remove();
        },
      ),
      // What it found so far must be told before the test is ended: making a counterexample small takes minutes.
      { numRuns: 40, interruptAfterTimeLimit: 90_000 },
    );
  });
});
