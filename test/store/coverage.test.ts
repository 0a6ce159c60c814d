import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { coverageSource, type LiveConnection, type Stretch } from '../../src/domain/coverage.js';
import type { LiveCoverage, LiveEvent } from '../../src/domain/live-event.js';
import { addConnection, addCoverage, noteLostHistory, notePairing } from '../../src/store/coverage.js';
import type { HistoryStore } from '../../src/store/history-store.js';
import { openHistory, type TemporaryHistory } from '../support/history.js';
import { aKey, aLiveMessage, recordAll } from '../support/live-events.js';

const { backup, live, historySync, onDemand } = coverageSource;
const ANNA = '491700000002@s.whatsapp.net';
const ANNA_LID = '900000000000002@lid';
const BERT = '491700000003@s.whatsapp.net';
const CHANNEL = '120363000000000001@newsletter';
const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;
const at = (hour: number): number => NOW - (1000 - hour) * HOUR;

let connection: LiveConnection | undefined;
let history: TemporaryHistory;
let store: HistoryStore;
beforeEach(async () => {
  connection = undefined;
  history = await openHistory(undefined, { now: () => NOW, live: () => connection });
  ({ store } = history);
});
afterEach(() => history.remove());

const stretch = (fromMs: number, toMs: number, source: Stretch['source']): Stretch => ({ fromMs, toMs, source });
const add = (what: Stretch & { chat?: string }) => store.commit((commit) => addCoverage(commit, what));
const messageAt = (chat: string, sentMs: number, id = `m${String(sentMs)}`): LiveEvent =>
  aLiveMessage(aKey(chat, id), { sentMs });

/** A chunk of history that has messages of a chat. */
function chunk(chatJid: string, oldestMs: number, newestMs: number, more: Partial<LiveCoverage> = {}): LiveEvent[] {
  const said = { source: historySync, toldMs: NOW - HOUR, isLatest: false, isWhole: false, isEnded: false };
  return [
    messageAt(chatJid, oldestMs),
    messageAt(chatJid, newestMs),
    { type: 'coverage', coverage: { chatJid, oldestMs, newestMs, ...said, ...more } },
  ];
}

describe('the coverage of a history', () => {
  it('without any source is one gap since the oldest message, of the account and of each chat', async () => {
    await recordAll(store, [messageAt(ANNA, at(1)), messageAt(BERT, at(2))]);
    expect(await store.getCoverage(undefined)).toEqual({
      chatJid: '',
      stretches: [],
      gaps: [{ fromMs: at(1), toMs: NOW }],
      firstMessageMs: at(1),
      asOfMs: NOW,
    });
    expect((await store.getCoverage('+49 170 0000003')).gaps).toEqual([{ fromMs: at(2), toMs: NOW }]);
  });

  it('has no gap where there is nothing', async () => {
    expect(await store.getCoverage(undefined)).toMatchObject({ stretches: [], gaps: [] });
  });

  it('is of every chat what holds for the account, also of one that is not stored', async () => {
    await recordAll(store, [messageAt(ANNA, at(1))]);
    await add(stretch(0, at(5), backup));
    for (const chat of [undefined, ANNA, BERT]) {
      const { stretches, gaps } = await store.getCoverage(chat);
      expect({ stretches, gaps }).toEqual({
        stretches: [stretch(0, at(5), backup)],
        gaps: [{ fromMs: at(5), toMs: NOW }],
      });
    }
  });

  it('joins what the account has with what a chat alone has, and is the same after it was opened again', async () => {
    await recordAll(store, [messageAt(ANNA, at(1)), messageAt(BERT, at(1))]);
    await add(stretch(0, at(5), backup));
    await add(stretch(at(4), at(7), backup));
    await add(stretch(at(10), NOW, live));
    await add({ chat: ANNA, ...stretch(at(6), at(12), onDemand) });
    const anna = [stretch(0, at(7), backup), stretch(at(6), at(12), onDemand), stretch(at(10), NOW, live)];
    const expectThat = async (): Promise<void> => {
      expect((await store.getCoverage(ANNA)).stretches).toEqual(anna);
      expect((await store.getCoverage(ANNA)).gaps).toEqual([]);
      expect((await store.getCoverage(BERT)).gaps).toEqual([{ fromMs: at(7), toMs: at(10) }]);
      expect((await store.getChat(ANNA))?.gaps).toBe(0);
      expect((await store.getChat(BERT))?.gaps).toBe(1);
      const { items } = await store.listChats(new Set(), undefined, 10);
      expect(items.map(({ jid, gaps }) => [jid, gaps]).sort()).toEqual([
        [ANNA, 0],
        [BERT, 1],
      ]);
    };
    await expectThat();
    await store.close();
    history = await openHistory(history.directory, { now: () => NOW, live: () => connection });
    ({ store } = history);
    await expectThat();
  });

  it('counts a link that is online up to its last sign of life, and no gap after it', async () => {
    await recordAll(store, [messageAt(ANNA, at(1))]);
    await add(stretch(0, at(5), backup));
    connection = { openedMs: at(5), heardMs: at(8), caughtUp: true };
    expect(await store.getCoverage(ANNA)).toMatchObject({
      stretches: [stretch(0, at(5), backup), stretch(at(5), at(8), live)],
      gaps: [],
      asOfMs: at(8),
    });
  });

  it('of a channel does not count the link: WhatsApp keeps nothing of it for a device', async () => {
    await add(stretch(0, at(5), backup));
    await add(stretch(at(5), NOW, live));
    expect((await store.getCoverage(CHANNEL)).gaps).toEqual([{ fromMs: at(5), toMs: NOW }]);
  });

  it('is the same in whatever order it is told, also of a LID that is resolved in between', async () => {
    type Step = (one: HistoryStore) => Promise<unknown>;
    const adds = (what: Stretch & { chat?: string }): Step => {
      return (one) => one.commit((commit) => addCoverage(commit, what));
    };
    const steps: Step[] = [
      adds(stretch(0, at(5), backup)),
      adds({ chat: ANNA, ...stretch(at(100), at(120), onDemand) }),
      adds({ chat: ANNA_LID, ...stretch(at(115), at(130), onDemand) }),
      (one) => recordAll(one, chunk(ANNA_LID, at(40), at(50), { isEnded: true })),
      (one) => recordAll(one, chunk(ANNA, at(60), at(70))),
      (one) => recordAll(one, chunk(ANNA_LID, at(10), at(20))),
      (one) => recordAll(one, [{ type: 'lid-mapping', lid: ANNA_LID, phone: ANNA }]),
    ];
    const orders = fc.shuffledSubarray(steps, { minLength: steps.length, maxLength: steps.length });
    const property = fc.asyncProperty(orders, async (order) => {
      const other = await openHistory(undefined, { now: () => NOW, live: () => undefined });
      try {
        await other.store.commit((commit) => notePairing(commit, at(1), false));
        await recordAll(other.store, [messageAt(ANNA_LID, at(30)), messageAt(ANNA, at(31))]);
        for (const step of order) await step(other.store);
        expect(await other.store.getCoverage(ANNA_LID)).toMatchObject({
          chatJid: ANNA,
          stretches: [
            stretch(0, at(5), backup),
            stretch(at(10), at(70), historySync),
            stretch(at(100), at(130), onDemand),
          ],
          gaps: [
            { fromMs: at(5), toMs: at(10) },
            { fromMs: at(70), toMs: at(100) },
            { fromMs: at(130), toMs: NOW },
          ],
        });
      } finally {
        await other.remove();
      }
    });
    await fc.assert(property, { numRuns: 25 });
  });

  it('is shared by a LID and its number, when the mapping is learned at last', async () => {
    await recordAll(store, [messageAt(ANNA_LID, at(1)), messageAt(ANNA, at(2), 'p')]);
    await store.commit((commit) => notePairing(commit, at(1), false));
    await recordAll(store, chunk(ANNA_LID, at(3), at(4), { isEnded: true }));
    await add({ chat: ANNA_LID, ...stretch(at(1), at(2), onDemand) });
    await add({ chat: ANNA, ...stretch(at(2), at(3), onDemand) });
    await recordAll(store, [{ type: 'lid-mapping', lid: ANNA_LID, phone: ANNA }]);
    for (const chat of [ANNA, ANNA_LID]) {
      expect(await store.getCoverage(chat)).toMatchObject({
        chatJid: ANNA,
        stretches: [stretch(at(1), at(3), onDemand), stretch(at(3), at(4), historySync)],
        gaps: [{ fromMs: at(4), toMs: NOW }],
      });
    }
    // It is the phone chat's now, and the next chunk goes on with it.
    await recordAll(store, chunk(ANNA, at(6), at(7)));
    expect((await store.getCoverage(ANNA_LID)).gaps).toEqual([{ fromMs: at(7), toMs: NOW }]);
  });
});

describe('a link', () => {
  it('covers the outage between two connections of one device, and not the time without a device', async () => {
    const note = (openedMs: number, heardMs: number, lost = false) =>
      store.commit((commit) => addConnection(commit, { openedMs, heardMs, caughtUp: true }, lost));
    await store.commit((commit) => notePairing(commit, at(1), false));
    await note(at(2), at(3));
    await note(at(5), at(6), true);
    expect((await store.getCoverage(undefined)).stretches).toEqual([stretch(at(1), at(6), live)]);
    await store.commit((commit) => notePairing(commit, at(10), false));
    await note(at(11), at(12));
    expect(await store.getCoverage(undefined)).toMatchObject({
      stretches: [stretch(at(1), at(6), live), stretch(at(10), at(12), live)],
      gaps: [
        { fromMs: at(6), toMs: at(10) },
        { fromMs: at(12), toMs: NOW },
      ],
    });
  });

  it('whose place another program took starts anew with its next connection', async () => {
    const note = (openedMs: number, heardMs: number, lost: boolean) =>
      store.commit((commit) => addConnection(commit, { openedMs, heardMs, caughtUp: true }, lost));
    await note(at(2), at(3), true);
    await note(at(5), at(6), false);
    expect((await store.getCoverage(undefined)).stretches).toEqual([
      stretch(at(2), at(3), live),
      stretch(at(5), at(6), live),
    ]);
  });
});

describe('a chunk of history', () => {
  const pair = (pairedMs: number, waits = false) => store.commit((commit) => notePairing(commit, pairedMs, waits));
  const known = async () => (await store.getCoverage(ANNA)).stretches;

  it('covers from its oldest to its newest message', async () => {
    await recordAll(store, chunk(ANNA, at(1), at(2)));
    expect(await known()).toEqual([stretch(at(1), at(2), historySync)]);
  });

  it('covers up to when it was told where nothing came after its newest message', async () => {
    await recordAll(store, chunk(ANNA, at(1), at(2), { isLatest: true, toldMs: at(9) }));
    expect(await known()).toEqual([stretch(at(1), at(9), historySync)]);
  });

  it('is one with the others of its sync when the phone says that it has sent everything, in any order', async () => {
    await pair(at(0));
    await recordAll(store, chunk(ANNA, at(1), at(2), { isEnded: true }));
    await recordAll(store, chunk(ANNA, at(5), at(6)));
    await recordAll(store, chunk(ANNA, at(3), at(4)));
    expect(await known()).toEqual([stretch(at(1), at(6), historySync)]);
  });

  it('covers from the beginning when the phone has nothing older', async () => {
    await pair(at(0));
    await recordAll(store, chunk(ANNA, at(1), at(2), { isWhole: true, isEnded: true }));
    expect(await known()).toEqual([stretch(0, at(2), historySync)]);
  });

  it('stands for itself while another one waits, and for good when one was lost', async () => {
    await pair(at(0));
    await recordAll(store, chunk(ANNA, at(1), at(2), { isEnded: true }));
    await recordAll(store, chunk(ANNA, at(5), at(6)));
    const alone = [stretch(at(1), at(2), historySync), stretch(at(5), at(6), historySync)];
    await store.inbox.append(Buffer.from('an announcement'));
    const [record] = await store.inbox.read('live', 1, 1000);
    if (record === undefined) throw new Error('nothing in the inbox');
    await store.commit(async (commit) => store.inbox.move(commit, record, 'history'));
    store.inbox.settled('live', [record], 'history');
    expect(await known()).toEqual(alone);
    const [announced] = await store.inbox.read('history', 1, 1000);
    if (announced === undefined) throw new Error('nothing was announced');
    await store.commit(async (commit) => store.inbox.remove(commit, [announced]));
    store.inbox.settled('history', [announced]);
    expect(await known()).toEqual([stretch(at(1), at(6), historySync)]);
    await store.commit(noteLostHistory);
    expect(await known()).toEqual(alone);
  });

  it('is not one with those of a device before, whose own claim stays', async () => {
    await pair(at(0));
    await recordAll(store, chunk(ANNA, at(3), at(4), { toldMs: at(5) }));
    await recordAll(store, chunk(ANNA, at(1), at(2), { toldMs: at(5), isEnded: true }));
    await pair(at(500));
    await recordAll(store, chunk(ANNA, at(498), at(499), { toldMs: at(501), isEnded: true }));
    // One that was announced to the device before.
    await recordAll(store, chunk(ANNA, at(480), at(481), { toldMs: at(499) }));
    expect(await known()).toEqual([
      stretch(at(1), at(4), historySync),
      stretch(at(480), at(481), historySync),
      stretch(at(498), at(499), historySync),
    ]);
  });

  it('stands for itself when its device went while another chunk waited', async () => {
    await pair(at(0));
    await recordAll(store, chunk(ANNA, at(3), at(4), { toldMs: at(5) }));
    await recordAll(store, chunk(ANNA, at(1), at(2), { toldMs: at(5), isEnded: true }));
    await pair(at(500), true);
    expect(await known()).toEqual([stretch(at(1), at(2), historySync), stretch(at(3), at(4), historySync)]);
  });

  it('that was asked for counts at once', async () => {
    await recordAll(store, chunk(ANNA, at(1), at(2), { source: onDemand, isWhole: true }));
    expect(await known()).toEqual([stretch(0, at(2), onDemand)]);
  });
});
