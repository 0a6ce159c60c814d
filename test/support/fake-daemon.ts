import { createHash } from 'node:crypto';
import type { MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import type { Status } from '../../src/gen/google/rpc/status_pb.js';
import type {
  Backfill,
  BackupKey,
  UploadBackupResponseSchema,
} from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import {
  BackfillSchema,
  BackfillService,
  BackfillKind,
  BackfillState,
  type UploadBackupRequestSchema,
} from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import type {
  ListChatsResponseSchema,
  ListContactsResponseSchema,
  ListGroupsResponseSchema,
  ListLabelsResponseSchema,
  ReadMessagesRequest,
  WatchMessagesRequest,
  WatchMessagesResponseSchema,
} from '../../src/gen/scrollback/v1/history_service_pb.js';
import { HistoryService } from '../../src/gen/scrollback/v1/history_service_pb.js';
import type { MessageSchema } from '../../src/gen/scrollback/v1/message_pb.js';
import type { Session } from '../../src/gen/scrollback/v1/session_service_pb.js';
import { SessionSchema, SessionService, SessionState } from '../../src/gen/scrollback/v1/session_service_pb.js';
import type { Handlers } from './fake-service.js';
import { FakeFailure, fault, serviceOf } from './fake-service.js';

/** What a fake daemon holds, and how it behaves; each field may be changed while it runs. */
export interface Script {
  messages: MessageInitShape<typeof MessageSchema>[];
  chats: NonNullable<MessageInitShape<typeof ListChatsResponseSchema>['chats']>;
  contacts: NonNullable<MessageInitShape<typeof ListContactsResponseSchema>['contacts']>;
  labels: NonNullable<MessageInitShape<typeof ListLabelsResponseSchema>['labels']>;
  groups: NonNullable<MessageInitShape<typeof ListGroupsResponseSchema>['groups']>;
  /** The frames of every WatchMessages call; it then stays open. */
  watch: MessageInitShape<typeof WatchMessagesResponseSchema>[];
  /** Refuses the upload, and fails the backfill, with this. */
  refuseUpload?: Status;
  /** Goes away, as a crash would, when that many bytes came; only once. */
  crashAtBytes?: number;
  /** What a successful backfill ends as. */
  result: MessageInitShape<typeof BackfillSchema>;
}

/** A daemon that speaks the real protocol and remembers what it was told. */
export class FakeDaemon {
  readonly script: Script = { messages: [], chats: [], contacts: [], labels: [], groups: [], watch: [], result: {} };
  readonly sessions = new Map<string, Session>();
  readonly backfills = new Map<string, Backfill>();
  /** The bytes that were uploaded, by backfill. */
  readonly uploads = new Map<string, Buffer>();
  readonly keys: BackupKey[] = [];
  readonly reads: ReadMessagesRequest[] = [];
  readonly watches: WatchMessagesRequest[] = [];
  address = '';
  #server = new Server();

  static async start(): Promise<FakeDaemon> {
    const daemon = new FakeDaemon();
    await daemon.listen('127.0.0.1:0');
    return daemon;
  }

  /** Listens; after `crash` again on the same port, with every unfinished upload awaiting its key. */
  async listen(address = this.address): Promise<void> {
    this.#server = new Server();
    this.#server.addService(...serviceOf(SessionService, this.#sessionHandlers()));
    this.#server.addService(...serviceOf(BackfillService, this.#backfillHandlers()));
    this.#server.addService(...serviceOf(HistoryService, this.#historyHandlers()));
    const port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    this.address = `127.0.0.1:${String(port)}`;
  }

  /** Breaks every connection, and forgets the keys. */
  crash(): void {
    this.#server.forceShutdown();
    for (const backfill of this.backfills.values()) {
      if (backfill.state === BackfillState.UPLOADING) backfill.state = BackfillState.AWAITING_KEY;
    }
  }

  close(): void {
    this.#server.forceShutdown();
  }

  addSession(sessionId: string, fields: MessageInitShape<typeof SessionSchema> = {}): void {
    this.sessions.set(sessionId, create(SessionSchema, { sessionId, state: SessionState.READY, ...fields }));
  }

  addBackfill(fields: MessageInitShape<typeof BackfillSchema> & { backfillId: string }): void {
    this.backfills.set(fields.backfillId, create(BackfillSchema, { kind: BackfillKind.BACKUP, ...fields }));
  }

  #sessionHandlers(): Handlers<typeof SessionService> {
    return {
      createSession: ({ sessionId, displayName }) => {
        if (this.sessions.has(sessionId))
          throw fault(status.ALREADY_EXISTS, 'SESSION_EXISTS', `session ${sessionId} exists`);
        this.addSession(sessionId, { displayName });
        return { session: this.#session(sessionId) };
      },
      getSession: ({ sessionId }) => ({ session: this.#session(sessionId) }),
      listSessions: ({ pageSize, pageToken }) => {
        const { items, nextPageToken } = page([...this.sessions.values()], pageSize, pageToken);
        return { sessions: items, nextPageToken };
      },
      deleteSession: ({ sessionId }) => {
        this.#session(sessionId);
        this.sessions.delete(sessionId);
        return {};
      },
    };
  }

  #backfillHandlers(): Handlers<typeof BackfillService> {
    return {
      createBackfill: ({ sessionId, source, key, requestId }) => {
        if (key !== undefined) this.keys.push(key);
        const backfillId = `bf-${String(this.backfills.size + 1)}`;
        const fileName = source.case === 'upload' || source.case === 'drop' ? source.value.fileName : '';
        if (source.case === 'drop' && key === undefined)
          throw fault(status.INVALID_ARGUMENT, 'KEY_REQUIRED', 'it needs a key');
        const isUpload = source.case === 'upload';
        this.addBackfill({
          backfillId,
          sessionId,
          requestId,
          fileName,
          state: isUpload ? BackfillState.UPLOADING : BackfillState.DECRYPTING,
          totalSize: isUpload ? source.value.totalSize : 1n,
        });
        this.uploads.set(backfillId, Buffer.alloc(0));
        return { backfill: this.#backfill(backfillId) };
      },
      uploadBackup: (requests) => this.#upload(requests),
      getBackfill: ({ which }) => {
        if (which.case === 'backfillId') return { backfill: this.#backfill(which.value) };
        const all = [...this.backfills.values()].filter(({ sessionId }) => sessionId === which.value);
        const backfill = all.at(-1);
        if (backfill === undefined) throw fault(status.NOT_FOUND, 'BACKFILL_NOT_FOUND', 'there is no backfill');
        return { backfill };
      },
      listBackfills: ({ pageSize, pageToken }) => {
        const { items, nextPageToken } = page([...this.backfills.values()].reverse(), pageSize, pageToken);
        return { backfills: items, nextPageToken };
      },
      resumeBackfill: ({ backfillId, key }) => {
        if (key !== undefined) this.keys.push(key);
        const backfill = this.#backfill(backfillId);
        backfill.state =
          backfill.committedSize < backfill.totalSize ? BackfillState.UPLOADING : BackfillState.DECRYPTING;
        return { backfill };
      },
      cancelBackfill: ({ backfillId }) => {
        const backfill = this.#backfill(backfillId);
        backfill.state = BackfillState.CANCELLED;
        return { backfill };
      },
      watchBackfill: (request) => this.#watchBackfill(request.backfillId),
    };
  }

  async #upload(
    requests: AsyncIterable<MessageShape<typeof UploadBackupRequestSchema>>,
  ): Promise<MessageInitShape<typeof UploadBackupResponseSchema>> {
    let backfill: Backfill | undefined;
    for await (const { backfillId, writeOffset, data } of requests) {
      backfill ??= this.#backfill(backfillId);
      const received = this.uploads.get(backfill.backfillId) ?? Buffer.alloc(0);
      if (Number(writeOffset) !== received.length) {
        throw fault(status.OUT_OF_RANGE, 'WRONG_OFFSET', 'wrong offset', { committed_size: String(received.length) });
      }
      const bytes = Buffer.concat([received, data]);
      this.uploads.set(backfill.backfillId, bytes);
      backfill.committedSize = BigInt(bytes.length);
      const { crashAtBytes, refuseUpload } = this.script;
      if (refuseUpload !== undefined) {
        backfill.state = BackfillState.FAILED;
        backfill.error = refuseUpload;
        throw new FakeFailure(refuseUpload);
      }
      if (crashAtBytes !== undefined && bytes.length >= crashAtBytes) {
        delete this.script.crashAtBytes;
        this.crash();
        await this.listen();
      }
    }
    if (backfill === undefined) throw fault(status.INVALID_ARGUMENT, 'INVALID_ARGUMENT', 'no backfill_id');
    if (backfill.committedSize === backfill.totalSize) backfill.state = BackfillState.DECRYPTING;
    return { committedSize: backfill.committedSize, backfill };
  }

  async *#watchBackfill(backfillId: string): AsyncGenerator<{ backfill: Backfill }> {
    const backfill = this.#backfill(backfillId);
    if (backfill.state === BackfillState.DECRYPTING) {
      yield { backfill };
      backfill.state = BackfillState.IMPORTING;
      backfill.rowsTotal = 10n;
      yield { backfill };
      const result = create(BackfillSchema, this.script.result);
      for (const field of Object.keys(this.script.result))
        Object.assign(backfill, { [field]: Reflect.get(result, field) });
      backfill.state = BackfillState.SUCCEEDED;
    }
    yield { backfill };
  }

  #historyHandlers(): Handlers<typeof HistoryService> {
    const { script } = this;
    return {
      listChats: ({ sessionId, pageSize, pageToken }) => {
        this.#session(sessionId);
        const { items, nextPageToken } = page(script.chats, pageSize, pageToken);
        return { chats: items, nextPageToken };
      },
      listContacts: ({ pageSize, pageToken }) => {
        const { items, nextPageToken } = page(script.contacts, pageSize, pageToken);
        return { contacts: items, nextPageToken };
      },
      listLabels: ({ sessionId }) => {
        this.#session(sessionId);
        return { labels: script.labels };
      },
      listGroups: ({ pageSize, pageToken }) => {
        const { items, nextPageToken } = page(script.groups, pageSize, pageToken);
        return { groups: items, nextPageToken };
      },
      readMessages: (request) => this.#readMessages(request),
      watchMessages: (request, signal) => this.#watchMessages(request, signal),
    };
  }

  async *#readMessages(
    request: ReadMessagesRequest,
  ): AsyncGenerator<{ messages: MessageInitShape<typeof MessageSchema>[]; resumeToken: string }> {
    this.reads.push(request);
    this.#session(request.sessionId);
    const limit = Number(request.limit) || this.script.messages.length;
    for (let at = 0; at < limit; at += 500) {
      yield { messages: this.script.messages.slice(at, Math.min(at + 500, limit)), resumeToken: `after-${String(at)}` };
    }
  }

  async *#watchMessages(
    request: WatchMessagesRequest,
    signal: AbortSignal,
  ): AsyncGenerator<MessageInitShape<typeof WatchMessagesResponseSchema>> {
    this.watches.push(request);
    yield* this.script.watch;
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  }

  #session(sessionId: string): Session {
    const session = this.sessions.get(sessionId);
    if (session === undefined) throw fault(status.NOT_FOUND, 'SESSION_NOT_FOUND', `there is no session ${sessionId}`);
    return session;
  }

  #backfill(backfillId: string): Backfill {
    const backfill = this.backfills.get(backfillId);
    if (backfill === undefined)
      throw fault(status.NOT_FOUND, 'BACKFILL_NOT_FOUND', `there is no backfill ${backfillId}`);
    return backfill;
  }
}

/** The SHA-256 of some bytes, to compare long ones. */
export function digestOf(bytes: Uint8Array | undefined): string {
  return createHash('sha256')
    .update(bytes ?? new Uint8Array())
    .digest('hex');
}

function page<T>(all: readonly T[], pageSize: number, pageToken: string): { items: T[]; nextPageToken: string } {
  const start = pageToken === '' ? 0 : Number(pageToken);
  const end = start + (pageSize === 0 ? 50 : pageSize);
  return { items: all.slice(start, end), nextPageToken: end < all.length ? String(end) : '' };
}
