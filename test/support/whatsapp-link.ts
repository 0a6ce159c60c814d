import { create } from '@bufbuild/protobuf';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Disconnect } from '../../src/domain/link.js';
import { SessionRecordSchema } from '../../src/gen/scrollback/store/v1/record_pb.js';
import type { LinkAccount, LinkConnection, LinkOffer, LinkStorage } from '../../src/session/link/link.js';
import { storageOf } from '../../src/session/link/link-storage.js';
import { Session } from '../../src/session/session.js';
import { SessionInbox } from '../../src/session/link/session-inbox.js';
import type { HistoryStore } from '../../src/store/history-store.js';
import { createCapture } from '../../src/whatsapp/capture.js';
import type { WhatsAppOptions } from '../../src/whatsapp/link.js';
import { makeWhatsAppLinks } from '../../src/whatsapp/link.js';
import { OwnInboxReader } from './inbox-reader.js';

/** A connection of the daemon's own link, and what it told. */
export interface RunningLink {
  connection: LinkConnection;
  offers: LinkOffer[];
  offered: Promise<LinkOffer>;
  paired: Promise<LinkAccount>;
  opened: Promise<LinkAccount>;
  /** Whether WhatsApp said so. */
  caughtUp: Promise<boolean>;
  /** How often something was heard. */
  heard: number;
  closed: Promise<Disconnect>;
}

/** The daemon's link without the daemon: over a real database, connection by connection. */
export class LinkBench {
  readonly #directory: string;
  readonly #session: Session;
  readonly #inbox: SessionInbox;
  readonly #reader = new OwnInboxReader();
  /** What the link keeps; a test may replace its methods. */
  readonly storage: LinkStorage;
  #links: RunningLink[] = [];

  private constructor(directory: string) {
    this.#directory = directory;
    const record = create(SessionRecordSchema, { sessionId: 's' });
    const log = pino({ level: 'silent' });
    this.#session = new Session(record, directory, { now: Date.now, log });
    this.#inbox = new SessionInbox(this.#session, { inboxReader: this.#reader.reader, log });
    this.storage = storageOf(this.#session);
  }

  static async open(): Promise<LinkBench> {
    return new LinkBench(await mkdtemp(join(tmpdir(), 'scrollback-link-')));
  }

  /** Connects: with `pairing` as a new device, else with what is stored. */
  connect(options: Partial<WhatsAppOptions> & { url: string }, pairing?: { phoneNumber: string }): RunningLink {
    const offers: LinkOffer[] = [];
    const [offered, onOffered] = later<LinkOffer>();
    const [paired, onPaired] = later<LinkAccount>();
    const [opened, onOpened] = later<LinkAccount>();
    const [caughtUp, onCaughtUp] = later<boolean>();
    const [closed, onClosed] = later<Disconnect>();
    const connect = makeWhatsAppLinks({
      version: [2, 3000, 1],
      log: pino({ level: 'silent' }),
      now: Date.now,
      makeCapture: createCapture,
      ...options,
    });
    const connection = connect({
      sessionId: 's',
      inbox: this.#inbox,
      storage: this.storage,
      pairing,
      events: {
        offered: (offer) => {
          offers.push(offer);
          onOffered(offer);
        },
        paired: (account) => {
          onPaired(account);
          return Promise.resolve();
        },
        opened: onOpened,
        heard: () => void link.heard++,
        caughtUp: onCaughtUp,
        closed: onClosed,
      },
    });
    const link: RunningLink = { connection, offers, offered, paired, opened, caughtUp, heard: 0, closed };
    this.#links.push(link);
    return link;
  }

  /** Resolves when everything in the inbox is recorded. */
  async recorded(): Promise<void> {
    this.#inbox.drain.wake();
    await this.#inbox.drain.idle();
  }

  /** Runs `work` with the history that the link writes into. */
  use<T>(work: (store: HistoryStore) => Promise<T>): Promise<T> {
    return this.#session.use(work);
  }

  async close(): Promise<void> {
    for (const { connection } of this.#links) connection.close();
    await Promise.all(this.#links.map(({ closed }) => closed));
    await this.#inbox.close();
    await this.#session.close();
    await this.#reader.close();
    await rm(this.#directory, { recursive: true });
  }
}

function later<T>(): [Promise<T>, (value: T) => void] {
  let settle: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolve) => {
    settle = resolve;
  });
  return [promise, settle];
}
