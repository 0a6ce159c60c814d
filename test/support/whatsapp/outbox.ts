import type { BinaryNode } from '@whiskeysockets/baileys';
import type { Acknowledgement } from './acknowledgements.js';
import { readAcknowledgements } from './acknowledgements.js';
import type { Connection } from './connection.js';
import { node, SERVER_JID } from './nodes.js';
import { StanzaQueue } from './stanza-queue.js';
import { Witness } from './witness.js';

/** What goes to a linked device: sent at once or at its next login, again and again until it is acknowledged. */
export class Outbox {
  /** What the device acknowledged, in order, over all its connections: the witness of what it promised. */
  readonly acknowledgements = new Witness<Acknowledgement>();
  /** Whether the server says when all that waited has been sent. The real one does not always. */
  announcesOffline = true;
  /** Chooses acknowledgements that get lost on their way to the server. */
  loses: (stanza: BinaryNode) => boolean = () => false;

  readonly #queue = new StanzaQueue();
  #connection: Connection | undefined;
  #active = false;
  #awaitingEnd: (() => void)[] = [];
  #awaitingNothing: (() => void)[] = [];

  /** The device's connection, from its login on. */
  get connection(): Connection | undefined {
    return this.#connection;
  }

  /** The ids of what the device has not acknowledged, in order. */
  get waiting(): string[] {
    return this.#queue.waiting.map(({ stanza }) => stanza.attrs.id ?? '');
  }

  /** Resolves when nothing waits any more. */
  settled(): Promise<void> {
    if (this.#queue.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#awaitingNothing.push(resolve));
  }

  /** Resolves when the device has acknowledged a message, unless it asked for it again, to what it said. */
  acknowledged(id: string): Promise<Acknowledgement> {
    return this.acknowledgements.waitFor((entry) => entry.id === id && entry.kind !== 'retry' && !entry.lost);
  }

  /** Resolves when the device is not connected, and all that it said is handled. */
  offline(): Promise<void> {
    if (this.#connection === undefined) return Promise.resolve();
    return new Promise((resolve) => this.#awaitingEnd.push(resolve));
  }

  /** Sends a stanza once more as it was, although it need not be. Throws when the device has acknowledged it. */
  repeat(id: string): void {
    const queued = this.#queue.waiting.find(({ stanza }) => stanza.attrs.id === id);
    if (queued === undefined) throw new Error(`${id} does not wait any more`);
    this.#connection?.send(queued.stanza);
  }

  /** Ends the stream as the server does: 515, 503, …; 440 and 401 with what causes them, 411 as the downgrade it is. */
  endStream(code: number): void {
    this.#connection?.sendLast(streamEnd(code));
  }

  /** A device has logged in; another that was there is replaced. */
  connect(connection: Connection): void {
    const replaced = this.#connection;
    this.endStream(440);
    if (replaced !== undefined) this.disconnected(replaced);
    this.#connection = connection;
  }

  /** The connection is gone. */
  disconnected(connection: Connection): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    this.#active = false;
    for (const resolve of this.#awaitingEnd.splice(0)) resolve();
  }

  /** The device listens: sends what waits. */
  replay(connection: Connection): void {
    const waiting = this.#queue.waiting;
    const count = String(waiting.length);
    const message = String(waiting.filter(({ stanza }) => stanza.tag === 'message').length);
    if (waiting.length > 0) {
      connection.send(node('ib', { from: SERVER_JID }, [node('offline_preview', { count, message })]));
    }
    for (const { stanza } of waiting) connection.send({ ...stanza, attrs: { ...stanza.attrs, offline: '0' } });
    this.#active = true;
    if (!this.announcesOffline) return;
    connection.send(node('ib', { from: SERVER_JID }, [node('offline', { count })]));
  }

  /** Keeps a stanza until it is acknowledged, and sends it if the device is there. */
  protected enqueue(stanza: BinaryNode, sendAnew?: () => void): void {
    this.#queue.add(stanza, sendAnew);
    if (this.#active) this.#connection?.send(stanza);
  }

  /** Forgets what waits: nobody else can read it. */
  protected discard(): void {
    for (const queued of this.#queue.waiting) this.#queue.forget(queued);
    this.#tellSettled();
  }

  /** Takes note of a receipt or an ack. */
  protected settle(stanza: BinaryNode): void {
    const lost = this.loses(stanza);
    for (const entry of readAcknowledgements(stanza, lost)) {
      this.acknowledgements.add(entry);
      const queued = lost ? undefined : this.#queue.find(entry.of, entry.id, stanza.attrs);
      if (queued === undefined) continue;
      if (entry.kind === 'retry') {
        queued.askedAgain = true;
        continue;
      }
      this.#queue.forget(queued);
      if (queued.askedAgain) queued.sendAnew?.();
    }
    this.#tellSettled();
  }

  #tellSettled(): void {
    if (this.#queue.size > 0) return;
    for (const resolve of this.#awaitingNothing.splice(0)) resolve();
  }
}

function streamEnd(code: number): BinaryNode {
  switch (code) {
    case 411:
      return node('ib', { from: SERVER_JID }, [node('downgrade_webclient')]);
    case 440:
      return node('stream:error', {}, [node('conflict', { type: 'replaced' })]);
    case 401:
      return node('stream:error', { code: '401' }, [node('conflict', { type: 'device_removed' })]);
    default:
      return node('stream:error', { code: String(code) });
  }
}
