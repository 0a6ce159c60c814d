import { timestampMs } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import type { LiveEvent } from '../../src/domain/live-event.js';
import { isLid } from '../../src/domain/jid.js';
import type { Message } from '../../src/gen/scrollback/v1/message_pb.js';
import type { Commit } from '../../src/store/commit.js';
import { putChat } from '../../src/store/directory.js';
import type { HistoryStore } from '../../src/store/history-store.js';
import { dumpHistory } from './dump-history.js';
import { chatNamed, openHistory, readAll, type TemporaryHistory } from './history.js';
import { addressOf, aFact, draftOf, eventsOf, type Fact, GROUP, openVote, people, type Person } from './one-account.js';
import { aPage, type MessageDraft } from './page-builder.js';

/** What one commit brings, and what happens around it. */
export interface Delivery {
  facts: Fact[];
  /** Whose LID is told with it, before the facts. */
  mappings: ('anna' | 'bert')[];
  before: 'nothing' | 'reopen' | 'filter' | 'no filter';
  /** How many steps of a resolution come before the next commit. */
  steps: number;
  /** True when its backup's reader does not know mappings that were learned since it began. */
  stale: boolean;
}

/** Commits in an order, each with some facts. */
export const someDeliveries: fc.Arbitrary<Delivery[]> = fc.array(
  fc.record({
    facts: fc.array(aFact, { minLength: 1, maxLength: 14 }),
    mappings: fc.constantFrom<Delivery['mappings']>([], [], [], ['anna'], ['bert'], ['anna', 'bert']),
    before: fc.constantFrom<Delivery['before']>('nothing', 'nothing', 'nothing', 'reopen', 'filter', 'no filter'),
    steps: fc.nat(5),
    stale: fc.boolean(),
  }),
  { minLength: 1, maxLength: 8 },
);

/** What a history is in the end. */
export interface Outcome {
  messages: Message[];
  /** See `dumpHistory`. */
  rest: string[];
  chats: string[];
}

/**
 * Delivers everything to a new history. `mapAtEnd` is whose LIDs are told when all is in; `groupAtEnd`: who is in the group is told
 * after it, not before everything.
 */
export async function deliver(
  deliveries: readonly Delivery[],
  mapAtEnd: Delivery['mappings'],
  groupAtEnd = false,
): Promise<Outcome> {
  const run = new Run(await openHistory(undefined, undefined, openVote));
  try {
    if (!groupAtEnd) await run.record([aGroup()]);
    for (const delivery of deliveries) await run.deliver(delivery);
    if (mapAtEnd.length > 0) await run.record(mapAtEnd.map(mappingOf));
    if (groupAtEnd) await run.record([aGroup()]);
    return await run.finish();
  } finally {
    await run.remove();
  }
}

class Run {
  /** Chat numbers as a reader got them when it began. */
  readonly #numbers = new Map<string, number>();
  readonly #learned = new Set<string>();

  constructor(private history: TemporaryHistory) {}

  get #store(): HistoryStore {
    return this.history.store;
  }

  remove(): Promise<void> {
    return this.history.remove();
  }

  async record(events: LiveEvent[]): Promise<void> {
    await this.#store.commit((commit) => this.#store.recordLive(commit, events, openVote));
    for (const event of events) if (event.type === 'lid-mapping') this.#learned.add(event.lid);
  }

  async deliver({ facts, mappings, before, steps, stale }: Delivery): Promise<void> {
    if (before === 'reopen') await this.#reopen();
    if (before === 'filter') await this.#store.beginImport(100);
    if (before === 'no filter') this.#store.endImport();
    const live = facts.filter(({ via }) => via !== 'backup').flatMap(eventsOf);
    await this.record([...mappings.map(mappingOf), ...live]);
    const drafts = facts.filter(({ via }) => via === 'backup').map(draftOf);
    await this.#store.commit((commit) => this.#mergePage(commit, drafts, stale));
    for (let n = 0; n < steps && this.#store.resolving; n++) await this.#resolveStep();
  }

  async finish(): Promise<Outcome> {
    while (this.#store.resolving) await this.#resolveStep();
    await this.#store.resolveImported((build) => this.#store.commit(build));
    const messages = await readAll(this.#store);
    const chats: string[] = [];
    for (const jid of [GROUP, ...Object.keys(people).map((name) => addressOf(name as Person, false))]) {
      const chat = await this.#store.getChat(jid);
      const own = await readAll(this.#store, { chat: jid }, 7);
      const times = [chat?.firstMessageTime, chat?.lastMessageTime].map((time) => (time ? timestampMs(time) : 0));
      chats.push([jid, chat?.jid, chat?.alternateJids, chat?.messageCount, ...times, own.length].join(' '));
    }
    const { directory } = this.history;
    await this.#store.close();
    const rest = await dumpHistory(directory);
    this.history = await openHistory(directory, undefined, openVote);
    return { messages, rest: rest.filter((line) => !line.endsWith('is unresolved')), chats };
  }

  #resolveStep(): Promise<void> {
    return this.#store.resolveStep((build) => this.#store.commit(build));
  }

  async #mergePage(commit: Commit, drafts: (MessageDraft | { deleted: MessageDraft })[], stale: boolean) {
    const lids = new Set<string>();
    const told = drafts.map((draft) => resolved(draft, (jid) => this.#known(jid, stale)));
    for (const lid of JSON.stringify(told, asText).match(/\d+@lid/g) ?? []) lids.add(lid);
    const chats = new Map<string, number>();
    for (const [n, draft] of told.entries()) {
      const jid = chatIn(draft);
      const other = chatIn(drafts[n] ?? draft);
      const named = { ...chatNamed(jid), alternateJids: other === jid ? [] : [other] };
      const number = (stale && isLid(jid) ? this.#numbers.get(jid) : undefined) ?? (await putChat(commit, named, 0));
      chats.set(jid, number);
      if (!this.#numbers.has(jid)) this.#numbers.set(jid, number);
    }
    await this.#store.mergePage(commit, aPage(chats, told), [...lids]);
  }

  /** What the reader of a backup takes an address for. */
  #known(jid: string, stale: boolean): string {
    if (!isLid(jid) || !this.#learned.has(jid) || (stale && this.#numbers.has(jid))) return jid;
    return [people.anna, people.bert].find(({ lid }) => lid === jid)?.phone ?? jid;
  }

  async #reopen(): Promise<void> {
    const { directory } = this.history;
    await this.#store.close();
    this.history = await openHistory(directory, undefined, openVote);
  }
}

function resolved(draft: MessageDraft | { deleted: MessageDraft }, phoneOf: (jid: string) => string): typeof draft {
  if ('deleted' in draft) {
    // Safety: what is no deletion stays none.
    return { deleted: resolved(draft.deleted, phoneOf) as MessageDraft };
  }
  const { sender, reactions, hidden } = draft;
  const actor = <T extends { senderJid: string }>(one: T): T => ({ ...one, senderJid: phoneOf(one.senderJid) });
  return {
    ...draft,
    chat: phoneOf(draft.chat),
    ...(sender === undefined ? {} : { sender: phoneOf(sender) }),
    ...(reactions && { reactions: reactions.map(actor) }),
    ...(hidden && { hidden: { ...hidden, removedReactions: hidden.removedReactions.map(actor) } }),
  };
}

function chatIn(draft: MessageDraft | { deleted: MessageDraft }): string {
  return 'deleted' in draft ? draft.deleted.chat : draft.chat;
}

function asText(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

export function mappingOf(person: 'anna' | 'bert'): LiveEvent {
  const { lid, phone } = people[person];
  return { type: 'lid-mapping', lid, phone };
}

/** The group, with all people: who is in it decides how far a message of the owner got. */
function aGroup(): LiveEvent {
  const members = (['anna', 'bert', 'carl', 'dora'] as const).map((person, n) => {
    return { jid: addressOf(person, n % 2 === 0), rank: 'member' as const, fromMe: false };
  });
  return { type: 'group', group: { jid: GROUP, subject: 'all', createMs: 1000, members, asOfMs: 5000 } };
}
