import { create } from '@bufbuild/protobuf';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Disconnect } from '../../src/domain/link.js';
import { LinkLost } from '../../src/domain/link-lost.js';
import { MediaFailure } from '../../src/domain/media-failure.js';
import type { LinkRecord } from '../../src/gen/scrollback/store/v1/record_pb.js';
import { LinkRecordSchema, SessionRecordSchema } from '../../src/gen/scrollback/store/v1/record_pb.js';
import { LinkState } from '../../src/gen/scrollback/v1/session_service_pb.js';
import type { LinkTask, OlderQuestion, SentQuestion } from '../../src/session/link/link.js';
import { uncounted } from '../../src/session/backfill/history-counter.js';
import type { MediaLink } from '../../src/session/link/link-media.js';
import { Links } from '../../src/session/link/links.js';
import { Session } from '../../src/session/session.js';
import { OwnInboxReader } from './inbox-reader.js';

export const account = { phoneJid: '49@s.whatsapp.net', lid: '9@lid', pushName: 'Owner' };

/** A connection that does what a test says. */
export class FakeConnection {
  readonly task: LinkTask;
  /** Whether a log-out reaches WhatsApp. */
  told = true;
  closed = false;
  /** What it can do for files of messages: nothing, unless a test replaces it. */
  media: MediaLink = {
    download: () => {
      throw new MediaFailure('unreachable');
    },
    askPhone: () => Promise.resolve({ answer: 'silent' }),
  };

  constructor(task: LinkTask) {
    this.task = task;
  }

  /** A phone answers. */
  async pair(): Promise<void> {
    await this.task.events.paired(account);
    await this.task.storage.write({ credentials: Buffer.from('c'), keys: [['k', Buffer.from('v')]] });
  }

  /** The phone is asked. */
  ask: (question: OlderQuestion) => SentQuestion = () => ({ id: '', sent: Promise.reject(new Error('no phone')) });

  open(): void {
    this.task.events.opened(account);
    this.task.events.caughtUp(true);
  }

  end(disconnect: Disconnect): void {
    if (this.closed) return;
    this.closed = true;
    this.task.events.closed(disconnect);
  }
}

/** Links of real sessions on a real disk, over connections that a test plays. */
export class FakeLinks {
  readonly connections: FakeConnection[] = [];
  readonly saved: LinkRecord[] = [];
  nowMs = 1_700_000_000_000;
  readonly links: Links;
  readonly #directory: string;
  readonly #reader = new OwnInboxReader();
  readonly #sessions: Session[] = [];
  #waiting: (() => void)[] = [];

  private constructor(directory: string) {
    this.#directory = directory;
    this.links = new Links({
      now: () => this.nowMs,
      random: () => 0.5,
      log: pino({ level: 'silent' }),
      inboxReader: this.#reader.reader,
      recover: () => Promise.resolve(),
      counterOf: (session) => ({ begin: () => Promise.resolve(uncounted(session)) }),
      save: (session, link) => {
        session.record = { ...session.record, link };
        this.saved.push(link);
        return Promise.resolve();
      },
      connectLink: (task) => {
        const connection = new FakeConnection(task);
        this.connections.push(connection);
        for (const wake of this.#waiting.splice(0)) wake();
        return {
          media: connection.media,
          close: () => queueMicrotask(() => connection.end({ cause: 'ended', code: 0 })),
          logOut: () => {
            queueMicrotask(() => connection.end({ cause: 'ended', code: 0 }));
            return Promise.resolve(connection.told);
          },
          requestOlder: (question) => connection.ask(question),
          fetchContacts: () => Promise.reject(new LinkLost('a fake')),
          fetchGroup: () => Promise.reject(new LinkLost('a fake')),
          fetchGroups: () => Promise.reject(new LinkLost('a fake')),
        };
      },
    });
  }

  static async open(): Promise<FakeLinks> {
    return new FakeLinks(await mkdtemp(join(tmpdir(), 'scrollback-links-')));
  }

  /** A session that is linked, or was never. */
  session(sessionId: string, isLinked = true): Session {
    const link = create(LinkRecordSchema, { state: LinkState.CONNECTING, ...account });
    const record = create(SessionRecordSchema, { sessionId, ...(isLinked ? { link } : {}) });
    const log = pino({ level: 'silent' });
    const session = new Session(record, join(this.#directory, sessionId), { now: Date.now, log });
    this.#sessions.push(session);
    return session;
  }

  /** Resolves to a connection as soon as there are that many. */
  async connection(number: number): Promise<FakeConnection> {
    for (;;) {
      const connection = this.connections[number - 1];
      if (connection !== undefined) return connection;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async close(): Promise<void> {
    await this.links.stop();
    await Promise.all(this.#sessions.map((session) => session.close()));
    await this.#reader.close();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
