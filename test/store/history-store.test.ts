import { fromBinary } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { MessageKind, MessageSchema } from '../../src/gen/scrollback/v1/message_pb.js';
import { Database } from '../../src/store/database.js';
import type { ChangeCursor } from '../../src/store/history-reader.js';
import { aHistory } from '../support/a-history.js';
import { EVERYTHING, importDrafts, readAll, type TemporaryHistory } from '../support/history.js';
import type { MessageDraft } from '../support/page-builder.js';

const ANNA = '491701111111@s.whatsapp.net';
const ANNA_LID = '7001@lid';
const BERT = '491702222222@s.whatsapp.net';
const GROUP = '120363000000000001@g.us';

const texts = async (store: TemporaryHistory['store'], chat?: string): Promise<string[]> =>
  (await readAll(store, { chat })).map(({ text }) => text);

describe('a history', () => {
  it('adds nothing when the same page comes twice', async () => {
    const store = await aHistory();
    const drafts = [1, 2, 3].map((n) => ({ chat: ANNA, id: `m${n}`, sentMs: 1000 * n, ordinal: n }));
    expect(await importDrafts(store, drafts)).toMatchObject({ added: 3, unchanged: 0 });
    const revision = store.revision;
    expect(await importDrafts(store, drafts)).toMatchObject({ added: 0, updated: 0, unchanged: 3 });
    expect(store.revision).toBe(revision);
    expect(store.messageCount).toBe(3);
  });

  it('recognises two records of one page as the same message, with and without the filter', async () => {
    for (const filtered of [true, false]) {
      const store = await aHistory();
      if (filtered) await store.beginImport(100);
      const counts = await importDrafts(store, [
        { chat: ANNA, id: 'same', text: 'short', ordinal: 1 },
        { chat: ANNA, id: 'same', text: 'longer text', ordinal: 1 },
      ]);
      store.endImport();
      expect(counts).toMatchObject({ added: 1, updated: 1 });
      expect(await texts(store)).toEqual(['longer text']);
      expect(store.messageCount).toBe(1);
    }
  });

  it('keeps two senders of one id in a group apart, and one id in two chats', async () => {
    const store = await aHistory();
    await importDrafts(store, [
      { chat: GROUP, id: 'x', sender: ANNA },
      { chat: GROUP, id: 'x', sender: BERT },
      { chat: ANNA, id: 'x' },
    ]);
    expect(store.messageCount).toBe(3);
    expect(
      await store.findMessages({ chat: undefined, messageId: 'x', fromMe: undefined, sender: undefined }),
    ).toHaveLength(3);
    expect(await store.findMessages({ chat: GROUP, messageId: 'x', fromMe: undefined, sender: BERT })).toHaveLength(1);
  });

  it('finds a message by the id of its edit, and joins what was stored under that id', async () => {
    const original: MessageDraft = { chat: ANNA, id: 'first', text: 'before', sentMs: 5000 };
    const underEdit: MessageDraft = { chat: ANNA, id: 'edit', text: 'before', sentMs: 5000 };
    const edited: MessageDraft = {
      ...original,
      text: 'after',
      more: { editTime: timestampFromMs(9000), alternateMessageIds: ['edit'] },
    };
    for (const order of [
      [original, underEdit, edited],
      [edited, underEdit, original],
      [underEdit, edited, original],
    ]) {
      const store = await aHistory();
      for (const draft of order) await importDrafts(store, [draft]);
      const all = await readAll(store);
      expect(all.map(({ text, key, alternateMessageIds }) => [text, key?.messageId, alternateMessageIds])).toEqual([
        ['after', 'first', ['edit']],
      ]);
      const found = await store.findMessages({ chat: ANNA, messageId: 'edit', fromMe: undefined, sender: undefined });
      expect(found.map((bytes) => fromBinary(MessageSchema, bytes).text)).toEqual(['after']);
      expect(store.messageCount).toBe(1);
    }
  });

  it('never shows again what the user deleted, whichever source comes last', async () => {
    const draft: MessageDraft = { chat: ANNA, id: 'gone', sentMs: 3000 };
    const stays: MessageDraft = { chat: ANNA, id: 'stays', sentMs: 2000 };
    for (const order of [
      [[draft, stays], [{ deleted: draft }]],
      [[{ deleted: draft }], [draft, stays]],
    ]) {
      const store = await aHistory();
      for (const page of order) await importDrafts(store, page);
      expect((await readAll(store)).map(({ key }) => key?.messageId)).toEqual(['stays']);
      const chat = await store.getChat(ANNA);
      expect(chat?.messageCount).toBe(1n);
      expect(chat?.lastMessageTime).toEqual(timestampFromMs(2000));
    }
  });

  it('moves a message when a source knows its time better', async () => {
    const store = await aHistory();
    await importDrafts(store, [
      { chat: ANNA, id: 'a', sentMs: 5000 },
      { chat: ANNA, id: 'b', sentMs: 5500 },
    ]);
    await importDrafts(store, [{ chat: ANNA, id: 'a', sentMs: 5750 }]);
    expect((await readAll(store)).map(({ key }) => key?.messageId)).toEqual(['b', 'a']);
    expect((await readAll(store, { chat: ANNA })).map(({ key }) => key?.messageId)).toEqual(['b', 'a']);
    expect(store.messageCount).toBe(2);
  });
});

describe('a writer that waits for LevelDB', () => {
  it('does not wait for ever for a merge that never ends', async () => {
    const store = await aHistory();
    // A full disk ends merges for good: LevelDB then answers the next write with the reason, and this is all that one can see.
    const tables = vi.spyOn(Database.prototype, 'unmergedTables', 'get').mockReturnValue(9);
    let now = Date.now();
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => (now += 1000));
    try {
      await store.catchUp(() => false);
      expect(tables.mock.calls.length).toBeGreaterThan(3);
    } finally {
      clock.mockRestore();
      tables.mockRestore();
    }
  });
});

describe('a LID that is resolved later', () => {
  it('unites the chats, the senders and the reactions of one person', async () => {
    const store = await aHistory();
    await importDrafts(store, [
      { chat: ANNA, id: 'p1', sentMs: 1000 },
      { chat: ANNA_LID, id: 'l1', sentMs: 2000 },
      { chat: ANNA_LID, id: 'both', sentMs: 3000 },
      { chat: ANNA, id: 'both', sentMs: 3000 },
      { chat: GROUP, id: 'g1', sender: ANNA_LID, sentMs: 4000 },
      { chat: GROUP, id: 'g1', sender: ANNA, sentMs: 4000 },
      {
        chat: GROUP,
        id: 'g2',
        sender: BERT,
        sentMs: 5000,
        more: {
          mentionedJids: [ANNA_LID],
          reactions: [{ $typeName: 'scrollback.v1.Reaction', senderJid: ANNA_LID, fromMe: false, emoji: '👍' }],
        },
      },
    ]);
    await importDrafts(store, [{ deleted: { chat: GROUP, id: 'gone', sender: ANNA_LID } }]);
    await store.learnMappings([[ANNA_LID, ANNA]], (build) => store.commit(build));
    while (store.resolving) await store.resolveStep((build) => store.commit(build));
    const all = await readAll(store);
    expect(all.map(({ key }) => [key?.chatJid, key?.senderJid, key?.messageId])).toEqual([
      [ANNA, ANNA, 'p1'],
      [ANNA, ANNA, 'l1'],
      [ANNA, ANNA, 'both'],
      [GROUP, ANNA, 'g1'],
      [GROUP, BERT, 'g2'],
    ]);
    expect(all.at(-1)?.mentionedJids).toEqual([ANNA]);
    expect(all.at(-1)?.reactions.map(({ senderJid }) => senderJid)).toEqual([ANNA]);
    for (const address of [ANNA, ANNA_LID, '+49 170 1111111']) {
      expect((await readAll(store, { chat: address })).map(({ key }) => key?.messageId)).toEqual(['p1', 'l1', 'both']);
    }
    const chat = await store.getChat(ANNA_LID);
    expect(chat).toMatchObject({ jid: ANNA, alternateJids: [ANNA_LID], messageCount: 3n });
    expect(store.messageCount).toBe(5);
    expect(store.chatCount).toBe(2);
    const counts = await importDrafts(store, [{ chat: GROUP, id: 'gone', sender: ANNA }]);
    expect(counts).toMatchObject({ refused: 1, added: 0 });
  });

  it('renames a chat that was known by its LID only', async () => {
    const store = await aHistory();
    await importDrafts(store, [{ chat: ANNA_LID, id: 'l1' }]);
    await store.learnMappings([[ANNA_LID, ANNA]], (build) => store.commit(build));
    while (store.resolving) await store.resolveStep((build) => store.commit(build));
    expect((await readAll(store, { chat: ANNA })).map(({ key }) => key?.chatJid)).toEqual([ANNA]);
    expect(await store.getChat(ANNA)).toMatchObject({ jid: ANNA, alternateJids: [ANNA_LID], messageCount: 1n });
  });
});

describe('reading', () => {
  it('pages exactly, whatever the page size, filter, order and bounds', async () => {
    const store = await aHistory();
    const chats = [ANNA, BERT, GROUP];
    const drafts = Array.from({ length: 400 }, (_, n): MessageDraft => ({
      chat: chats[n % 3] ?? ANNA,
      id: `m${n}`,
      fromMe: n % 5 === 0,
      sender: ANNA,
      // A hundred messages share a millisecond.
      sentMs: n < 100 ? 7000 : 7000 + Math.floor(n / 7) * 1000,
      ordinal: n % 11 === 0 ? 0 : n,
      more: { kind: n % 4 === 0 ? MessageKind.IMAGE : MessageKind.TEXT },
    }));
    await importDrafts(store, drafts);
    const everything = await readAll(store);
    expect(new Set(everything.map(({ key }) => key?.messageId)).size).toBe(400);
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          chat: fc.constantFrom(undefined, ...chats),
          kind: fc.constantFrom(undefined, MessageKind.IMAGE),
          direction: fc.constantFrom(undefined, 'incoming' as const, 'outgoing' as const),
          order: fc.constantFrom('newest-first' as const, 'oldest-first' as const),
          fromMs: fc.constantFrom(undefined, 0, 7000, 7001, 20_000),
          toMs: fc.constantFrom(undefined, 6999, 7000, 30_000),
          pageSize: fc.constantFrom(1, 7, 50, 399, 400, 1000),
        }),
        async ({ kind, pageSize, ...query }) => {
          const kinds = new Set(kind === undefined ? [] : [kind]);
          const expected = everything.filter(
            (message) =>
              (query.chat === undefined || message.key?.chatJid === query.chat) &&
              (kind === undefined || message.kind === kind) &&
              (query.direction === undefined || (query.direction === 'outgoing') === message.key?.fromMe) &&
              (query.fromMs === undefined || ms(message) >= query.fromMs) &&
              (query.toMs === undefined || ms(message) <= query.toMs),
          );
          if (query.order === 'newest-first') expected.reverse();
          const got = await readAll(store, { ...query, kinds }, pageSize);
          expect(got.map(({ key }) => key?.messageId)).toEqual(expected.map(({ key }) => key?.messageId));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('neither repeats nor leaves out a message when new ones arrive between two pages', async () => {
    const store = await aHistory();
    const old = Array.from({ length: 60 }, (_, n) => ({ chat: ANNA, id: `old${n}`, sentMs: 1000 * n }));
    await importDrafts(store, old);
    const seen: string[] = [];
    let cursor: Buffer | undefined;
    let round = 0;
    do {
      const query = { ...EVERYTHING, order: 'newest-first' as const };
      const page = await store.readMessages(query, cursor, { maxMessages: 10, maxBytes: 2 ** 20 });
      seen.push(...page.messages.map((bytes) => fromBinary(MessageSchema, bytes).key?.messageId ?? ''));
      cursor = page.next;
      await importDrafts(store, [{ chat: ANNA, id: `new${round++}`, sentMs: 1_000_000 }]);
    } while (cursor !== undefined);
    expect(seen).toEqual(old.map(({ id }) => id).reverse());
  });
});

describe('following', () => {
  it('gives each message once, as it is now, then what happens', async () => {
    const store = await aHistory();
    await importDrafts(store, [
      { chat: ANNA, id: 'a', sentMs: 1000 },
      { chat: BERT, id: 'b', sentMs: 2000 },
    ]);
    await importDrafts(store, [{ chat: ANNA, id: 'a', sentMs: 1000, text: 'a richer text of a' }]);
    const stop = new AbortController();
    let at: ChangeCursor = { revision: 0, index: 0 };
    const seen: string[] = [];
    const removed: string[] = [];
    while (removed.length === 0) {
      const batch = await store.nextChanges(EVERYTHING, at, { maxMessages: 1, maxBytes: 2 ** 20 }, stop.signal);
      if (batch === undefined) throw new Error('the history ended');
      at = batch.resume;
      seen.push(...batch.messages.map((bytes) => fromBinary(MessageSchema, bytes).text));
      removed.push(...batch.removed.map(({ messageId }) => messageId));
      if (batch.revision === 2) await importDrafts(store, [{ deleted: { chat: BERT, id: 'b' } }]);
    }
    const waiting = store.nextChanges(EVERYTHING, at, { maxMessages: 1, maxBytes: 2 ** 20 }, stop.signal);
    stop.abort();
    expect(await waiting).toBeUndefined();
    expect(seen).toEqual(['text of b', 'a richer text of a']);
    expect(removed).toEqual(['b']);
  });
});

function ms(message: { sentTime?: { seconds: bigint; nanos: number } | undefined }): number {
  return message.sentTime === undefined ? 0 : Number(message.sentTime.seconds) * 1000 + message.sentTime.nanos / 1e6;
}
