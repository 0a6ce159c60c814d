import { timestampMs } from '@bufbuild/protobuf/wkt';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { MAX_UNSAVED_CHATS, SAVE_EVERY_REVISIONS } from '../../src/store/chat-totals.js';
import type { HistoryStore } from '../../src/store/history-store.js';
import { putContact } from '../../src/store/people.js';
import {
  importDrafts,
  mergeDrafts,
  openHistory,
  personNamed,
  readAll,
  type TemporaryHistory,
} from '../support/history.js';

const open: TemporaryHistory[] = [];
const directories: string[] = [];
afterEach(async () => {
  for (const history of open.splice(0)) await history.remove();
  for (const directory of directories.splice(0)) await rm(directory, { recursive: true });
});

async function aHistory(directory?: string): Promise<TemporaryHistory> {
  const history = await openHistory(directory);
  open.push(history);
  return history;
}

/** Opens what a kill would leave: the files as they are, without anything that closing does. */
async function afterKill({ directory }: TemporaryHistory): Promise<HistoryStore> {
  const copy = await mkdtemp(join(tmpdir(), 'scrollback-killed-'));
  directories.push(copy);
  await cp(directory, copy, { recursive: true });
  const { store } = await openHistory(copy);
  open.push({ store, directory: copy, remove: () => store.close() });
  return store;
}

const jidOf = (chat: number): string => `${String(491700000000 + chat)}@s.whatsapp.net`;

/** Each chat with its count and its ends, as the history says and as its messages say. */
async function totalsOf(store: HistoryStore): Promise<Map<string, string>> {
  const totals = new Map<string, string>();
  let cursor: Buffer | undefined;
  do {
    const page = await store.listChats(new Set(), cursor, 1000);
    for (const { jid, messageCount, firstMessageTime: first, lastMessageTime: last } of page.items) {
      totals.set(jid, [messageCount, first && timestampMs(first), last && timestampMs(last)].join());
    }
    cursor = page.next;
  } while (cursor !== undefined);
  return totals;
}

async function countedOf(store: HistoryStore): Promise<Map<string, string>> {
  const times = new Map<string, number[]>();
  for (const { key, sentTime } of await readAll(store, {}, 100_000)) {
    const jid = key?.chatJid ?? '';
    const known = times.get(jid) ?? [];
    known.push(sentTime === undefined ? 0 : timestampMs(sentTime));
    times.set(jid, known);
  }
  return new Map(
    [...times].map(([jid, all]) => {
      const known = all.filter((ms) => ms > 0);
      const ends = known.length === 0 ? [undefined, undefined] : [known[0], known[known.length - 1]];
      return [jid, [all.length, ...ends].join()];
    }),
  );
}

async function expectRight(store: HistoryStore): Promise<void> {
  const counted = await countedOf(store);
  const totals = await totalsOf(store);
  // A chat whose messages are all gone stays, and says so.
  expect([...totals].filter(([, text]) => text !== '0,,').sort()).toEqual([...counted].sort());
}

describe('the totals of chats', () => {
  it('are right after each kill, while they go from the log to records of their own', async () => {
    const history = await aHistory();
    const { store } = history;
    for (let n = 1; n <= SAVE_EVERY_REVISIONS + 6; n++) {
      await importDrafts(store, [
        { chat: jidOf(n % 5), id: `m${n}`, sentMs: n % 4 === 0 ? 0 : 1_000_000 - n },
        { chat: jidOf(n), id: `m${n}`, sentMs: n },
        ...(n % 7 === 0 ? [{ deleted: { chat: jidOf(n - 1), id: `m${n - 1}`, sentMs: 1 } }] : []),
      ]);
      // Commits without messages, with and without a revision of their own, change no totals.
      if (n % 3 === 0) {
        await store.commit((commit) => {
          if (n % 2 === 0) commit.touch();
          return putContact(commit, personNamed(jidOf(n), `name ${n}`), n);
        });
      }
      const last = n % SAVE_EVERY_REVISIONS;
      if (n % 16 === 0 || last < 2 || last > SAVE_EVERY_REVISIONS - 12) await expectRight(await afterKill(history));
    }
    await expectRight(store);
  });

  it('are right when more chats change than are kept in the log, and after it was opened again', async () => {
    const history = await aHistory();
    const count = MAX_UNSAVED_CHATS + 300;
    const part = Math.ceil(count / 6);
    let pending: Promise<unknown> = Promise.resolve();
    for (let at = 0; at < count; at += part) {
      const drafts = Array.from({ length: Math.min(part, count - at) }, (_, n) => ({
        chat: jidOf(at + n),
        id: 'first',
        sentMs: 5000 + at + n,
      }));
      const { durable } = await history.store.prepare((commit) => mergeDrafts(history.store, commit, drafts));
      await pending;
      pending = durable;
    }
    await pending;
    const some = [0, 1, part, count - 1].map((n) => ({ chat: jidOf(n), id: 'second', sentMs: 10 + n }));
    await importDrafts(history.store, some);
    await expectRight(history.store);
    await expectRight(await afterKill(history));
    const reopened = await afterKill(history);
    await importDrafts(reopened, [
      { deleted: { chat: jidOf(1), id: 'second' } },
      { chat: jidOf(2), id: 'x', sentMs: 7 },
    ]);
    await expectRight(reopened);
  });

  it('are those of what was written, after a write that failed', async () => {
    const history = await aHistory();
    await importDrafts(history.store, [{ chat: jidOf(1), id: 'a', sentMs: 1000 }]);
    const drafts = [{ chat: jidOf(1), id: 'b', sentMs: 2000 }];
    const failing = history.store.commit(async (commit) => {
      await mergeDrafts(history.store, commit, drafts);
      commit.batch.write = () => Promise.reject(new Error('EIO'));
    });
    await expect(failing).rejects.toThrow('EIO');
    await expect(importDrafts(history.store, drafts)).rejects.toThrow('poisoned');
    open.length = 0;
    await history.store.close();
    const { store } = await aHistory(history.directory);
    await expectRight(store);
    expect(await importDrafts(store, drafts)).toMatchObject({ added: 1 });
    await expectRight(store);
    expect(store.messageCount).toBe(2);
  });
});
