import type { BaileysEventMap, UserFacingSocketConfig, WASocket, WAVersion } from '@whiskeysockets/baileys';
import { Browsers, jidNormalizedUser, makeWASocket } from '@whiskeysockets/baileys';
import type { Disconnect } from '../domain/link.js';
import { LinkLost } from '../domain/link-lost.js';
import type { LiveEvent } from '../domain/live-event.js';
import type { Logger } from '../log.js';
import type {
  ConnectLink,
  ContactsFound,
  LinkAccount,
  LinkConnection,
  LinkTask,
  OlderQuestion,
  SentQuestion,
} from '../session/link/link.js';
import type { MediaLink } from '../session/link/link-media.js';
import { ask } from './ask.js';
import { askForOlder } from './ask-phone.js';
import { askForReupload } from './ask-reupload.js';
import type { Capture } from './capture.js';
import { Credentials } from './credentials.js';
import { disconnectOf, tellFailure } from './disconnect.js';
import { downloadMedia } from './download-media.js';
import { type Asker, fetchContacts, fetchGroup, fetchGroups } from './fetch-directory.js';
import { DEFAULT_TIMES, type LinkTimes } from './link-times.js';
import { meOf } from './stanza-head.js';
import { errorWithCode, libraryLogger, statusCodeOf } from './tame-library.js';
import { Watchdog } from './watchdog.js';

/** How links to WhatsApp are made. */
export interface WhatsAppOptions {
  /** Where WhatsApp is: `wss://…`, or a loopback server. */
  url: string;
  /** The version of WhatsApp Web that is announced. */
  version: WAVersion;
  log: Logger;
  now: () => number;
  /** What takes the messages of a session. */
  makeCapture: (inbox: LinkTask['inbox']) => Capture;
  /** Departures from `DEFAULT_TIMES`. */
  times?: Partial<LinkTimes>;
}

/** How many QR codes WhatsApp gives out for one attempt. */
const QR_CODES = 6;

/** Less than the minute after which the library takes silence for an empty answer. */
const QUERY_LIMIT_MS = 45_000;

/** Several answers, and files. Chosen, not measured. */
const CONTACTS_LIMIT_MS = 2 * 60_000;

/** Makes links to WhatsApp by Baileys. */
export function makeWhatsAppLinks(options: WhatsAppOptions): ConnectLink {
  return (task) => {
    const link = new WhatsAppLink(task, options);
    link.start();
    return link;
  };
}

/** One connection to WhatsApp. It never sends a message and never shows its owner as online. */
class WhatsAppLink implements LinkConnection {
  readonly #task: LinkTask;
  readonly #options: WhatsAppOptions;
  readonly #times: LinkTimes;
  readonly media: MediaLink = {
    download: (source, signal) => downloadMedia(source, fetch, this.#times.mediaIdleMs, signal),
    askPhone: (message, mediaKey, signal) =>
      this.#socket === undefined
        ? Promise.resolve({ answer: 'silent' })
        : askForReupload(this.#socket, message, mediaKey, this.#times.reuploadMs, signal),
  };
  readonly #watchdog: Watchdog;
  #socket: WASocket | undefined;
  /** Aborts when nothing can be asked of it any more. */
  readonly #ended = new AbortController();
  /** True when the end is our own doing. */
  #closing = false;
  #opened = false;
  #caughtUp = false;
  #qrCodes = 0;
  /** Set when a phone has answered; settles when the credentials are durable, or cannot be. */
  #pairing: Promise<void> | undefined;

  constructor(task: LinkTask, options: WhatsAppOptions) {
    this.#task = task;
    this.#options = options;
    this.#times = { ...DEFAULT_TIMES, ...options.times };
    this.#watchdog = new Watchdog(this.#times.closeMs);
  }

  /** Connects, and tells the end of it to the task's events, whatever it is. */
  start(): void {
    void this.#run().then((disconnect) => this.#task.events.closed(disconnect));
  }

  close(): void {
    this.#closing = true;
    this.#end(undefined);
  }

  async logOut(): Promise<boolean> {
    const socket = this.#socket;
    this.#closing = true;
    try {
      if (socket === undefined || !this.#opened) return false;
      // Sends one stanza, and ends the connection without waiting for an answer.
      await socket.logout();
      return true;
    } catch {
      return false;
    } finally {
      this.#end(undefined);
    }
  }

  fetchContacts(): Promise<ContactsFound> {
    return this.#ask(fetchContacts, CONTACTS_LIMIT_MS);
  }

  fetchGroups(): Promise<LiveEvent[][]> {
    return this.#ask(fetchGroups, QUERY_LIMIT_MS);
  }

  fetchGroup(jid: string): Promise<LiveEvent[]> {
    return this.#ask((socket, asker) => fetchGroup(socket, jid, asker), QUERY_LIMIT_MS);
  }

  requestOlder(question: OlderQuestion): SentQuestion {
    const socket = this.#socket;
    if (socket !== undefined && this.#opened && !this.#ended.signal.aborted) return askForOlder(socket, question);
    return { id: '', sent: Promise.reject(new LinkLost('it is not open')) };
  }

  async #ask<T>(question: (socket: WASocket, asker: Asker) => Promise<T>, limitMs: number): Promise<T> {
    const socket = this.#socket;
    if (socket === undefined || !this.#opened || this.#ended.signal.aborted) throw new LinkLost('it is not open');
    const asker = { me: meOf(socket.authState.creds), nowMs: this.#options.now() };
    return ask(question(socket, asker), { ended: this.#ended.signal, limitMs });
  }

  /** Never rejects. */
  async #run(): Promise<Disconnect> {
    const { storage, pairing } = this.#task;
    try {
      const credentials = pairing === undefined ? await Credentials.load(storage) : Credentials.fresh(storage);
      if (credentials === undefined) return { cause: 'not-paired', code: 0 };
      if (this.#closing) return { cause: 'ended', code: 0 };
      return await this.#connect(credentials);
    } catch (error) {
      tellFailure(this.#options.log, this.#task.sessionId, error);
      return { cause: this.#closing ? 'ended' : 'transient', code: 0 };
    } finally {
      this.#watchdog.stop();
    }
  }

  async #connect(credentials: Credentials): Promise<Disconnect> {
    const capture = this.#options.makeCapture(this.#task.inbox);
    const socket = makeWASocket(this.#socketConfig(credentials, capture));
    this.#socket = socket;
    capture.attach(socket);
    credentials.onWrite = (durable) => capture.hold(durable);
    const ended = new Promise<number | undefined>((resolve) => {
      socket.ev.on('connection.update', (update) => {
        this.#takeUpdate(update, credentials, socket);
        if (update.connection === 'close') resolve(statusCodeOf(update.lastDisconnect?.error));
      });
    });
    socket.ev.on('creds.update', () => {
      credentials.changed().catch(() => this.#end(errorWithCode('the credentials cannot be stored', 500)));
      if (this.#opened) this.#task.events.opened(accountOf(credentials));
    });
    // The library leaves an upgrade that is refused alone, for ever.
    socket.ws.on('unexpected-response', () => this.#end(errorWithCode('the upgrade was refused', 503)));
    const limit = (ms: number): void =>
      this.#watchdog.expect(ms, () => this.#end(errorWithCode('it did not open in time', 408)));
    socket.ws.on('frame', () => {
      this.#watchdog.sawLife();
      this.#task.events.heard();
    });
    socket.ws.once('frame', () => limit(this.#times.openMs));
    limit(this.#times.connectMs);
    this.#watchdog.expectLife(this.#times.keepAliveMs * 1.5, () => this.#end(errorWithCode('it fell silent', 408)));

    const code = await ended;
    this.#ended.abort();
    await capture.settle();
    await this.#pairing;
    await credentials.settled();
    if (this.#closing) return { cause: 'ended', code: 0 };
    // It has to log in now, however this connection went.
    if (this.#pairing !== undefined) return { cause: 'restart', code: code ?? 0 };
    return disconnectOf(code, { awaitsPhone: this.#qrCodes > 0 });
  }

  #socketConfig(credentials: Credentials, capture: Capture): UserFacingSocketConfig {
    const { url, version, log } = this.#options;
    return {
      ...capture.socketOptions,
      waWebSocketUrl: url,
      version,
      auth: { creds: credentials.creds, keys: capture.guard(credentials.keys) },
      logger: capture.overhear(libraryLogger(log, this.#task.sessionId)),
      // What announces itself as a desktop is sent more history; it is decided when the device is paired.
      browser: Browsers.macOS('Desktop'),
      syncFullHistory: true,
      // Else the phone of the owner would stay silent.
      markOnlineOnConnect: false,
      keepAliveIntervalMs: this.#times.keepAliveMs,
      // With a limit the library makes a timer, two stack traces and an error for each frame that it sends; the watchdog has it instead.
      connectTimeoutMs: 0,
      ...(this.#times.nextQrMs === DEFAULT_TIMES.nextQrMs ? {} : { qrTimeout: this.#times.nextQrMs }),
      // The library's default leaves out FULL history, and with everything left out LIDs would not be known.
      shouldSyncHistoryMessage: capture.socketOptions.shouldSyncHistoryMessage ?? (() => true),
    };
  }

  #takeUpdate(update: BaileysEventMap['connection.update'], credentials: Credentials, socket: WASocket): void {
    const { events } = this.#task;
    if (update.qr !== undefined) this.#takeQr(update.qr, socket);
    if (update.isNewLogin === true) {
      this.#pairing = this.#keep(credentials);
      this.#pairing.catch(() => this.#end(errorWithCode('the credentials cannot be stored', 500)));
      // WhatsApp asks for a restart at once; the credentials are good without it.
      this.#watchdog.expect(this.#times.closeMs, () => this.#end(errorWithCode('no restart was asked for', 515)));
    }
    if (update.connection === 'open') {
      this.#opened = true;
      events.opened(accountOf(credentials));
      // Sometimes WhatsApp never says that nothing waits any more.
      this.#watchdog.expect(this.#times.syncMs, () => this.#task.events.caughtUp(false));
      if (this.#caughtUp) this.#noteCaughtUp();
    }
    if (update.receivedPendingNotifications === true) {
      this.#caughtUp = true;
      if (this.#opened) this.#noteCaughtUp();
    }
  }

  #noteCaughtUp(): void {
    this.#watchdog.expectNothing();
    this.#task.events.caughtUp(true);
  }

  #takeQr(payload: string, socket: WASocket): void {
    const { pairing, events } = this.#task;
    // From now on the library limits the time itself.
    this.#watchdog.expectNothing();
    this.#qrCodes++;
    const { firstQrMs, nextQrMs } = this.#times;
    const nowMs = this.#options.now();
    if (pairing === undefined) return;
    if (pairing.phoneNumber === '') {
      const expiresAtMs = nowMs + (this.#qrCodes === 1 ? firstQrMs : nextQrMs);
      events.offered({ kind: 'qr', payload, expiresAtMs });
    } else if (this.#qrCodes === 1) {
      // The code lives as long as the QR codes that nobody is shown.
      const expiresAtMs = nowMs + firstQrMs + (QR_CODES - 1) * nextQrMs;
      socket.requestPairingCode(pairing.phoneNumber).then(
        (code) => events.offered({ kind: 'code', code, expiresAtMs }),
        () => this.#end(errorWithCode('no pairing code', 428)),
      );
    }
  }

  /** Stores the credentials of a new device. First the session learns of it: then none are ever left that nobody knows of. */
  async #keep(credentials: Credentials): Promise<void> {
    await this.#task.events.paired(accountOf(credentials));
    await credentials.keep();
  }

  /** Ends the connection; an end that is not answered is cut short. */
  #end(error: Error | undefined): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#watchdog.cut(() => terminate(socket));
    socket.end(error).catch(() => terminate(socket));
  }
}

/** Closes the TCP connection: on a dead one the library would wait half a minute for an answer. */
function terminate({ ws }: WASocket): void {
  // Safety: the library keeps the WebSocket of `ws` here and offers no other way to it.
  const { socket } = ws as unknown as { socket: { terminate(): void } | null };
  socket?.terminate();
}

function accountOf({ creds: { me } }: Credentials): LinkAccount {
  return {
    phoneJid: me === undefined ? '' : jidNormalizedUser(me.id),
    lid: me?.lid === undefined ? '' : jidNormalizedUser(me.lid),
    // A tilde stands for a name that is not known yet.
    pushName: me?.name === undefined || me.name === '~' ? '' : me.name,
  };
}
