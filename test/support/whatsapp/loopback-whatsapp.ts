import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { BinaryNode, proto } from '@whiskeysockets/baileys';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import { Account } from './account.js';
import { answer, result } from './answers.js';
import type { Certificates } from './certificates.js';
import { issueCertificates } from './certificates.js';
import type { Client } from './connection.js';
import { Connection } from './connection.js';
import { Directory } from './directory.js';
import type { CutMoment, StanzaFilter } from './faults.js';
import { CutPlan } from './faults.js';
import { Groups } from './groups.js';
import { MediaServer } from './media-server.js';
import { find, node, nowSeconds } from './nodes.js';
import { Pairing } from './pairing.js';
import type { Peer, PersonNames } from './peer.js';

// Frames carry their length in three bytes.
const PAYLOAD_BYTES_MAX = 2 ** 24 + 1024;

/** The owner of an account: both names are needed, because a login is answered with the LID. */
export interface Owner {
  phone: string;
  lid: string;
  name?: string;
}

/** How a loopback WhatsApp differs from a usual one. */
export interface LoopbackOptions {
  port?: number;
  mediaPort?: number;
  certificates?: Certificates;
  /**
   * Says that it has one-time keys of every device. Clients then make none at their first login instead of 812, which is
   * most of the work of linking one; sessions do without.
   */
  claimsPreKeys?: boolean;
}

// A client uploads more at five and fewer.
const CLAIMED_PRE_KEYS = 6;

/**
 * A WhatsApp of one's own on 127.0.0.1, with which unmodified clients pair and log in. It stands in for the servers, for
 * the owner's phone and for everybody who writes to them. It cannot show what only the real one decides: bans, how much
 * history a phone sends, changes of the protocol.
 */
export class LoopbackWhatsApp {
  readonly media: MediaServer;
  readonly groups = new Groups();
  /** What a client has to trust when it checks certificates. */
  readonly rootPublicKey: Buffer;
  /** What clients told at each connection, in order. */
  readonly payloads: proto.ClientPayload[] = [];
  /** What a sound client and a sound server do not do. A test ends by expecting none. */
  readonly errors: string[] = [];

  readonly #server: Server;
  readonly #port: number;
  readonly #sockets: WebSocketServer;
  readonly #certificates: Certificates;
  readonly #claimedPreKeys: number;
  readonly #directory = new Directory();
  readonly #pairing = new Pairing();
  readonly #accounts = new Map<string, Account>();
  readonly #byConnection = new Map<Connection, Account>();
  readonly #cuts = new CutPlan();
  readonly #connections = new Set<Connection>();
  readonly #refusedSockets = new Set<Duplex>();
  #refusals: { status: number; times: number; closes: boolean } | undefined;
  #failures: { reason: number; phone: string | undefined }[] = [];
  #disconnections: (() => void)[] = [];

  private constructor(server: Server, media: MediaServer, options: LoopbackOptions) {
    this.#server = server;
    // Safety: the server listens on TCP.
    this.#port = (server.address() as AddressInfo).port;
    this.media = media;
    this.#certificates = options.certificates ?? issueCertificates();
    this.#claimedPreKeys = options.claimsPreKeys === true ? CLAIMED_PRE_KEYS : 0;
    this.rootPublicKey = this.#certificates.rootPublicKey;
    this.#sockets = new WebSocketServer({ noServer: true, maxPayload: PAYLOAD_BYTES_MAX, perMessageDeflate: false });
    server.on('upgrade', (request, socket, head) => {
      if (this.#refused(socket)) return;
      this.#sockets.handleUpgrade(request, socket, head, (webSocket) => this.#accept(webSocket));
    });
  }

  /** Listens on free ports of loopback, or on `port` and `mediaPort`. */
  static async listen(options: LoopbackOptions = {}): Promise<LoopbackWhatsApp> {
    const server = createServer((_request, response) => response.writeHead(426).end());
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.port ?? 0, '127.0.0.1', resolve);
    });
    return new LoopbackWhatsApp(server, await MediaServer.open(options.mediaPort), options);
  }

  /** Where clients connect. */
  get url(): string {
    return `ws://127.0.0.1:${this.#port}/ws/chat`;
  }

  /** What another one must be given to be taken for this one by those who know it, when this one is closed. */
  get addresses(): { port: number; mediaPort: number; certificates: Certificates } {
    return { port: this.#port, mediaPort: this.media.port, certificates: this.#certificates };
  }

  /** What `trust-loopback.js` needs to know in the process of a daemon under test. */
  get childEnvironment(): Record<string, string> {
    return { LOOPBACK_ROOT_KEY: this.rootPublicKey.toString('hex'), LOOPBACK_MEDIA_PORT: String(this.media.port) };
  }

  /** Cuts all connections and stops listening. */
  async close(): Promise<void> {
    const connections = [...this.#connections];
    this.cutAll();
    for (const socket of this.#refusedSockets) socket.destroy();
    await new Promise((resolve) => this.#sockets.close(resolve));
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await Promise.all(connections.map((connection) => connection.idle()));
    await this.media.close();
    this.#directory.close();
  }

  /** Adds somebody who can write to accounts and be in groups. */
  addPerson(names: PersonNames): Peer {
    return this.#directory.add(names);
  }

  /** The account of a number. Throws when there is none. */
  account(phone: string): Account {
    const account = this.#accounts.get(phone);
    if (account === undefined) throw new Error(`nobody has the number ${phone}`);
    return account;
  }

  /** Opens an account, or returns the one that the number has. */
  openAccount(owner: Owner): Account {
    const existing = this.#accounts.get(owner.phone);
    if (existing !== undefined) return existing;
    const dependencies = {
      directory: this.#directory,
      media: this.media,
      failed: (error: unknown) => this.#fail(error),
    };
    const account = new Account(this.addPerson(owner), dependencies);
    this.#accounts.set(owner.phone, account);
    return account;
  }

  /** Scans a QR code with the owner's phone. Resolves when the client is linked and has been told to log in. */
  async scanQr(qr: string, owner: Owner): Promise<Account> {
    const account = this.openAccount(owner);
    await this.#pairing.scan(qr, account);
    return account;
  }

  /** Types the code that a client shows into the owner's phone. Resolves like `scanQr`. */
  async typeCode(code: string, owner: Owner): Promise<Account> {
    const account = this.openAccount(owner);
    await this.#pairing.type(code, account);
    return account;
  }

  /** Answers the next client that says who it is, or the next login of a number, with `failure`: 401, 403, 405 … */
  failNextLogin(reason: number, phone?: string): void {
    this.#failures.push({ reason, phone });
  }

  /** Answers the next upgrades to WebSocket with a status of HTTP, as a proxy does, and closes the connection or not. */
  refuseUpgrades(status: number, { times = 1, closes = true } = {}): void {
    this.#refusals = { status, times, closes };
  }

  /** Cuts a connection at a moment to come; resolves when it has happened. */
  cut(moment: CutMoment, matches?: StanzaFilter): Promise<void> {
    return this.#cuts.plan(moment, matches);
  }

  /** Resolves when the next connection has ended. */
  disconnection(): Promise<void> {
    return new Promise((resolve) => this.#disconnections.push(resolve));
  }

  /** Cuts all connections now. */
  cutAll(): void {
    for (const connection of this.#connections) connection.cut();
  }

  #refused(socket: Duplex): boolean {
    if (this.#refusals === undefined) return false;
    const { status, closes } = this.#refusals;
    this.#refusals.times -= 1;
    if (this.#refusals.times <= 0) this.#refusals = undefined;
    this.#refusedSockets.add(socket);
    socket.once('close', () => this.#refusedSockets.delete(socket));
    // A client may reset what was refused.
    socket.on('error', () => undefined);
    const connection = closes ? 'Connection: close\r\n' : '';
    socket.write(`HTTP/1.1 ${status} Refused\r\nContent-Length: 0\r\n${connection}\r\n`);
    if (closes) socket.end();
    return true;
  }

  #accept(socket: WebSocket): void {
    const connection = new Connection(socket, this.#certificates, this.#cuts, {
      connected: async (from, client) => this.#connected(from, client),
      received: (from, stanza) => this.#received(from, stanza),
      closed: (from) => this.#closed(from),
      failed: (error) => this.#fail(error),
    });
    this.#connections.add(connection);
  }

  #connected(connection: Connection, client: Client): void {
    this.payloads.push(client.payload);
    const phone = String(client.payload.username ?? '');
    const index = this.#failures.findIndex((failure) => failure.phone === undefined || failure.phone === phone);
    const [failure] = index < 0 ? [] : this.#failures.splice(index, 1);
    if (failure !== undefined) return connection.sendLast(node('failure', { reason: String(failure.reason) }));
    if (client.payload.devicePairingData) return this.#pairing.register(connection, client);
    const account = this.#accounts.get(phone);
    const companion = account?.companion;
    if (account === undefined || companion === undefined || !isDevice(client, companion)) {
      return connection.sendLast(node('failure', { reason: '401' }));
    }
    account.connect(connection);
    this.#byConnection.set(connection, account);
    const lid = account.phone.jid('lid').replace('@', `:${companion.device}@`);
    connection.send(node('success', { t: String(nowSeconds()), lid }));
  }

  async #received(connection: Connection, stanza: BinaryNode): Promise<void> {
    const account = this.#byConnection.get(connection);
    if (account === undefined) return this.#receivedUnlinked(connection, stanza);
    if (stanza.tag !== 'iq') {
      if (!(await account.take(stanza))) this.#fail(new Error(`an unknown stanza: ${stanza.tag}`));
      return;
    }
    if (stanza.attrs.type === 'result' || stanza.attrs.type === 'error') return;
    if (find(stanza, 'remove-companion-device') !== undefined) account.remove();
    // A device that has left needs no more answers.
    if (account.companion === undefined) return;
    const sources = { directory: this.#directory, groups: this.groups, claimedPreKeys: this.#claimedPreKeys };
    const answered = await answer(stanza, account, sources);
    if (answered !== undefined) connection.send(answered);
    if (find(stanza, 'active') !== undefined) await account.activate(connection);
  }

  #receivedUnlinked(connection: Connection, stanza: BinaryNode): void {
    const candidate = this.#pairing.find(connection);
    if (candidate === undefined || stanza.tag !== 'iq') return;
    if (stanza.attrs.type === 'result') return this.#pairing.takeResult(candidate, stanza);
    connection.send(result(stanza));
    this.#pairing.take(candidate, stanza);
  }

  #closed(connection: Connection): void {
    this.#connections.delete(connection);
    this.#pairing.disconnected(connection);
    this.#byConnection.get(connection)?.disconnected(connection);
    this.#byConnection.delete(connection);
    for (const resolve of this.#disconnections.splice(0)) resolve();
  }

  #fail(error: unknown): void {
    this.errors.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
}

function isDevice(client: Client, companion: NonNullable<Account['companion']>): boolean {
  return client.payload.device === companion.device && client.noiseKey.equals(companion.registration.noiseKey);
}
