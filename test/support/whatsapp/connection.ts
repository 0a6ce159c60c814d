import type { BinaryNode, proto } from '@whiskeysockets/baileys';
import { decodeBinaryNode, encodeBinaryNode } from '@whiskeysockets/baileys';
import type { WebSocket } from 'ws';
import type { Certificates } from './certificates.js';
import type { CutPlan } from './faults.js';
import { frame, FrameReader } from './frames.js';
import { NoiseResponder } from './noise.js';

/** Who is at the other end, as far as the handshake tells. */
export interface Client {
  payload: proto.ClientPayload;
  /** Its static key: the same at every login of one device. */
  noiseKey: Buffer;
}

/** What becomes of a connection's news. */
export interface ConnectionEvents {
  connected(connection: Connection, client: Client): Promise<void>;
  received(connection: Connection, stanza: BinaryNode): Promise<void>;
  closed(connection: Connection): void;
  /** Something that a sound client and a sound server do not do. */
  failed(error: unknown): void;
}

/** One WebSocket of a client: handshake first, then stanzas. What the client sends is handled strictly in order. */
export class Connection {
  readonly #socket: WebSocket;
  readonly #noise: NoiseResponder;
  readonly #frames = new FrameReader();
  readonly #events: ConnectionEvents;
  readonly #cuts: CutPlan;
  #greeted = false;
  #frozen = false;
  #dropped = false;
  #work: Promise<void> = Promise.resolve();

  constructor(socket: WebSocket, certificates: Certificates, cuts: CutPlan, events: ConnectionEvents) {
    this.#socket = socket;
    this.#noise = new NoiseResponder(certificates);
    this.#events = events;
    this.#cuts = cuts;
    socket.on('message', (data: Buffer) => {
      this.#work = this.#work.then(() => this.#take(data)).catch((error: unknown) => this.#fail(error));
    });
    // After everything that came before it.
    socket.on('close', () => {
      this.#work = this.#work.then(() => events.closed(this));
    });
    // Follows every cut; the close event says all there is to say.
    socket.on('error', () => undefined);
  }

  /** Whether stanzas still go out. */
  get open(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  /** Sends a stanza; does nothing when the connection is closed or frozen. Returns whether the stanza went out. */
  send(stanza: BinaryNode): boolean {
    if (!this.open || this.#frozen) return false;
    if (this.#cuts.take('sending', stanza)) {
      this.cut();
      return false;
    }
    const bytes = frame(this.#noise.seal(encodeBinaryNode(stanza)));
    if (this.#cuts.take('sent', stanza)) {
      // Nothing follows: the next stanza must not slip out before the socket is gone.
      this.#frozen = true;
      this.#socket.send(bytes, () => this.cut());
    } else {
      this.#socket.send(bytes);
    }
    return true;
  }

  /** Sends a last stanza and closes. */
  sendLast(stanza: BinaryNode): void {
    this.send(stanza);
    this.#socket.close();
  }

  /** Ends the TCP connection at once, in the middle of whatever happens. */
  cut(): void {
    this.#dropped = true;
    this.#socket.terminate();
  }

  /** Neither reads nor writes any more, and stays open: what a dead link looks like from the other side. */
  freeze(): void {
    this.#frozen = true;
  }

  /** Resolves when everything that came so far is handled. */
  async idle(): Promise<void> {
    await this.#work;
  }

  async #take(data: Buffer): Promise<void> {
    for (const bytes of this.#frames.push(data)) {
      // What a client sent before it closed counts; what came after a cut never arrived.
      if (this.#frozen || this.#dropped) return;
      if (!this.#noise.established) await this.#greet(bytes);
      else await this.#receive(bytes);
    }
  }

  async #greet(bytes: Buffer): Promise<void> {
    if (!this.#greeted) {
      this.#greeted = true;
      if (this.#cuts.take('handshake')) return this.cut();
      this.#socket.send(frame(this.#noise.answerHello(bytes)));
      return;
    }
    const { payload, clientKey } = this.#noise.finish(bytes);
    await this.#events.connected(this, { payload, noiseKey: clientKey });
  }

  async #receive(bytes: Buffer): Promise<void> {
    const stanza = await decodeBinaryNode(this.#noise.open(bytes));
    if (this.#cuts.take('receiving', stanza)) return this.cut();
    await this.#events.received(this, stanza);
    if (this.#cuts.take('received', stanza)) this.cut();
  }

  #fail(error: unknown): void {
    this.#events.failed(error);
    this.cut();
  }
}
