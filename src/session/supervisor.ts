import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackfillKind } from '../domain/backfill.js';
import { DomainError } from '../domain/fault.js';
import { parseSessionId, type SessionId } from '../domain/session-id.js';
import type { BackfillRecord, SessionRecord } from '../gen/scrollback/store/v1/record_pb.js';
import type { MediaPolicy } from '../gen/scrollback/v1/session_service_pb.js';
import type { HistoryReader } from '../store/history-reader.js';
import { Registry } from '../store/registry.js';
import { Backfills, type BackfillsDependencies } from './backfill/backfills.js';
import { IdleStores } from './idle-stores.js';
import { Links } from './link/links.js';
import { Media, type MediaDependencies } from './media/media.js';
import { Session, type SessionDependencies } from './session.js';
import { SessionDirectories } from './session-directories.js';
import { changeRecord, changesOf, newSessionRecord } from './session-record.js';
import { viewOf } from './session-view.js';
import type { LinkDependencies } from './link/link-dependencies.js';
import type {
  BackfillFilter,
  BackupKeyInput,
  LinkView,
  MediaQuestion,
  MediaRead,
  NewBackfill,
  Sessions,
  SessionView,
  UploadSink,
} from './sessions.js';
import { tellStorageFull } from './storage-full.js';
import { watchLink } from './link/watch-link.js';

/** What the supervisor works with. */
export interface SupervisorDependencies extends BackfillsDependencies, LinkDependencies, MediaDependencies {
  dataDirectory: string;
  /** Resolves when links can be made; called before the first one is. */
  loadLinks: () => Promise<void>;
}

/**
 * The parent of all sessions: knows which there are, hands them out, and brings back what a crash interrupted. Starting is
 * recovering: there is no other recovery code.
 */
export class Supervisor implements Sessions {
  readonly #dependencies: SupervisorDependencies;
  readonly #registry: Registry;
  readonly #backfills: Backfills;
  readonly #links: Links;
  readonly #media: Media;
  readonly #directories: SessionDirectories;
  /** What all sessions share. */
  readonly #forSessions: SessionDependencies;
  readonly #sessions = new Map<SessionId, Session>();
  /** Sessions that are being made: the second of two calls at once must be refused. */
  readonly #creating = new Set<SessionId>();
  #closed = false;

  private constructor(registry: Registry, dependencies: SupervisorDependencies) {
    this.#registry = registry;
    this.#dependencies = dependencies;
    const { now, log, inboxReader } = dependencies;
    this.#forSessions = {
      now,
      log,
      idleStores: new IdleStores(),
      openVote: (...vote) => inboxReader.openVote(...vote),
    };
    this.#directories = new SessionDirectories(dependencies.dataDirectory, registry);
    this.#backfills = new Backfills(registry, dependencies, {
      findSession: (sessionId) => this.#session(sessionId),
      findLink: (session) => this.#links.of(session),
    });
    this.#links = new Links({
      ...dependencies,
      recover: ({ record }) => this.#backfills.recoverLinked(record.sessionId),
      counterOf: (session) => this.#backfills.historySyncs.counterOf(session),
      save: (session, link) => this.#change(session, { link }),
    });
    this.#media = new Media(dependencies, (session) => this.#links.of(session));
  }

  /**
   * Takes the data directory, removes what a crash left lying, and resumes the backfills that were not over. Throws when another
   * daemon has the directory.
   */
  static async open(dependencies: SupervisorDependencies): Promise<Supervisor> {
    await mkdir(join(dependencies.dataDirectory, 'sessions'), { recursive: true, mode: 0o700 });
    await SessionDirectories.refuseWithoutRegistry(dependencies.dataDirectory);
    const registry = await Registry.open(join(dependencies.dataDirectory, 'registry'));
    const supervisor = new Supervisor(registry, dependencies);
    try {
      await supervisor.#directories.recover();
      await supervisor.#backfills.recover();
      return supervisor;
    } catch (error) {
      await supervisor.close();
      throw error;
    }
  }

  /**
   * Lets the links connect that do so by themselves, without waiting for them. Hundreds of them are half a minute of work: call it when
   * clients are served already.
   */
  async resumeLinks(): Promise<void> {
    this.#media.start();
    for await (const { sessionId, link, deleting } of this.#registry.sessions()) {
      if (link === undefined || deleting || this.#closed) continue;
      try {
        await this.#dependencies.loadLinks();
        const session = await this.#session(parseSessionId(sessionId));
        await this.#links.resume(session);
        await this.#media.follow(session);
      } catch (error) {
        // It was deleted meanwhile.
        if (!(error instanceof DomainError)) throw error;
      }
    }
  }

  /** Stops all work where it stands, and closes everything. Links come back and backfills go on at the next start. */
  async close(): Promise<void> {
    this.#closed = true;
    // First what brings more to do.
    await this.#media.close();
    await this.#links.stop();
    await this.#backfills.stop();
    await Promise.all([...this.#sessions.values()].map((session) => session.close()));
    await this.#registry.close();
  }

  async createSession(sessionId: string, displayName: string, mediaPolicy: MediaPolicy): Promise<SessionView> {
    const id = parseSessionId(sessionId);
    this.#refuseWhenClosed();
    if (this.#creating.has(id)) throw new DomainError({ reason: 'SESSION_EXISTS', sessionId: id });
    this.#creating.add(id);
    try {
      return await tellStorageFull(() => this.#create(id, displayName, mediaPolicy));
    } finally {
      this.#creating.delete(id);
    }
  }

  async #create(id: SessionId, displayName: string, mediaPolicy: MediaPolicy): Promise<SessionView> {
    if ((await this.#registry.getSession(id)) !== undefined) {
      throw new DomainError({ reason: 'SESSION_EXISTS', sessionId: id });
    }
    const record = newSessionRecord(id, displayName, mediaPolicy, this.#dependencies.now());
    await mkdir(this.#directories.of(record), { recursive: true, mode: 0o700 });
    await this.#registry.putSession(record);
    this.#dependencies.log.info({ sessionId: id }, 'session created');
    const session = await this.#session(id);
    await this.#media.follow(session);
    return this.#view(session);
  }

  async updateSession(id: string, displayName: string | undefined, mediaPolicy: MediaPolicy): Promise<SessionView> {
    const session = await this.#session(parseSessionId(id));
    await tellStorageFull(() => this.#change(session, changesOf(displayName, mediaPolicy)));
    await this.#media.follow(session);
    return this.#view(session);
  }

  async getSession(sessionId: string): Promise<SessionView> {
    return this.#view(await this.#session(parseSessionId(sessionId)));
  }

  async listSessions(afterId: string, limit: number): Promise<SessionView[]> {
    const views: SessionView[] = [];
    for (let after: string | undefined = afterId; after !== undefined && views.length < limit;) {
      const records = await this.#registry.listSessions(after, Math.min(limit - views.length, VIEWS_AT_ONCE));
      const found = await Promise.all(records.map((record) => this.#viewUnlessGone(record)));
      views.push(...found.filter((view) => view !== undefined));
      after = records.at(-1)?.sessionId;
    }
    return views;
  }

  /** Who lists must not stumble over a session that somebody deletes at this moment. */
  async #viewUnlessGone({ sessionId, deleting }: SessionRecord): Promise<SessionView | undefined> {
    try {
      return deleting ? undefined : await this.getSession(sessionId);
    } catch (error) {
      if (error instanceof DomainError && error.fault.reason === 'SESSION_NOT_FOUND') return undefined;
      throw error;
    }
  }

  deleteSession(sessionId: string): Promise<void> {
    return tellStorageFull(() => this.#delete(parseSessionId(sessionId)));
  }

  async #delete(id: SessionId): Promise<void> {
    const session = await this.#session(id);
    // From here on nobody finds it, and a crash leaves the rest to the next start.
    await this.#change(session, { deleting: true });
    this.#sessions.delete(id);
    await this.#media.remove(session);
    await this.#links.remove(session);
    await this.#backfills.cancelAll(session);
    await session.close();
    await this.#directories.remove(session.record);
    this.#dependencies.log.info({ sessionId: id }, 'session deleted');
  }

  async *linkSession(
    sessionId: string,
    phoneNumber: string,
    signal: AbortSignal,
  ): AsyncGenerator<LinkView, void, undefined> {
    const session = await this.#session(parseSessionId(sessionId));
    await this.#dependencies.loadLinks();
    await this.#media.follow(session);
    yield* this.#links.of(session).link(phoneNumber, signal);
  }

  async unlinkSession(sessionId: string): Promise<{ session: SessionView; loggedOut: boolean }> {
    const session = await this.#session(parseSessionId(sessionId));
    const loggedOut = await tellStorageFull(() => this.#links.of(session).unlink());
    return { session: await this.#view(session), loggedOut };
  }

  async *watchSession(sessionId: string, signal: AbortSignal): AsyncGenerator<SessionView, void, undefined> {
    const id = parseSessionId(sessionId);
    yield* watchLink(this.#links.of(await this.#session(id)), async () => this.#view(await this.#session(id)), signal);
  }

  async withHistory<T>(sessionId: string, read: (history: HistoryReader) => Promise<T>): Promise<T> {
    return (await this.#session(parseSessionId(sessionId))).use(read);
  }

  async openMedia(sessionId: string, question: MediaQuestion, signal: AbortSignal): Promise<MediaRead> {
    return this.#media.open(await this.#session(parseSessionId(sessionId)), question, signal);
  }

  createBackfill(request: NewBackfill): Promise<BackfillRecord> {
    this.#refuseWhenClosed();
    return tellStorageFull(() => this.#backfills.create(request));
  }

  getBackfill(backfillId: string): Promise<BackfillRecord> {
    return this.#backfills.get(backfillId);
  }

  latestBackfill(sessionId: string, kind?: BackfillKind): Promise<BackfillRecord> {
    return this.#backfills.latest(parseSessionId(sessionId), kind);
  }

  listBackfills(...page: [filter: BackfillFilter, beforeId: string, limit: number]): Promise<BackfillRecord[]> {
    return this.#backfills.list(...page);
  }

  resumeBackfill(backfillId: string, key: BackupKeyInput): Promise<BackfillRecord> {
    this.#refuseWhenClosed();
    return tellStorageFull(() => this.#backfills.resume(backfillId, key));
  }

  cancelBackfill(backfillId: string): Promise<BackfillRecord> {
    return tellStorageFull(() => this.#backfills.cancel(backfillId));
  }

  watchBackfill(backfillId: string, signal: AbortSignal): AsyncGenerator<BackfillRecord, void, undefined> {
    return this.#backfills.watch(backfillId, signal);
  }

  openUpload(backfillId: string): Promise<UploadSink> {
    this.#refuseWhenClosed();
    return tellStorageFull(() => this.#backfills.openUpload(backfillId));
  }

  async #session(id: SessionId): Promise<Session> {
    const known = this.#sessions.get(id);
    if (known !== undefined) return known;
    const record = await this.#registry.getSession(id);
    if (record === undefined || record.deleting) throw new DomainError({ reason: 'SESSION_NOT_FOUND', sessionId: id });
    this.#refuseWhenClosed();
    // Somebody else may have been as far while this one read.
    const made = this.#sessions.get(id) ?? new Session(record, this.#directories.of(record), this.#forSessions);
    this.#sessions.set(id, made);
    return made;
  }

  #change(session: Session, changes: Partial<SessionRecord>): Promise<void> {
    return changeRecord(session, changes, (record) => this.#registry.putSession(record));
  }

  #view(session: Session): Promise<SessionView> {
    return viewOf(session, this.#links.of(session).view);
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new DomainError({ reason: 'SHUTTING_DOWN' });
  }
}

/** Sessions of a list that are looked at side by side: each opens its store, and LevelDB opens four at a time. */
const VIEWS_AT_ONCE = 8;
