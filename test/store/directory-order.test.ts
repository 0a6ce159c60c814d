import { create, toBinary, toJson } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { LiveEvent } from '../../src/domain/live-event.js';
import { ChatRecordSchema, ContactRecordSchema } from '../../src/gen/scrollback/store/v1/record_pb.js';
import { ChatSchema, ContactSchema } from '../../src/gen/scrollback/v1/history_service_pb.js';
import type { HistoryStore } from '../../src/store/history-store.js';
import { chatNumberKey, keyspace, textKey } from '../../src/store/keyspaces.js';
import { putContact } from '../../src/store/people.js';
import { openHistory, personNamed } from '../support/history.js';
import { recordAll } from '../support/live-events.js';

const ANNA = '491701111111@s.whatsapp.net';
const ANNA_LID = '7001@lid';
const GROUP = '120363000000000001@g.us';
const CHANNEL = '120363000000000002@newsletter';

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const aTime = fc.integer({ min: 0, max: 4 }).map((n) => n * 1000);
const aName = fc.constantFrom('', 'a', 'b', 'longer');

const anEvent: fc.Arbitrary<LiveEvent> = fc.oneof(
  fc
    .record({
      jid: fc.constantFrom(ANNA, ANNA_LID),
      name: aName,
      pushName: aName,
      username: aName,
      asOfMs: aTime,
    })
    .map((contact) => ({ type: 'contact' as const, contact })),
  fc
    .record({
      jid: fc.constantFrom(ANNA, ANNA_LID, GROUP, CHANNEL),
      asOfMs: aTime,
      name: maybe(aName),
      archived: maybe(fc.boolean()),
      unreadCount: maybe(fc.nat(3)),
      ephemeralSeconds: maybe(fc.nat(3)),
      muteEndMs: maybe(fc.nat(3)),
    })
    .map((chat) => ({ type: 'chat' as const, chat })),
);

/** What a history says of chats and people in the end, and what it keeps of when they were told. */
async function outcome(events: readonly LiveEvent[], sizes: readonly number[], mapAt: number): Promise<unknown> {
  const history = await openHistory();
  const { store } = history;
  try {
    // The chats are there from the start: their numbers are given in order of arrival.
    await recordAll(
      store,
      [ANNA, GROUP, CHANNEL, ANNA_LID].map((jid) => ({ type: 'chat', chat: { jid, asOfMs: 0 } })),
    );
    const told = events.toSpliced(mapAt, 0, { type: 'lid-mapping', lid: ANNA_LID, phone: ANNA });
    for (let at = 0, n = 0; at < told.length; n++) {
      await recordAll(store, told.slice(at, (at += sizes[n % sizes.length] ?? 1)));
    }
    return await describeDirectory(store);
  } finally {
    await history.remove();
  }
}

async function describeDirectory(store: HistoryStore): Promise<unknown> {
  const chats = [];
  for (const jid of [ANNA, GROUP, CHANNEL]) {
    const chat = await store.getChat(jid);
    chats.push(chat && toJson(ChatSchema, { ...chat, revision: 0n }));
  }
  const { items } = await store.listContacts(undefined, 10);
  return { chats, contacts: items.map((contact) => toJson(ContactSchema, contact)) };
}

it('what is told of chats and people gives the same in whatever order, how often, and when the LID is resolved', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anEvent, { minLength: 1, maxLength: 10 }).chain((events) =>
        fc.record({
          events: fc.constant(events),
          other: fc.shuffledSubarray([...events, ...events], { minLength: events.length * 2 }),
          sizes: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
          mapAt: fc.nat(10),
          mapAgainAt: fc.nat(20),
        }),
      ),
      async ({ events, other, sizes, mapAt, mapAgainAt }) => {
        expect(await outcome(other, sizes, mapAgainAt)).toEqual(await outcome(events, [1], mapAt));
      },
    ),
    { numRuns: 60, interruptAfterTimeLimit: 90_000 },
  );
});

it('a record with one time for all that it holds is read as it was meant', async () => {
  const history = await openHistory();
  const { store } = history;
  try {
    await recordAll(store, [{ type: 'chat', chat: { jid: ANNA, asOfMs: 0 } }]);
    await store.commit(async (commit) => {
      const number = await commit.overlay.get(textKey(keyspace.chatNumber, ANNA));
      const chatNumber = number?.readUInt32BE(0) ?? 0;
      const chat = { jid: ANNA, archived: true, unreadCount: 5 };
      const old = create(ChatRecordSchema, { chat, chatNumber, asOfMs: 5000n });
      commit.overlay.put(chatNumberKey(keyspace.chat, chatNumber), Buffer.from(toBinary(ChatRecordSchema, old)));
      const contact = { jid: ANNA, name: 'Anna at work', pushName: 'Anna' };
      const person = create(ContactRecordSchema, { contact, asOfMs: 5000n });
      commit.overlay.put(textKey(keyspace.contact, ANNA), Buffer.from(toBinary(ContactRecordSchema, person)));
    });
    await recordAll(store, [
      { type: 'chat', chat: { jid: ANNA, asOfMs: 4000, archived: false, unreadCount: 1 } },
      { type: 'chat', chat: { jid: ANNA, asOfMs: 6000, unreadCount: 2 } },
      { type: 'contact', contact: { jid: ANNA, name: 'older', pushName: 'older', username: '', asOfMs: 4000 } },
      { type: 'contact', contact: { jid: ANNA, name: '', pushName: 'Annie', username: '', asOfMs: 6000 } },
    ]);
    expect(await store.getChat(ANNA)).toMatchObject({ archived: true, unreadCount: 2, name: 'Anna at work' });
    const { items } = await store.listContacts(undefined, 10);
    expect(items).toMatchObject([{ name: 'Anna at work', pushName: 'Annie' }]);
    await store.commit((commit) => putContact(commit, personNamed(ANNA, 'Anna Smith'), 6000));
    expect(await store.getChat(ANNA)).toMatchObject({ name: 'Anna Smith' });
  } finally {
    await history.remove();
  }
});
