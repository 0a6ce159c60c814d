import { type BackfillKind, isTerminal } from '../../domain/backfill.js';
import { DomainError } from '../../domain/fault.js';
import { isServerId } from '../../domain/server-id.js';
import { parseSessionId, type SessionId } from '../../domain/session-id.js';
import type { BackfillRecord } from '../../gen/scrollback/store/v1/record_pb.js';
import type { Registry } from '../../store/registry.js';
import { kindOf, kindOfWire, type LiveBackfill, stateOf, WIRE_KINDS } from './backfill.js';
import { BackupBackfill } from '../backup/backup-backfill.js';
import { BackupBackfills, type BackupBackfillsDependencies } from '../backup/backup-backfills.js';
import { fillDirectory } from './fill-directory.js';
import { HistorySyncs } from './history-syncs.js';
import { type FindLink, LinkBackfills } from './link-backfills.js';
import { LiveBackfills } from './live-backfills.js';
import { describePhoneSource, type PhoneDependencies, phoneWorks } from './phone-backfills.js';
import type { Session } from '../session.js';
import type { BackfillFilter, BackupKeyInput, NewBackfill, UploadSink } from '../sessions.js';

/** What the backfills work with. */
export type BackfillsDependencies = BackupBackfillsDependencies & PhoneDependencies;

/** How the others are found. */
export interface BackfillsNeighbours {
  /** Finds a session; throws SESSION_NOT_FOUND. */
  findSession: (sessionId: SessionId) => Promise<Session>;
  findLink: FindLink;
}

/** All backfills: finds them, and leads what clients ask of them to those who carry it out, by their kinds. */
export class Backfills {
  readonly #registry: Registry;
  readonly #dependencies: BackfillsDependencies;
  readonly #findSession: BackfillsNeighbours['findSession'];
  readonly #live: LiveBackfills;
  readonly #backups: BackupBackfills;
  readonly #links: LinkBackfills;
  /** What links carried out when the process ended, by session. All those would have to be opened for it before anybody is served. */
  readonly #unfinished = new Map<string, { ids: string[]; recovery: Promise<void> | undefined }>();
  /** Counts the history that WhatsApp sends by itself. */
  readonly historySyncs: HistorySyncs;

  constructor(registry: Registry, dependencies: BackfillsDependencies, neighbours: BackfillsNeighbours) {
    this.#registry = registry;
    this.#dependencies = dependencies;
    this.#findSession = neighbours.findSession;
    this.#live = new LiveBackfills(registry);
    this.#backups = new BackupBackfills(dependencies, this.#live);
    const { findLink } = neighbours;
    this.#links = new LinkBackfills(dependencies, this.#live, findLink, {
      directory: fillDirectory,
      'history-sync': (run) => this.historySyncs.untilComplete(run),
      ...phoneWorks(dependencies, findLink),
    });
    this.historySyncs = new HistorySyncs({ live: this.#live, links: this.#links, now: dependencies.now });
  }

  /** Takes up the imports of backups that were not over when the process ended. What links carry out waits for `recoverLinked`. */
  async recover(): Promise<void> {
    for await (const { backfillId, pointer } of this.#registry.pointers('')) {
      const { sessionId, active } = pointer;
      if (!active) continue;
      const unfinished = this.#unfinished.get(sessionId);
      if (kindOfWire(pointer.kind) === 'backup') await this.#recover(backfillId, sessionId);
      else if (unfinished !== undefined) unfinished.ids.push(backfillId);
      else this.#unfinished.set(sessionId, { ids: [backfillId], recovery: undefined });
    }
  }

  /** Takes up what the link of a session carried out when the process ended; called before the link connects. */
  async recoverLinked(sessionId: string): Promise<void> {
    const unfinished = this.#unfinished.get(sessionId);
    if (unfinished === undefined) return;
    const recoverAll = async (): Promise<void> => {
      for (const backfillId of unfinished.ids) await this.#recover(backfillId, sessionId);
      this.#unfinished.delete(sessionId);
    };
    await (unfinished.recovery ??= recoverAll());
  }

  async #recover(backfillId: string, sessionId: string): Promise<void> {
    try {
      const session = await this.#findSession(parseSessionId(sessionId));
      const record = await session.use((store) => store.getBackfill(backfillId));
      const kind = record === undefined ? 'backup' : kindOf(record);
      if (record === undefined || isTerminal(stateOf(record))) await this.#live.forget(backfillId, session, kind);
      else if (kind === 'backup') await this.#backups.recover(record, session);
      else this.#links.recover(record, kind, session);
    } catch (error) {
      // One session that cannot be found or opened must not keep the others from starting; it is tried again at the next start.
      this.#dependencies.log.error({ sessionId, backfillId, err: error }, 'backfill not resumed');
    }
  }

  /** Stops all work where it stands; the records stay as they were committed. */
  async stop(): Promise<void> {
    await Promise.all([this.#backups.stop(), this.#links.stop()]);
  }

  async create(request: NewBackfill): Promise<BackfillRecord> {
    return this.#wipingUnlessTaken(request.key, () => this.#create(request));
  }

  async #create(request: NewBackfill): Promise<BackfillRecord> {
    const session = await this.#findSession(parseSessionId(request.sessionId));
    if (request.requestId !== '') {
      const known = await session.use((store) => store.findBackfillByRequest(request.requestId));
      if (known !== undefined) return this.#live.newest(known);
    }
    const { source } = request;
    switch (source.kind) {
      case 'upload':
      case 'drop':
        return this.#backups.create(request, source, session);
      case 'directory':
        return this.#links.create(request, source.kind, session);
      case 'older-messages':
      case 'reconciliation':
        return this.#links.create(request, source.kind, session, await describePhoneSource(source, session));
    }
  }

  async get(backfillId: string): Promise<BackfillRecord> {
    const live = this.#live.find(backfillId);
    if (live !== undefined) return live.backfill.record;
    const pointer = isServerId(backfillId) ? await this.#registry.getPointer(backfillId) : undefined;
    if (pointer === undefined) throw new DomainError({ reason: 'BACKFILL_NOT_FOUND', backfillId });
    const session = await this.#findSession(parseSessionId(pointer.sessionId));
    const record = await session.use((store) => store.getBackfill(backfillId));
    if (record === undefined) throw new DomainError({ reason: 'BACKFILL_NOT_FOUND', backfillId });
    return record;
  }

  async latest(sessionId: SessionId, kind: BackfillKind | undefined): Promise<BackfillRecord> {
    const session = await this.#findSession(sessionId);
    const [running] = this.#live.of(session, kind);
    if (running !== undefined) return running.record;
    const [record] = await session.use((store) => store.listBackfills('', 1, kind && WIRE_KINDS[kind]));
    if (record === undefined) throw new DomainError({ reason: 'BACKFILL_NOT_FOUND', backfillId: '' });
    return record;
  }

  async list({ sessionId, kind }: BackfillFilter, beforeId: string, limit: number): Promise<BackfillRecord[]> {
    if (sessionId !== '') {
      const session = await this.#findSession(parseSessionId(sessionId));
      const records = await session.use((store) => store.listBackfills(beforeId, limit, kind && WIRE_KINDS[kind]));
      return records.map((record) => this.#live.newest(record));
    }
    const records: BackfillRecord[] = [];
    for await (const { backfillId, pointer } of this.#registry.pointers(beforeId)) {
      if (records.length === limit) break;
      // The history of its session need not be opened for one of another kind.
      if (kind !== undefined && kindOfWire(pointer.kind) !== kind) continue;
      const record = await this.get(backfillId).catch((error: unknown) => {
        if (error instanceof DomainError) return undefined;
        throw error;
      });
      if (record !== undefined) records.push(record);
    }
    return records;
  }

  resume(backfillId: string, key: BackupKeyInput): Promise<BackfillRecord> {
    return this.#wipingUnlessTaken(key, async () => {
      const { backfill, session } = await this.#requireLive(backfillId);
      return backfill instanceof BackupBackfill ? this.#backups.resume(backfill, session, key) : backfill.record;
    });
  }

  async cancel(backfillId: string): Promise<BackfillRecord> {
    const live = await this.#find(backfillId);
    if (live === undefined) return this.get(backfillId);
    // What WhatsApp sends by itself is recorded all the same; it would only not be counted.
    if (live.backfill.kind === 'history-sync')
      throw new DomainError({ reason: 'BACKFILL_NOT_CANCELLABLE', backfillId });
    await this.#cancel(live.backfill, live.session);
    return live.backfill.record;
  }

  /** Cancels what a session runs. */
  async cancelAll(session: Session): Promise<void> {
    await Promise.all(this.#live.of(session).map((backfill) => this.#cancel(backfill, session)));
  }

  async *watch(backfillId: string, signal: AbortSignal): AsyncGenerator<BackfillRecord, void, undefined> {
    const live = await this.#find(backfillId);
    if (live === undefined) yield await this.get(backfillId);
    else yield* live.backfill.watch(signal);
  }

  async openUpload(backfillId: string): Promise<UploadSink> {
    const { backfill, session } = await this.#requireLive(backfillId);
    if (backfill instanceof BackupBackfill) return this.#backups.openUpload(backfill, session);
    throw new DomainError({ reason: 'BACKFILL_NOT_UPLOADING', backfillId, state: backfill.state });
  }

  /** Wipes a key after a call, unless a backfill has taken it, which wipes it itself: others refuse it, or need none. */
  async #wipingUnlessTaken<T>(key: BackupKeyInput, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } finally {
      const isTaken = this.#live.all().some((backfill) => backfill instanceof BackupBackfill && backfill.key === key);
      if (!isTaken) key?.fill(0);
    }
  }

  #cancel(backfill: LiveBackfill, session: Session): Promise<void> {
    return backfill instanceof BackupBackfill
      ? this.#backups.cancel(backfill, session)
      : this.#links.cancel(backfill, session);
  }

  /** One that is not over; it may be one that has not been taken up yet. */
  async #find(backfillId: string): Promise<{ backfill: LiveBackfill; session: Session } | undefined> {
    for (const [sessionId, { ids }] of this.#unfinished) {
      if (ids.includes(backfillId)) await this.recoverLinked(sessionId);
    }
    return this.#live.find(backfillId);
  }

  async #requireLive(backfillId: string): Promise<{ backfill: LiveBackfill; session: Session }> {
    const live = await this.#find(backfillId);
    if (live !== undefined) return live;
    const state = stateOf(await this.get(backfillId));
    throw new DomainError({ reason: 'BACKFILL_ENDED', backfillId, state });
  }
}
