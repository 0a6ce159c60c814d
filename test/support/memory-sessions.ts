import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { clone, create } from '@bufbuild/protobuf';
import { type BackfillKind, isTerminal } from '../../src/domain/backfill.js';
import { DomainError } from '../../src/domain/fault.js';
import type { BackfillRecord } from '../../src/gen/scrollback/store/v1/record_pb.js';
import { BackfillRecordSchema } from '../../src/gen/scrollback/store/v1/record_pb.js';
import { BackfillState } from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import { MediaPolicy } from '../../src/gen/scrollback/v1/session_service_pb.js';
import { kindOf, stateOf } from '../../src/session/backfill/backfill.js';
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
} from '../../src/session/sessions.js';
import type { HistoryReader } from '../../src/store/history-reader.js';
import { MemoryHistory } from './memory-history.js';

/** Sessions in memory, for tests of the door: what `Sessions` promises, without imports and without a disk. */
export class MemorySessions implements Sessions {
  /** Is asked before each method; what it throws, the method throws. */
  before: (method: keyof Sessions) => void | Promise<void> = () => undefined;
  /** Every key that came in. */
  readonly keys: BackupKeyInput[] = [];
  /** What backfills were asked for. */
  readonly sources: NewBackfill['source'][] = [];
  /** Every phone number that was to be linked. */
  readonly phoneNumbers: string[] = [];
  /** The bytes of all uploads. */
  readonly uploads = new Map<string, Buffer>();
  /** How many histories are held open, and how many uploads. */
  held = 0;
  openUploads = 0;
  /** The files of messages, by message id, and how many are open. */
  readonly files = new Map<string, Buffer>();
  openFiles = 0;
  readonly #sessions = new Map<string, { view: SessionView; history: MemoryHistory }>();
  readonly #backfills = new Map<string, BackfillRecord>();
  readonly #changes = new EventEmitter().setMaxListeners(0);

  /** The history of a session, which is created when it is new. */
  history(sessionId: string): MemoryHistory {
    const known = this.#sessions.get(sessionId);
    if (known !== undefined) return known.history;
    const history = new MemoryHistory();
    const state: SessionView['state'] = 'ready';
    const counts = { revision: 0, messageCount: 0, chatCount: 0 };
    const link = unlinked();
    const mediaPolicy = MediaPolicy.ON_DEMAND;
    const shown = { sessionId, displayName: '', createMs: 1_700_000_000_123, state, ownerName: '', mediaPolicy };
    const view = { ...shown, ...counts, link };
    this.#sessions.set(sessionId, { view, history });
    return history;
  }

  async createSession(
    sessionId: string,
    displayName: string,
    mediaPolicy = MediaPolicy.UNSPECIFIED,
  ): Promise<SessionView> {
    await this.before('createSession');
    if (this.#sessions.has(sessionId)) throw new DomainError({ reason: 'SESSION_EXISTS', sessionId });
    this.history(sessionId);
    const { view } = this.#session(sessionId);
    view.displayName = displayName;
    view.mediaPolicy = mediaPolicy || MediaPolicy.ON_DEMAND;
    return view;
  }

  async updateSession(
    sessionId: string,
    displayName: string | undefined,
    mediaPolicy: MediaPolicy,
  ): Promise<SessionView> {
    await this.before('updateSession');
    const { view } = this.#session(sessionId);
    view.displayName = displayName ?? view.displayName;
    view.mediaPolicy = mediaPolicy || view.mediaPolicy;
    return view;
  }

  async openMedia(sessionId: string, question: MediaQuestion): Promise<MediaRead> {
    await this.before('openMedia');
    this.#session(sessionId);
    const bytes = this.files.get(question.messageId);
    if (bytes === undefined) throw new DomainError({ reason: 'MEDIA_NOT_FOUND' });
    this.openFiles++;
    return {
      mimeType: 'image/jpeg',
      fileName: 'a.jpg',
      sizeBytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest(),
      read: (buffer, offset) => Promise.resolve(bytes.copy(buffer, 0, offset)),
      close: () => {
        this.openFiles--;
        return Promise.resolve();
      },
    };
  }

  async getSession(sessionId: string): Promise<SessionView> {
    await this.before('getSession');
    const { view, history } = this.#session(sessionId);
    const { revision, messageCount, chatCount, ownerName } = history;
    return { ...view, revision, messageCount, chatCount, ownerName };
  }

  async listSessions(afterId: string, limit: number): Promise<SessionView[]> {
    await this.before('listSessions');
    const ids = [...this.#sessions.keys()].filter((id) => id > afterId).sort();
    return ids.slice(0, limit).map((id) => this.#session(id).view);
  }

  async deleteSession(sessionId: string): Promise<void> {
    await this.before('deleteSession');
    this.#session(sessionId);
    this.#sessions.delete(sessionId);
  }

  async *linkSession(
    sessionId: string,
    phoneNumber: string,
    signal: AbortSignal,
  ): AsyncGenerator<LinkView, void, undefined> {
    await this.before('linkSession');
    const { view } = this.#session(sessionId);
    this.phoneNumbers.push(phoneNumber);
    while (!signal.aborted) {
      yield view.link;
      if (view.link.status.state === 'online') return;
      await once(this.#changes, sessionId, { signal }).catch(() => undefined);
    }
  }

  async unlinkSession(sessionId: string): Promise<{ session: SessionView; loggedOut: boolean }> {
    await this.before('unlinkSession');
    const { view } = this.#session(sessionId);
    const loggedOut = view.link.status.state === 'online';
    this.changeLink(sessionId, unlinked());
    return { session: view, loggedOut };
  }

  async *watchSession(sessionId: string, signal: AbortSignal): AsyncGenerator<SessionView, void, undefined> {
    await this.before('watchSession');
    while (!signal.aborted) {
      yield this.#session(sessionId).view;
      await once(this.#changes, sessionId, { signal }).catch(() => undefined);
    }
  }

  /** Changes where a link stands and tells who watches. */
  changeLink(sessionId: string, link: Partial<LinkView>): void {
    Object.assign(this.#session(sessionId).view.link, link);
    this.#changes.emit(sessionId);
  }

  async withHistory<T>(sessionId: string, read: (history: HistoryReader) => Promise<T>): Promise<T> {
    await this.before('withHistory');
    const { history } = this.#session(sessionId);
    this.held++;
    try {
      return await read(history);
    } finally {
      this.held--;
    }
  }

  async createBackfill(request: NewBackfill): Promise<BackfillRecord> {
    await this.before('createBackfill');
    const { sessionId, source, requestId } = request;
    this.#session(sessionId);
    this.keys.push(request.key);
    this.sources.push(source);
    const backfillId = `backfill-${String(this.#backfills.size + 1).padStart(3, '0')}`;
    const totalSize = BigInt(source.kind === 'upload' ? source.totalSize : 0);
    const state = BackfillState.UPLOADING;
    const fileName = 'fileName' in source ? source.fileName : '';
    const backfill = { backfillId, sessionId, state, totalSize, requestId, fileName };
    const record = create(BackfillRecordSchema, { backfill });
    this.#backfills.set(backfillId, record);
    return record;
  }

  async getBackfill(backfillId: string): Promise<BackfillRecord> {
    await this.before('getBackfill');
    return this.#backfill(backfillId);
  }

  async latestBackfill(sessionId: string, kind?: BackfillKind): Promise<BackfillRecord> {
    await this.before('latestBackfill');
    const latest = (await this.listBackfills({ sessionId, kind }, '', 1))[0];
    if (latest === undefined) throw new DomainError({ reason: 'BACKFILL_NOT_FOUND', backfillId: '' });
    return latest;
  }

  async listBackfills({ sessionId, kind }: BackfillFilter, beforeId: string, limit: number): Promise<BackfillRecord[]> {
    await this.before('listBackfills');
    const ids = [...this.#backfills.keys()].sort().reverse();
    const records = ids.filter((id) => beforeId === '' || id < beforeId).map((id) => this.#backfill(id));
    return records
      .filter((record) => sessionId === '' || record.backfill?.sessionId === sessionId)
      .filter((record) => kind === undefined || kindOf(record) === kind)
      .slice(0, limit);
  }

  async resumeBackfill(backfillId: string, key: BackupKeyInput): Promise<BackfillRecord> {
    await this.before('resumeBackfill');
    this.keys.push(key);
    return this.change(backfillId, { state: BackfillState.DECRYPTING });
  }

  async cancelBackfill(backfillId: string): Promise<BackfillRecord> {
    await this.before('cancelBackfill');
    return this.change(backfillId, { state: BackfillState.CANCELLED });
  }

  async *watchBackfill(backfillId: string, signal: AbortSignal): AsyncGenerator<BackfillRecord, void, undefined> {
    await this.before('watchBackfill');
    while (!signal.aborted) {
      const record = this.#backfill(backfillId);
      yield record;
      if (isTerminal(stateOf(record))) return;
      await once(this.#changes, backfillId, { signal }).catch(() => undefined);
    }
  }

  async openUpload(backfillId: string): Promise<UploadSink> {
    await this.before('openUpload');
    this.#backfill(backfillId);
    this.openUploads++;
    return new MemoryUpload(this, backfillId);
  }

  /** Changes a backfill and tells who watches. */
  change(
    backfillId: string,
    change: { state?: BackfillState; committedSize?: bigint },
    error?: BackfillRecord['error'],
  ) {
    const record = this.#backfill(backfillId);
    const changed = clone(BackfillRecordSchema, record);
    Object.assign(changed.backfill ?? {}, change);
    if (error !== undefined) changed.error = error;
    this.#backfills.set(backfillId, changed);
    this.#changes.emit(backfillId);
    return changed;
  }

  #session(sessionId: string): { view: SessionView; history: MemoryHistory } {
    const session = this.#sessions.get(sessionId);
    if (session === undefined) throw new DomainError({ reason: 'SESSION_NOT_FOUND', sessionId });
    return session;
  }

  #backfill(backfillId: string): BackfillRecord {
    const record = this.#backfills.get(backfillId);
    if (record === undefined) throw new DomainError({ reason: 'BACKFILL_NOT_FOUND', backfillId });
    return record;
  }
}

class MemoryUpload implements UploadSink {
  readonly #sessions: MemorySessions;
  readonly #backfillId: string;
  #open = true;

  constructor(sessions: MemorySessions, backfillId: string) {
    this.#sessions = sessions;
    this.#backfillId = backfillId;
  }

  get offset(): number {
    return this.#sessions.uploads.get(this.#backfillId)?.length ?? 0;
  }

  write(offset: number, data: Uint8Array): Promise<void> {
    const before = this.#sessions.uploads.get(this.#backfillId) ?? Buffer.alloc(0);
    if (offset !== before.length) throw new DomainError({ reason: 'WRONG_OFFSET', committedSize: before.length });
    this.#sessions.uploads.set(this.#backfillId, Buffer.concat([before, data]));
    return Promise.resolve();
  }

  finish(): Promise<BackfillRecord> {
    return Promise.resolve(this.#sessions.change(this.#backfillId, { committedSize: BigInt(this.offset) }));
  }

  close(): Promise<void> {
    if (this.#open) this.#sessions.openUploads--;
    this.#open = false;
    return Promise.resolve();
  }
}

function unlinked(): LinkView {
  const account = { phoneJid: '', lid: '', pushName: '' };
  return { status: { state: 'unlinked' }, sinceMs: 1_700_000_000_123, ...account, offer: undefined };
}
