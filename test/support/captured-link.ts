import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { type Dispatcher, fetch as undiciFetch } from 'undici';
import type { Message } from '../../src/gen/scrollback/v1/message_pb.js';
import { InboxDrain } from '../../src/session/link/inbox-drain.js';
import type { CaptureHost } from '../../src/session/link/link-inbox.js';
import { Mailbox } from '../../src/session/mailbox.js';
import type { Commit } from '../../src/store/commit.js';
import { HistoryStore } from '../../src/store/history-store.js';
import { createCapture, type Capture } from '../../src/whatsapp/capture.js';
import type { Fetch } from '../../src/whatsapp/media-host.js';
import { readAll } from './history.js';
import { OwnInboxReader } from './inbox-reader.js';
import type { Account } from './whatsapp/account.js';
import { BaileysClient, type ClientState, type LoopbackAddress, newClientState } from './whatsapp/baileys-client.js';
import type { LoopbackWhatsApp, Owner } from './whatsapp/loopback-whatsapp.js';

const log = pino({ level: 'silent' });

/** A history in a directory of its own that a link writes into: what a session is for the inbox. */
export class CapturedHistory {
  readonly drain: InboxDrain;
  /** Replaces keeping a record, for tests of what happens when it fails or never ends. */
  onAppend: ((record: Uint8Array) => Promise<void>) | undefined;
  readonly host: CaptureHost = {
    append: (record) => this.onAppend?.(record) ?? this.store.inbox.append(record),
    wake: () => {
      if (this.drains) this.drain.wake();
    },
    getMessage: () => Promise.resolve(undefined),
  };
  readonly #mailbox = new Mailbox('captured');
  readonly #reader: OwnInboxReader;

  private constructor(
    readonly store: HistoryStore,
    readonly directory: string,
    whatsapp: LoopbackAddress,
    /** False for a process that dies before it records anything. */
    public drains: boolean,
  ) {
    // Safety: undici's own fetch has other types for the same things, and takes the loopback's dispatcher.
    const fetch = ((url: string, init: object) =>
      undiciFetch(url, { ...init, dispatcher: whatsapp.media.dispatcher as Dispatcher })) as unknown as Fetch;
    const commit = async <T>(build: (commit: Commit) => Promise<T>): Promise<T> => {
      const { durable } = await this.#mailbox.run(() => store.prepare(build));
      return durable;
    };
    const session = { use: <T>(work: (one: HistoryStore) => Promise<T>) => work(store), commit };
    this.#reader = new OwnInboxReader(fetch);
    this.drain = new InboxDrain({ session, reader: this.#reader.reader, log });
  }

  /** Opens a new directory, or one that is there. */
  static async open(whatsapp: LoopbackAddress, { directory = '', drains = true } = {}): Promise<CapturedHistory> {
    const path = directory !== '' ? directory : await mkdtemp(join(tmpdir(), 'scrollback-captured-'));
    const store = await HistoryStore.open(path, { cacheBytes: 1024 * 1024, writeBufferBytes: 256 * 1024 });
    const captured = new CapturedHistory(store, path, whatsapp, drains);
    captured.host.wake();
    return captured;
  }

  /** All messages, the oldest first, once everything that is in the inbox has been recorded. */
  async messages(): Promise<Message[]> {
    await this.recorded();
    return readAll(this.store);
  }

  /** Resolves when everything in the inbox is recorded. */
  async recorded(): Promise<void> {
    this.drain.wake();
    await this.drain.idle();
    await this.drain.history.idle();
    await this.drain.idle();
  }

  async close(): Promise<void> {
    await this.drain.close();
    await this.#reader.close();
    await this.#mailbox.close();
    await this.store.close();
  }

  async remove(): Promise<void> {
    await this.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** The unmodified client, captured into a history. */
export class CapturedLink {
  readonly client: BaileysClient;
  readonly capture: Capture;

  constructor(
    whatsapp: LoopbackWhatsApp,
    readonly history: CapturedHistory,
    readonly state: ClientState,
    readonly account: Account,
  ) {
    this.capture = createCapture(history.host);
    const logger = this.capture.overhear(log);
    const auth = { creds: state.creds, keys: this.capture.guard(state.keys) };
    this.client = new BaileysClient(whatsapp, state, { ...this.capture.socketOptions, auth, logger });
    this.capture.attach(this.client.socket);
  }

  /** Links a new client by QR, and captures it from its first login on; `prepare` comes before it. */
  static async link(
    whatsapp: LoopbackWhatsApp,
    history: CapturedHistory,
    owner: Owner,
    prepare: (account: Account) => void = () => undefined,
  ): Promise<CapturedLink> {
    const state = newClientState();
    const pairing = new BaileysClient(whatsapp, state);
    const account = await whatsapp.scanQr(await pairing.qr(), owner);
    prepare(account);
    await pairing.closed();
    const link = new CapturedLink(whatsapp, history, state, account);
    await link.client.opened();
    return link;
  }

  /** Delivers nothing more; what was acknowledged is durable. */
  async end(): Promise<void> {
    await this.client.end();
  }
}
