import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { MessageSchema } from '../../src/gen/scrollback/v1/message_pb.js';
import type { HistoryStore } from '../../src/store/history-store.js';
import { EVERYTHING, importDrafts, mergeDrafts, openHistory, type TemporaryHistory } from '../support/history.js';
import type { MessageDraft } from '../support/page-builder.js';

const ANNA = '491701111111@s.whatsapp.net';
const BERT = '491702222222@s.whatsapp.net';

const open: TemporaryHistory[] = [];
afterEach(async () => {
  for (const history of open.splice(0)) await history.remove();
});

async function aHistory(): Promise<HistoryStore> {
  const history = await openHistory();
  open.push(history);
  return history.store;
}

/** Messages of two chats, by turns: 0 is the time that none has, and three of them share each other one. */
const someDrafts = (name: string, count: number, timeOf: (n: number) => number): MessageDraft[] =>
  Array.from({ length: count }, (_, n) => ({ chat: n % 2 === 0 ? ANNA : BERT, id: `${name}${n}`, sentMs: timeOf(n) }));

type Order = 'newest-first' | 'oldest-first';

/** Reads page by page and calls `between` after each; gives ids in the order in which they came. */
async function readSlowly(
  store: HistoryStore,
  chat: string | undefined,
  order: Order,
  sizes: readonly number[],
  between: (page: number) => Promise<void>,
  maxBytes = 2 ** 30,
): Promise<string[]> {
  const seen: string[] = [];
  let cursor: Buffer | undefined;
  let page = 0;
  do {
    const bounds = { maxMessages: sizes[page % sizes.length] ?? 1, maxBytes };
    const read = await store.readMessages({ ...EVERYTHING, chat, order }, cursor, bounds);
    seen.push(...read.messages.map((bytes) => fromBinary(MessageSchema, bytes).key?.messageId ?? ''));
    cursor = read.next;
    await between(page++);
  } while (cursor !== undefined);
  return seen;
}

const isOld = (id: string): boolean => id.startsWith('old');

describe('a reader that pages through a chat', () => {
  it('gets each message once and in order while others come before, among and behind them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<Order>('newest-first', 'oldest-first'),
        fc.constantFrom(ANNA, undefined),
        fc.array(fc.constantFrom(1, 2, 63, 64, 65, 127, 128, 129, 200), { minLength: 1, maxLength: 3 }),
        fc.array(fc.nat(5), { minLength: 1, maxLength: 4 }),
        async (order, chat, sizes, places) => {
          const store = await aHistory();
          await importDrafts(
            store,
            someDrafts('old', 900, (n) => Math.floor(n / 6) * 1000),
          );
          const inOrder = await readSlowly(store, chat, order, [1000], () => Promise.resolve());
          expect(new Set(inOrder).size).toBe(chat === undefined ? 900 : 450);
          const seen = await readSlowly(store, chat, order, sizes, async (page) => {
            if (page > 60) return;
            const place = places[page % places.length] ?? 0;
            const step = [0, 7, 150, 1001][place] ?? 0;
            const base = place === 4 ? 1_000_000 : 3000 * page;
            await importDrafts(
              store,
              someDrafts(`new${page}-`, 20, (n) => base + n * step),
            );
          });
          expect(new Set(seen).size).toBe(seen.length);
          expect(seen.filter(isOld)).toEqual(inOrder);
          const now = await readSlowly(store, chat, order, [128], () => Promise.resolve());
          const known = new Set(seen);
          expect(now.filter((id) => known.has(id))).toEqual(seen);
          for (const history of open.splice(0)) await history.remove();
        },
      ),
      { numRuns: 12 },
    );
  });

  it('gets each message once however few bytes a page may have', async () => {
    const store = await aHistory();
    const textOf = (n: number): string => 'x'.repeat(n % 97 === 0 ? 20_000 : n % 7);
    const drafts = someDrafts('old', 900, (n) => n * 1000).map((draft, n) => ({ ...draft, text: textOf(n) }));
    await importDrafts(store, drafts);
    for (const order of ['newest-first', 'oldest-first'] as const) {
      const inOrder = await readSlowly(store, ANNA, order, [1000], () => Promise.resolve());
      for (const maxBytes of [1, 900, 15_000, 50_000]) {
        expect(await readSlowly(store, ANNA, order, [200], () => Promise.resolve(), maxBytes)).toEqual(inOrder);
      }
    }
  });

  it('sees whole commits while an import writes, in a chat, its totals and the look-up of an id', async () => {
    const store = await aHistory();
    const commits = 40;
    const each = 150;
    // Every commit adds among, and moves what the one before brought: its time becomes known better.
    const draftsOf = (commit: number): MessageDraft[] => [
      ...Array.from({ length: each }, (_, n) => ({ chat: ANNA, id: `c${commit}-${n}`, sentMs: 5000 + n * 1000 })),
      ...(commit === 0
        ? []
        : Array.from({ length: each }, (_, n) => ({ chat: ANNA, id: `c${commit - 1}-${n}`, sentMs: 5250 + n * 1000 }))),
    ];
    await importDrafts(store, draftsOf(0));
    let writing = true;
    const work = (async () => {
      let durable: Promise<unknown> = Promise.resolve();
      for (let commit = 1; commit < commits; commit++) {
        const prepared = await store.prepare((building) => mergeDrafts(store, building, draftsOf(commit)));
        await durable;
        durable = prepared.durable;
      }
      await durable;
    })().finally(() => {
      writing = false;
    });
    let reads = 0;
    while (writing) {
      const bounds = { maxMessages: 100_000, maxBytes: 2 ** 30 };
      const order = reads % 2 === 0 ? 'newest-first' : 'oldest-first';
      const { messages } = await store.readMessages({ ...EVERYTHING, chat: ANNA, order }, undefined, bounds);
      expect(messages.length % each).toBe(0);
      const filter = { chat: ANNA, fromMe: undefined, sender: undefined };
      const id = `c${Math.floor(messages.length / each) - 1}-${reads % each}`;
      expect(await store.findMessages({ ...filter, messageId: id })).toHaveLength(1);
      expect(Number((await store.getChat(ANNA))?.messageCount) % each).toBe(0);
      reads++;
    }
    await work;
    expect(reads).toBeGreaterThan(3);
    expect(store.messageCount).toBe(commits * each);
  });
});
