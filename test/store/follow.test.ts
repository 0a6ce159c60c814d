import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { type Message, type MessageKey, MessageSchema } from '../../src/gen/scrollback/v1/message_pb.js';
import type { ChangeCursor, PageBounds } from '../../src/store/history-reader.js';
import type { HistoryStore } from '../../src/store/history-store.js';
import {
  EVERYTHING,
  importDrafts,
  openHistory,
  readAll,
  type TemporaryHistory,
  withoutRevisions,
} from '../support/history.js';
import type { MessageDraft } from '../support/page-builder.js';

const ANNA = '491701111111@s.whatsapp.net';
const ANNA_LID = '7001@lid';
const GROUP = '120363000000000001@g.us';

const open: TemporaryHistory[] = [];
afterEach(async () => {
  for (const history of open.splice(0)) await history.remove();
});

const textOf = (key: MessageKey | undefined): string =>
  [key?.chatJid, key?.senderJid, key?.fromMe, key?.messageId].join(' ');

/** Keeps a copy of a chat, or of everything, by its changes alone. */
class Follower {
  readonly copy = new Map<string, Message>();
  readonly #chat: string | undefined;
  #at: ChangeCursor = { revision: 1, index: 0 };

  constructor(chat: string | undefined) {
    this.#chat = chat;
  }

  /** Takes batches until everything has come, or so many. */
  async follow(store: HistoryStore, bounds: PageBounds, batches = Infinity): Promise<void> {
    const filter = { ...EVERYTHING, chat: this.#chat };
    for (let n = 0; n < batches && this.#at.revision <= store.revision; n++) {
      const batch = await store.nextChanges(filter, this.#at, bounds, new AbortController().signal);
      if (batch === undefined) throw new Error('the history ended');
      // Gone first: a message that is known under a new key comes in the same batch.
      for (const key of batch.removed) this.copy.delete(textOf(key));
      for (const bytes of batch.messages) {
        const message = fromBinary(MessageSchema, bytes);
        this.copy.set(textOf(message.key), withoutRevisions(message));
      }
      this.#at = batch.resume;
    }
  }
}

const aDraft: fc.Arbitrary<MessageDraft | { deleted: MessageDraft }> = fc
  .record({
    chat: fc.constantFrom(ANNA, ANNA_LID, GROUP),
    sender: fc.constantFrom(ANNA, ANNA_LID),
    id: fc.nat(40),
    sentMs: fc.constantFrom(0, 1000, 2000, 3000),
    text: fc.constantFrom('a', 'bb', 'c'.repeat(300)),
    deleted: fc.nat(12),
  })
  .map(({ chat, sender, id, sentMs, text, deleted }) => {
    const draft = { chat, id: `m${id}`, sentMs, text, ...(chat === GROUP ? { sender } : {}) };
    return deleted === 0 ? { deleted: draft } : draft;
  });

const someBounds = fc.record({
  maxMessages: fc.constantFrom(1, 2, 7, 1000),
  maxBytes: fc.constantFrom(1, 500, 2 ** 20),
});

async function learn(store: HistoryStore): Promise<void> {
  await store.learnMappings([[ANNA_LID, ANNA]], (build) => store.commit(build));
  while (store.resolving) await store.resolveStep((build) => store.commit(build));
}

const resolved = (draft: MessageDraft | { deleted: MessageDraft }): MessageDraft | { deleted: MessageDraft } =>
  'deleted' in draft ? { deleted: withPhones(draft.deleted) } : withPhones(draft);

function withPhones(draft: MessageDraft): MessageDraft {
  const phoneOf = (jid: string): string => (jid === ANNA_LID ? ANNA : jid);
  return {
    ...draft,
    chat: phoneOf(draft.chat),
    ...(draft.sender === undefined ? {} : { sender: phoneOf(draft.sender) }),
  };
}

describe('a follower', () => {
  it('has what a reader has, of everything or of a chat, however the batches are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(aDraft, { minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 6 }),
        fc.nat(6),
        someBounds,
        fc.nat(6),
        async (pages, mapAt, bounds, pace) => {
          const history = await openHistory();
          open.push(history);
          const { store } = history;
          const followers = new Map(
            [undefined, ANNA, ANNA_LID, GROUP].map((chat) => [chat ?? 'all', new Follower(chat)]),
          );
          for (const [n, drafts] of pages.entries()) {
            if (n === mapAt) await learn(store);
            await importDrafts(store, n < mapAt ? drafts : drafts.map(resolved));
            for (const follower of followers.values()) await follower.follow(store, bounds, pace);
          }
          if (mapAt >= pages.length) await learn(store);
          for (const [chat, follower] of followers) {
            await follower.follow(store, bounds);
            const messages = await readAll(store, { chat: chat === 'all' ? undefined : chat });
            const wanted = messages.map((message) => [textOf(message.key), message] as const);
            // Who follows a LID is not told what the chat of the number had before; what they have is as it is now.
            const expected = wanted.filter(([key]) => chat !== ANNA_LID || follower.copy.has(key));
            expect(Object.fromEntries(follower.copy), chat).toEqual(Object.fromEntries(expected));
          }
          await history.remove();
          open.length = 0;
        },
      ),
      { numRuns: 60, interruptAfterTimeLimit: 90_000 },
    );
  });
});
