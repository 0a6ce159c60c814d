import type {
  AuthenticationCreds,
  BaileysEventMap,
  ConnectionState,
  UserFacingSocketConfig,
} from '@whiskeysockets/baileys';
import { Browsers, initAuthCreds, makeWASocket } from '@whiskeysockets/baileys';
import { pino } from 'pino';
import type { Account } from './account.js';
import type { LoopbackWhatsApp, Owner } from './loopback-whatsapp.js';
import { MemoryKeys, throughJson } from './memory-keys.js';

/** What a client keeps between its connections. */
export interface ClientState {
  creds: AuthenticationCreds;
  keys: MemoryKeys;
}

/** The state of a client that was never linked. */
export function newClientState(): ClientState {
  return { creds: initAuthCreds(), keys: new MemoryKeys() };
}

/** What is left of a client that dies now. */
export function copyClientState({ creds, keys }: ClientState): ClientState {
  return { creds: throughJson(creds), keys: keys.copy() };
}

type EventName = keyof BaileysEventMap;
type Socket = ReturnType<typeof makeWASocket>;

/** An event that a client emitted. */
export interface SeenEvent<Name extends EventName = EventName> {
  name: Name;
  data: BaileysEventMap[Name];
}

/** What a client has to know of a loopback WhatsApp, which may be in another process. */
export interface LoopbackAddress {
  url: string;
  media: { dispatcher: unknown };
}

// Any wait of these tests is over in a second; a busy machine gets time.
const PATIENCE_MS = 15_000;

/** The unmodified Baileys client, connected to a loopback WhatsApp, with everything it emits. */
export class BaileysClient {
  readonly state: ClientState;
  readonly socket: Socket;
  /** For downloads by the library's functions: leads them to the loopback server. */
  readonly download: { options: RequestInit };
  /** All events in order, as they reach a listener. */
  readonly events: SeenEvent[] = [];
  #waiting: { check: () => boolean; resolve: () => void }[] = [];

  /** Connects; a state that is linked logs in, any other asks to be paired. */
  constructor(whatsapp: LoopbackAddress, state: ClientState, config: Partial<UserFacingSocketConfig> = {}) {
    this.state = state;
    // Safety: fetch in Node takes a dispatcher, of which its type knows nothing.
    this.download = { options: { dispatcher: whatsapp.media.dispatcher } as unknown as RequestInit };
    this.socket = makeWASocket({
      waWebSocketUrl: whatsapp.url,
      auth: state,
      logger: pino({ level: 'silent' }),
      browser: Browsers.macOS('Desktop'),
      markOnlineOnConnect: false,
      shouldSyncHistoryMessage: () => true,
      retryRequestDelayMs: 1,
      ...this.download,
      ...config,
    });
    this.socket.ev.process((events) => this.#record(events));
  }

  /** The events of one name. */
  seen<Name extends EventName>(name: Name): BaileysEventMap[Name][] {
    // Safety: the event's name says what its data is.
    return this.events.filter((event) => event.name === name).map((event) => event.data as BaileysEventMap[Name]);
  }

  /** Resolves to the first event of a name that passes, also to one that came earlier. */
  async next<Name extends EventName>(
    name: Name,
    passes: (data: BaileysEventMap[Name]) => boolean = () => true,
  ): Promise<BaileysEventMap[Name]> {
    const found = (): BaileysEventMap[Name] | undefined => this.seen(name).find(passes);
    await this.#until(() => found() !== undefined, `${name} did not come`);
    const data = found();
    if (data === undefined) throw new Error('an event vanished');
    return data;
  }

  /** The first QR code. */
  async qr(): Promise<string> {
    const { qr } = await this.next('connection.update', (update) => update.qr !== undefined);
    return qr ?? '';
  }

  /** Resolves when the client is logged in. */
  async opened(): Promise<void> {
    await this.next('connection.update', ({ connection }) => connection === 'open');
  }

  /** Resolves to the code with which the connection ended, and undefined when the client itself ended it. */
  async closed(): Promise<number | undefined> {
    const update = await this.next('connection.update', ({ connection }) => connection === 'close');
    return statusOf(update);
  }

  /** Resolves to the messages that came by `messages.upsert`, as soon as they are that many. */
  async messages(count: number): Promise<BaileysEventMap['messages.upsert']['messages']> {
    const all = () => this.seen('messages.upsert').flatMap(({ messages }) => messages);
    await this.#until(() => all().length >= count, `${count} messages did not come`);
    return all();
  }

  /** Ends the connection and the client. */
  async end(): Promise<void> {
    await this.socket.end(undefined);
  }

  #record(events: Partial<BaileysEventMap>): void {
    // Safety: Object.entries forgets the names of the properties.
    for (const [name, data] of Object.entries(events) as [EventName, BaileysEventMap[EventName]][]) {
      if (name === 'creds.update') Object.assign(this.state.creds, data);
      this.events.push({ name, data });
    }
    const done = this.#waiting.filter(({ check }) => check());
    this.#waiting = this.#waiting.filter((waiting) => !done.includes(waiting));
    for (const { resolve } of done) resolve();
  }

  #until(check: () => boolean, problem: string): Promise<void> {
    if (check()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`${problem}; seen: ${this.events.map(({ name }) => name).join(' ')}`));
      }, PATIENCE_MS);
      this.#waiting.push({
        check,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
      });
    });
  }
}

function statusOf({ lastDisconnect }: Partial<ConnectionState>): number | undefined {
  // Safety: Baileys ends a connection with a Boom, or without an error.
  const error = lastDisconnect?.error as { output?: { statusCode?: number } } | undefined;
  return error?.output?.statusCode;
}

/** A client that is linked and logged in, and the account it belongs to. */
export interface LinkedClient {
  client: BaileysClient;
  account: Account;
  state: ClientState;
}

/** Links a new client by QR and logs it in. */
export async function linkClient(
  whatsapp: LoopbackWhatsApp,
  owner: Owner,
  config: Partial<UserFacingSocketConfig> = {},
): Promise<LinkedClient> {
  const state = newClientState();
  const pairing = new BaileysClient(whatsapp, state, config);
  const account = await whatsapp.scanQr(await pairing.qr(), owner);
  await pairing.closed();
  const client = new BaileysClient(whatsapp, state, config);
  await client.opened();
  return { client, account, state };
}
