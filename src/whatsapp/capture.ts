import type {
  AuthenticationCreds,
  BinaryNode,
  proto,
  SignalKeyStore,
  UserFacingSocketConfig,
  WASocket,
} from '@whiskeysockets/baileys';
import { AsyncResource } from 'node:async_hooks';
import type { CaptureHost } from '../session/link/link-inbox.js';
import { channelHeadOf, postsIn, tellsOfChannel } from './channel-stanza.js';
import { AppStateSync } from './app-state-sync.js';
import { addressOf, keyOfMessage } from './addresses.js';
import { tapEvents } from './event-tap.js';
import { HeldVersions } from './held-versions.js';
import { encodeEvent, encodeRecord, type StanzaHead } from './inbox-record.js';
import { saysMoreThanTold } from './receipt-stanza.js';
import { SendGate } from './send-gate.js';
import { headOf, meOf, saysSomething, trySaysSomething } from './stanza-head.js';
import { opensOnce, partsOf } from './stanza-parts.js';
import { type LibraryLogger, overhear } from './overhear.js';
import { makeWriteAheadRepository, Stanzas } from './write-ahead.js';

/** What keeps everything that a socket delivers. One for each socket. */
export interface Capture {
  readonly socketOptions: Partial<UserFacingSocketConfig>;
  /** The keys that the socket is to be given, over those that are stored. */
  guard(keys: SignalKeyStore): SignalKeyStore;
  /** The logger that the socket is to be given: what the library says to it alone is kept too. */
  overhear(logger: LibraryLogger): LibraryLogger;
  /** Right after the socket was made, before anything can arrive. */
  attach(socket: WASocket): void;
  /** Something else is being made durable: nothing leaves the socket before. */
  hold(durable: Promise<void>): void;
  /** Resolves when everything that arrived is durable. */
  settle(): Promise<void>;
}

/**
 * Makes what captures a socket. Content is durable before the keys that decrypted it; whatever else a frame or an event tells is
 * durable before anything leaves the socket: see `write-ahead.ts`, `event-tap.ts` and `send-gate.ts`.
 */
export function createCapture(host: CaptureHost, now: () => number = Date.now): Capture {
  return new SocketCapture(host, now);
}

class SocketCapture implements Capture {
  readonly socketOptions: Partial<UserFacingSocketConfig>;
  readonly #gate = new SendGate();
  readonly #stanzas = new Stanzas();
  #versions: HeldVersions | undefined;
  #appState: AppStateSync | undefined;
  #creds: AuthenticationCreds | undefined;
  /** Messages that are in the inbox and will be emitted by the library too; the value is meaningless. */
  readonly #kept = new Map<string, true>();
  /**
   * Wakes who drains the inbox, in the context in which the socket was made: all that it does until the inbox is empty would else belong to
   * the transaction of the library that the kept message happened to be in, which is over.
   */
  readonly #wake: () => void;

  constructor(
    private readonly host: CaptureHost,
    private readonly now: () => number,
  ) {
    this.#wake = AsyncResource.bind(() => host.wake());
    this.socketOptions = {
      makeSignalRepository: makeWriteAheadRepository({
        content: (ciphertext, content, creds) =>
          this.#content(this.#stanzas.of(ciphertext), content, creds, saysSomething(content)),
        unreadable: (ciphertext, creds) => this.#unreadable(this.#stanzas.of(ciphertext), creds),
        groupAuthor: (ciphertext) => this.#stanzas.of(ciphertext)?.attrs.participant,
      }),
      // A download that breaks inside the library ends the process: files are fetched from the inbox. An inline chunk the
      // library may have; it is what makes it sync the app state.
      shouldSyncHistoryMessage: ({ directPath }) => {
        if (directPath) this.#appState?.declined();
        return !directPath;
      },
      getMessage: (key) => this.#getMessage(key),
    };
  }

  attach(socket: WASocket): void {
    this.#gate.attach(socket);
    this.#appState = new AppStateSync(socket);
    const { creds } = socket.authState;
    this.#creds = creds;
    socket.ws.on('frame', (frame: BinaryNode | Uint8Array) => {
      if (frame instanceof Uint8Array) return;
      if (frame.tag === 'message') this.#frame(frame, creds);
      else if (tellsOfChannel(frame)) this.#channel(frame, creds);
      else if (saysMoreThanTold(frame)) this.#start(this.#event('receipt', frame, creds));
    });
    tapEvents(socket, {
      me: () => meOf(creds),
      now: this.now,
      isKept: (chat, id) => this.#kept.delete(nameOf(chat, id)),
      keep: (record) => void this.#keep(record).catch(() => undefined),
    });
  }

  guard(keys: SignalKeyStore): SignalKeyStore {
    this.#versions = new HeldVersions(this.#watched(keys), () => this.#gate.settle());
    return this.#versions.keys;
  }

  overhear(logger: LibraryLogger): LibraryLogger {
    return overhear(logger, {
      syncAction: (action) => {
        const creds = this.#creds;
        if (creds === undefined) return;
        this.#start(this.#event('sync-action', action, creds));
      },
      acknowledges: (attrs) => {
        const stanza = this.#stanzas.neverTaken(attrs);
        if (stanza === undefined || this.#creds === undefined) return;
        this.#start(this.#stanza(stanza, this.#creds));
        this.#start(this.#unreadable(stanza, this.#creds));
      },
    });
  }

  hold(durable: Promise<void>): void {
    this.#gate.hold(durable);
  }

  async settle(): Promise<void> {
    await this.#gate.settle();
    await this.#versions?.settled();
  }

  /** What could not be read of the keys is our failure, which the library takes for the message's: it would tell WhatsApp to drop it. */
  #watched(keys: SignalKeyStore): SignalKeyStore {
    const get: SignalKeyStore['get'] = async (type, ids) => {
      try {
        return await keys.get(type, ids);
      } catch (error) {
        this.#gate.hold(Promise.reject(error instanceof Error ? error : new Error('a key cannot be read')));
        throw error;
      }
    };
    return { get, set: (data) => keys.set(data) };
  }

  /** Sees each stanza before the library's handlers do, in the same turn. */
  #frame(stanza: BinaryNode, creds: AuthenticationCreds): void {
    const { handed, readable, strange } = partsOf(stanza);
    const says = readable.map(trySaysSomething);
    for (const ciphertext of handed) this.#stanzas.note(ciphertext, stanza);
    // What is not encrypted never meets the repository.
    readable.forEach((content, n) => this.#start(this.#content(stanza, content, creds, says[n] === true)));
    // The library says that it has these, and tells nobody what they hold.
    if (strange || says.includes(undefined) || headOf(stanza, creds) === undefined)
      this.#start(this.#stanza(stanza, creds));
    const isRevocation = channelHeadOf(stanza)?.change === 'revocation';
    if (handed.length + readable.length === 0 || isRevocation) this.#start(this.#unreadable(stanza, creds));
    stanza.attrs.offline ||= KEEPS_ORDER;
  }

  /** The library acknowledges what is new in a channel without telling anybody. */
  #channel(notification: BinaryNode, creds: AuthenticationCreds): void {
    for (const post of postsIn(notification)) {
      const { readable } = partsOf(post);
      const isRevocation = channelHeadOf(post)?.change === 'revocation';
      for (const content of readable) {
        this.#start(this.#content(post, content, creds, trySaysSomething(content) === true));
      }
      if (isRevocation) this.#start(this.#unreadable(post, creds));
    }
    this.#start(this.#event('channel-updates', notification, creds));
  }

  /** What fails here ends the socket by its gate. */
  #start(keeping: Promise<void>): void {
    keeping.catch(() => undefined);
  }

  /** Keeps what the library tells nobody, as if it were an event of it. */
  #event(name: string, entry: unknown, creds: AuthenticationCreds): Promise<void> {
    const head = { type: 'event' as const, me: meOf(creds), atMs: this.now(), name };
    return this.#keep(encodeRecord(head, encodeEvent([entry])));
  }

  #stanza(stanza: BinaryNode, creds: AuthenticationCreds): Promise<void> {
    return this.#keep(encodeRecord({ type: 'stanza', me: meOf(creds), atMs: this.now() }, encodeEvent(stanza)));
  }

  async #content(
    stanza: BinaryNode | undefined,
    content: Uint8Array,
    creds: AuthenticationCreds,
    says: boolean,
  ): Promise<void> {
    const head = stanza === undefined ? undefined : headOf(stanza, creds);
    if (head === undefined || !says) return;
    this.#note(head);
    const record = encodeRecord({ type: 'content', me: meOf(creds), atMs: this.now(), ...head }, content);
    // The keys that decrypted it are durable with it or after it; that nothing is said of it before is the gate's matter.
    await new Promise<void>((taken, failed) => {
      this.#keep(record, taken).then(taken, failed);
    });
  }

  async #unreadable(stanza: BinaryNode | undefined, creds: AuthenticationCreds): Promise<void> {
    // What the own phone says to its devices is no message.
    if (stanza === undefined || stanza.attrs.category === 'peer') return;
    const head = headOf(stanza, creds);
    if (head === undefined) return;
    const known = { ...head, unreadable: true, ...(opensOnce(stanza) ? { viewOnce: true } : {}) };
    await this.#keep(encodeRecord({ type: 'content', me: meOf(creds), atMs: this.now(), ...known }));
  }

  /** Keeps a record: nothing leaves the socket before it is durable. */
  #keep(record: Buffer, taken?: () => void): Promise<void> {
    // After a failure the keys of what comes are not committed, and nothing is acknowledged.
    if (this.#gate.broken) return this.#gate.settle();
    const durable = this.host.append(record, taken);
    this.#gate.hold(durable);
    return durable.then(this.#wake);
  }

  #note({ key }: StanzaHead): void {
    this.#kept.set(nameOf(key.remoteJid ?? '', key.id ?? ''), true);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
  }

  async #getMessage(key: proto.IMessageKey): Promise<proto.IMessage | undefined> {
    const target = keyOfMessage(key, { phone: '', lid: '' });
    const conversation = target === undefined ? undefined : await this.host.getMessage(target);
    return conversation === undefined ? undefined : { conversation };
  }
}

function nameOf(chat: string, id: string): string {
  return `${addressOf(chat)} ${id}`;
}

/**
 * The library handles what waited for the link one after the other, and what comes meanwhile at once: it overtakes. A message of a
 * group that overtakes the one with its key cannot be read until its author sends it again. So all messages are marked as if they had waited.
 */
const KEEPS_ORDER = '0';

/** Those that the library never emits, because it fails on them, are forgotten at some point: what is kept twice is one message. */
const MAX_KEPT = 4096;
