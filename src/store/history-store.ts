import { create, fromBinary } from '@bufbuild/protobuf';
import { setImmediate, setTimeout as delay } from 'node:timers/promises';
import type { LiveEvent, VoteOpener } from '../domain/live-event.js';
import {
  type BackfillRecord,
  type HistoryRecord,
  HistoryRecordSchema,
  ResolutionSchema,
} from '../gen/scrollback/store/v1/record_pb.js';
import type { BackfillKind } from '../gen/scrollback/v1/backfill_service_pb.js';
import { findByRequest, getBackfill, listBackfills } from './backfills.js';
import { Commit } from './commit.js';
import { CommitMemory } from './commit-memory.js';
import { clearStep, isClearing } from './clear-chat.js';
import { CoverageReads, type Present } from './coverage-reads.js';
import { Database, type DatabaseOptions } from './database.js';
import { HistoryReads } from './history-reads.js';
import { IdentityFilter } from './identity-filter.js';
import { Inbox } from './inbox.js';
import { keyspace, LAYOUT_VERSION, prefixEnd, prefixKey, refuseOtherLayout } from './keyspaces.js';
import { KnownTotals } from './known-totals.js';
import { learnMappings, mappingsOf } from './learn-mappings.js';
import { LinkStore } from './link-store.js';
import { mergePage, type MergeCounts } from './merge-page.js';
import { countsAgain } from './merged-pages.js';
import { type LiveCounts, recordLive } from './record-live.js';
import { resolveStep } from './resolve-lids.js';
import { openWaiting } from './settle-facts.js';
import { UnresolvedLids } from './unresolved-lids.js';
import { Wakeup } from './wakeup.js';

/**
 * The history of one session: a LevelDB directory and what is kept in memory of it. Commits must be called one at a time (the
 * session's mailbox sees to that); reads may happen at any time and see whole commits only.
 */
export class HistoryStore extends HistoryReads {
  /** What the link to WhatsApp keeps; not a part of the history. */
  readonly link: LinkStore;
  /** What the link delivered and nobody recorded yet. */
  readonly inbox: Inbox;
  readonly #database: Database;
  readonly #wakeup: Wakeup;
  readonly #memory: CommitMemory;
  readonly #unresolved = new UnresolvedLids();
  /** What is durable, and what the next commit builds on. */
  #state: HistoryRecord;
  #built: HistoryRecord;
  #writing: Promise<void> = Promise.resolve();
  #filter: IdentityFilter | undefined;
  #mappingsFromLink = 0;
  /** What opens votes: what the link last came with, or what the store was opened with. */
  #openVote: VoteOpener;

  private constructor(
    database: Database,
    state: HistoryRecord,
    totals: KnownTotals,
    inbox: Inbox,
    present: Present,
    openVote: VoteOpener,
  ) {
    const wakeup = new Wakeup();
    super(database, () => this.#state, totals, wakeup, new CoverageReads(database, inbox, present));
    this.inbox = inbox;
    this.#database = database;
    this.link = new LinkStore(database, inbox.writes);
    this.#wakeup = wakeup;
    this.#memory = new CommitMemory(totals);
    this.#state = state;
    this.#built = state;
    this.#openVote = openVote;
  }

  /**
   * Opens or creates the directory. Throws when it is damaged, in use, or of a layout that this version does not know. Without `openVote`, what
   * is sealed stays so until the link records something.
   */
  static async open(
    path: string,
    options: DatabaseOptions,
    present = NOT_LINKED,
    openVote: VoteOpener = () => undefined,
  ): Promise<HistoryStore> {
    const database = await Database.open(path, options);
    try {
      const value = await database.get(prefixKey(keyspace.state));
      const state =
        value === undefined
          ? create(HistoryRecordSchema, { layoutVersion: LAYOUT_VERSION, nextChatNumber: 1 })
          : fromBinary(HistoryRecordSchema, value);
      refuseOtherLayout(state.layoutVersion);
      const totals = await KnownTotals.read(database, Number(state.totalsRevision));
      return new HistoryStore(database, state, totals, await Inbox.open(database), present, openVote);
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  /** The write error after which nothing more is written or read; the owner closes and opens anew. */
  get failure(): Error | undefined {
    return this.#database.failure;
  }

  /** True while stored messages wait for `resolveStep`: to be rewritten, or removed. */
  get resolving(): boolean {
    return this.#built.resolution !== undefined || this.#built.clearingChats.length > 0;
  }

  /** Ends the followers: they return what they have and no more. */
  endFollowers(): void {
    this.#wakeup.close();
  }

  /** Closes the database. Reads that are under way must have ended. */
  async close(): Promise<void> {
    this.#wakeup.close();
    await this.inbox.close();
    await this.#writing.catch(() => undefined);
    await this.#database.close();
  }

  /**
   * Builds a commit, and starts to write it with sync when the one before is written. Resolves as soon as the next one may be built,
   * with `durable`: when that resolves, everything that `build` did is durable and visible to readers; when it rejects, nothing
   * is. So one commit is built while another is written, and never more; what `build` reads is as of the commit before.
   */
  async prepare<T>(build: (commit: Commit) => Promise<T>): Promise<{ durable: Promise<T> }> {
    const before = this.#writing;
    const commit = new Commit(this.#database, this.#built, this.#memory, this.#filter, before);
    let result: T;
    try {
      result = await build(commit);
      await setImmediate();
      await commit.finish();
      await before;
    } catch (error) {
      await commit.batch.close();
      throw error;
    }
    this.#built = commit.state;
    this.#memory.built(commit);
    const durable = this.#write(commit);
    this.#writing = durable;
    // Who prepared it hears of a failure; the next one is refused by the poisoned database.
    durable.catch(() => undefined);
    return { durable: durable.then(() => result) };
  }

  /** Builds and writes a commit; see `prepare`. */
  async commit<T>(build: (commit: Commit) => Promise<T>): Promise<T> {
    const { durable } = await this.prepare(build);
    return durable;
  }

  async #write(commit: Commit): Promise<void> {
    await this.#database.write(commit.batch);
    this.#state = commit.state;
    this.#memory.totals.written(commit);
    this.#unresolved.written(commit);
    if (commit.changed) this.#wakeup.wake();
  }

  /**
   * Prepares for many pages: `expected` messages may come. Memory is 1.5 to 3 bytes for each stored and expected one. Others may
   * write meanwhile, through `commit` too, which waits for the writer's turn. Does nothing when it was done already.
   */
  async beginImport(expected: number, commit: CommitInTurn = (build) => this.commit(build)): Promise<void> {
    if (this.#filter !== undefined) return;
    const filter = new IdentityFilter(Number(this.#built.messageCount) + expected);
    // What is committed from this turn on adds itself to the filter; everything before it is in the log.
    await commit(() => {
      this.#filter = filter;
      return Promise.resolve();
    });
    const range = { gte: prefixKey(keyspace.log), lt: prefixEnd(keyspace.log) };
    for await (const entries of this.#database.scan({ ...range, batchSize: 16 })) {
      for (const [, value] of entries) filter.addLogged(value);
    }
  }

  /** How many LIDs the link has told the numbers of since the history was opened. */
  get mappingsFromLink(): number {
    return this.#mappingsFromLink;
  }

  /** Resolves what pages brought under LIDs whose numbers were learned while they were read: their reader did not know them. */
  async resolveImported(commit: CommitInTurn): Promise<void> {
    await commit((building) => {
      const { retoldChats = [] } = building.state.resolution ?? {};
      building.state.resolution = create(ResolutionSchema, { retoldChats });
      building.touch();
      return Promise.resolve();
    });
    while (this.resolving) await this.resolveStep(commit);
  }

  /**
   * Waits until LevelDB has merged most of what was written. Whoever writes much calls it before each commit: else LevelDB stops all
   * writes at some point, and a commit of somebody else takes more than a second. It waits for a while only: LevelDB that cannot
   * merge, because the disk is full, says so to who writes and to nobody else.
   */
  async catchUp(stopped: () => boolean): Promise<void> {
    const until = Date.now() + MAX_CATCH_UP_MS;
    while (this.#database.unmergedTables >= MAX_UNMERGED_TABLES && !stopped() && Date.now() < until) {
      await delay(CATCH_UP_MS);
    }
  }

  /** Lets go of what `beginImport` took. */
  endImport(): void {
    this.#filter = undefined;
  }

  /** Merges a worker's page in a commit that is being built. `unresolvedLids` are those that its messages hold. */
  async mergePage(commit: Commit, page: Buffer, unresolvedLids: string[]): Promise<MergeCounts> {
    this.#unresolved.mark(commit, unresolvedLids);
    return mergePage(commit, page, this.#filter, (poll) => openWaiting(commit, poll, this.#openVote));
  }

  /**
   * Records what the link told in a commit that is being built; what it learned of LIDs first. Then `resolveStep` must follow
   * while `resolving`.
   */
  async recordLive(commit: Commit, events: LiveEvent[], openVote: VoteOpener): Promise<LiveCounts> {
    const mappings = events.flatMap((event): [string, string][] =>
      event.type === 'lid-mapping' ? [[event.lid, event.phone]] : [],
    );
    if (mappings.length > 0) {
      this.#mappingsFromLink += await learnMappings(commit, this.#database, mappings);
      this.#unresolved.clear();
    }
    this.#openVote = openVote;
    return recordLive(commit, this.#database, events, openVote);
  }

  /**
   * Keeps which phone numbers LIDs stand for, and unites what was stored under both; then `resolveStep` must follow. Both commit
   * through `commit`, which waits for the writer's turn.
   */
  async learnMappings(mappings: [lid: string, phone: string][], commit: CommitInTurn): Promise<void> {
    for (let at = 0; at < mappings.length; at += MAPPINGS_PER_COMMIT) {
      const some = mappings.slice(at, at + MAPPINGS_PER_COMMIT);
      await commit((building) => learnMappings(building, this.#database, some));
    }
    this.#unresolved.clear();
  }

  /** Removes some of what was cleared, or rewrites some of the messages whose LIDs were resolved; `resolving` tells whether more are left. */
  async resolveStep(commit: CommitInTurn): Promise<void> {
    // First what is cleared: what is rewritten then is not.
    await commit((building) =>
      isClearing(building)
        ? clearStep(building, this.#database)
        : resolveStep(building, this.#database, this.#openVote),
    );
  }

  /** The phone numbers that are known of these LIDs. */
  mappingsOf(lids: string[]): Promise<[lid: string, phone: string][]> {
    return mappingsOf(this.#database, lids);
  }

  /** What merging a page of a backup would count that changes nothing; undefined when it may. */
  countsAgain(digest: Buffer): Promise<MergeCounts | undefined> {
    return countsAgain(this.#database, this.#state, digest);
  }

  /** Reads the record of a backfill. */
  getBackfill(backfillId: string): Promise<BackfillRecord | undefined> {
    return getBackfill(this.#database, backfillId);
  }

  /** Reads the backfill that was created with a request id. */
  findBackfillByRequest(requestId: string): Promise<BackfillRecord | undefined> {
    return findByRequest(this.#database, requestId);
  }

  /** Reads the backfills with ids before `beforeId` (`''` for all), the newest first. */
  listBackfills(...page: [beforeId: string, limit: number, kind?: BackfillKind]): Promise<BackfillRecord[]> {
    return listBackfills(this.#database, ...page);
  }
}

/** Builds and writes a commit when the writer's turn comes. */
export type CommitInTurn = <T>(build: (commit: Commit) => Promise<T>) => Promise<T>;

const NOT_LINKED: Present = { now: Date.now, live: () => undefined };

/** One less than where LevelDB begins to slow writes down, less what is written while it merges. */
const MAX_UNMERGED_TABLES = 7;
const CATCH_UP_MS = 5;

/** Many times what a merge takes; who goes on after it waits inside of LevelDB, at worst. */
const MAX_CATCH_UP_MS = 10_000;

/** A commit of so many mappings stays below a few MB. */
const MAPPINGS_PER_COMMIT = 5000;
