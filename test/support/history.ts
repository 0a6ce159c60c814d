import { fromBinary } from '@bufbuild/protobuf';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { VoteOpener } from '../../src/domain/live-event.js';
import { type Message, MessageSchema } from '../../src/gen/scrollback/v1/message_pb.js';
import type { Commit } from '../../src/store/commit.js';
import type { Present } from '../../src/store/coverage-reads.js';
import { nameRank } from '../../src/store/chat-settings.js';
import { putChat } from '../../src/store/directory.js';
import type { PersonFacts } from '../../src/store/people.js';
import type { MessageQuery } from '../../src/store/history-reader.js';
import { HistoryStore } from '../../src/store/history-store.js';
import type { MergeCounts } from '../../src/store/merge-page.js';
import { aPage, type MessageDraft } from './page-builder.js';

/** A history in a temporary directory. */
export interface TemporaryHistory {
  store: HistoryStore;
  directory: string;
  /** Closes it and removes its directory. */
  remove: () => Promise<void>;
}

/** Opens a new history, small so that LevelDB writes tables also in tests. */
export async function openHistory(
  directory?: string,
  present?: Present,
  openVote?: VoteOpener,
): Promise<TemporaryHistory> {
  const path = directory ?? (await mkdtemp(join(tmpdir(), 'scrollback-history-')));
  const sizes = { cacheBytes: 1024 * 1024, writeBufferBytes: 256 * 1024 };
  const store = await HistoryStore.open(path, sizes, present, openVote);
  return {
    store,
    directory: path,
    remove: async () => {
      store.endFollowers();
      await store.close();
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** Makes the chats, and merges drafts as one page of a backup. */
export async function importDrafts(
  store: HistoryStore,
  drafts: (MessageDraft | { deleted: MessageDraft })[],
): Promise<MergeCounts> {
  return store.commit((commit) => mergeDrafts(store, commit, drafts));
}

/** The same in a commit that is being built. */
export async function mergeDrafts(
  store: HistoryStore,
  commit: Commit,
  drafts: (MessageDraft | { deleted: MessageDraft })[],
): Promise<MergeCounts> {
  const chats = new Map<string, number>();
  for (const draft of drafts) {
    const jid = 'deleted' in draft ? draft.deleted.chat : draft.chat;
    if (!chats.has(jid)) chats.set(jid, await putChat(commit, chatNamed(jid), 0));
  }
  return store.mergePage(commit, aPage(chats, drafts), lidsIn(drafts));
}

/** All messages of a history, without their revisions, in the order of reading; oldest first unless said. */
export async function readAll(
  store: HistoryStore,
  query: Partial<MessageQuery> = {},
  pageSize = 1000,
): Promise<Message[]> {
  const all: Message[] = [];
  let cursor: Buffer | undefined;
  do {
    const page = await store.readMessages({ ...EVERYTHING, ...query }, cursor, {
      maxMessages: pageSize,
      maxBytes: 2 ** 30,
    });
    all.push(...page.messages.map((bytes) => withoutRevisions(fromBinary(MessageSchema, bytes))));
    cursor = page.next;
  } while (cursor !== undefined);
  return all;
}

/** The same message without the revisions, which depend on the order of arrival. */
export function withoutRevisions(message: Message): Message {
  return { ...message, createRevision: 0n, revision: 0n };
}

/** The query for the whole account, the oldest first. */
export const EVERYTHING: MessageQuery = {
  chat: undefined,
  fromMs: undefined,
  toMs: undefined,
  order: 'oldest-first',
  kinds: new Set(),
  direction: undefined,
};

export function chatNamed(jid: string): Parameters<typeof putChat>[1] {
  return {
    jid,
    alternateJids: [],
    name: '',
    nameRank: nameRank.none,
    createMs: 0,
    settings: {},
  };
}

/** A person with a name in the address book, and no more. */
export function personNamed(jid: string, bookName: string): PersonFacts {
  return { jid, alternateJids: [], bookName, pushName: '', username: '', maskedNumber: '' };
}

function lidsIn(drafts: unknown): string[] {
  const text = JSON.stringify(drafts, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  return [...new Set(text.match(/\d+@lid/g) ?? [])];
}
