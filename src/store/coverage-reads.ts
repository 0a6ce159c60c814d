import {
  coverageSource,
  gapsOf,
  joinStretches,
  type LiveConnection,
  type Stretch,
  withConnection,
} from '../domain/coverage.js';
import { chatKindOf } from '../domain/jid.js';
import { claimsOf, coverageKey, decodeCoverage, type StoredCoverage } from './coverage.js';
import type { Database } from './database.js';
import type { CoverageView } from './history-reader.js';
import type { Inbox } from './inbox.js';
import { keyspace, prefixEnd } from './keyspaces.js';

/** What the coverage of a history depends on and the disk does not know. */
export interface Present {
  now: () => number;
  /** The connection of the link while it is online. */
  live: () => LiveConnection | undefined;
}

/** A chat to look at. */
export interface CoveredChat {
  jid: string;
  chatNumber: number | undefined;
  /** When its oldest message was sent; 0 while there is none. */
  firstMs: number;
}

/** The reading side of coverage. */
export class CoverageReads {
  constructor(
    private readonly database: Database,
    private readonly inbox: Pick<Inbox, 'waiting'>,
    private readonly present: Present,
  ) {}

  /** What is known of the whole account. */
  async ofAccount(): Promise<CoverageView> {
    const { account, untilMs } = await this.#account([]);
    return viewOf('', account.stretches, await this.#firstTime(), untilMs);
  }

  /** What is known of a chat. */
  async ofChat(chat: CoveredChat): Promise<CoverageView> {
    const [view] = await this.#ofChats([chat]);
    if (view === undefined) throw new Error('one chat was asked for and none answered');
    return view;
  }

  /** How many gaps chats have, in the same order. */
  async gapsOfChats(chats: readonly CoveredChat[]): Promise<number[]> {
    return (await this.#ofChats(chats)).map(({ gaps }) => gaps.length);
  }

  async #ofChats(chats: readonly CoveredChat[]): Promise<CoverageView[]> {
    const { account, untilMs, own } = await this.#account(chats.map(({ chatNumber }) => chatNumber));
    // While a chunk waits, nobody knows what it holds.
    const lostThroughMs = this.inbox.waiting('history') > 0 ? Infinity : account.lostThroughMs;
    return chats.map(({ jid, firstMs }, i) => {
      const { stretches = [], transfer } = own[i] ?? {};
      const all = joinStretches(sharedWith(jid, account.stretches), stretches, claimsOf(transfer, lostThroughMs));
      return viewOf(jid, all, firstMs, untilMs);
    });
  }

  async #account(
    chatNumbers: (number | undefined)[],
  ): Promise<{ account: StoredCoverage; untilMs: number; own: (StoredCoverage | undefined)[] }> {
    // Taken before the disk is read: a connection that ends meanwhile is then found there.
    const live = this.present.live();
    const keys = [undefined, ...chatNumbers.filter((number) => number !== undefined)].map(coverageKey);
    const [value, ...values] = await this.database.getMany(keys);
    const stored = decodeCoverage(value);
    const account = live === undefined ? stored : { ...stored, ...withConnection(stored, live) };
    const found = values[Symbol.iterator]();
    const own = chatNumbers.map((number) => (number === undefined ? undefined : decodeCoverage(found.next().value)));
    return { account, untilMs: live?.heardMs ?? this.present.now(), own };
  }

  /** When the oldest message of the account was sent; 0 while there is none. What has no time comes first, and does not count. */
  async #firstTime(): Promise<number> {
    const gte = Buffer.alloc(7);
    gte[0] = keyspace.message;
    gte.writeUIntBE(1, 1, 6);
    for await (const keys of this.database.scanKeys({ gte, lt: prefixEnd(keyspace.message), limit: 1 })) {
      return keys[0]?.readUIntBE(1, 6) ?? 0;
    }
    return 0;
  }
}

/** Channels and status updates are not kept for a device that is away, and not all of them are pushed to one that is there. */
function sharedWith(jid: string, stretches: Stretch[]): Stretch[] {
  const kind = chatKindOf(jid);
  if (kind !== 'newsletter' && kind !== 'status') return stretches;
  return stretches.filter(({ source }) => source !== coverageSource.live);
}

function viewOf(chatJid: string, stretches: Stretch[], firstMs: number, asOfMs: number): CoverageView {
  const starts = [...stretches.slice(0, 1).map(({ fromMs }) => fromMs), ...(firstMs > 0 ? [firstMs] : [])];
  const gaps = starts.length === 0 ? [] : gapsOf(stretches, Math.min(...starts), asOfMs);
  return { chatJid, stretches, gaps, firstMessageMs: firstMs, asOfMs };
}
