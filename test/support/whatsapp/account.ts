import { randomBytes } from 'node:crypto';
import type { BinaryNode } from '@whiskeysockets/baileys';
import { proto } from '@whiskeysockets/baileys';
import type { Acknowledgement } from './acknowledgements.js';
import { readAcknowledgements } from './acknowledgements.js';
import type { ClientMessage } from './client-messages.js';
import { messageAck, placeholderAnswer, readClientMessage, readPhoneRequest } from './client-messages.js';
import type { Companion } from './companion.js';
import type { Connection } from './connection.js';
import type { Directory } from './directory.js';
import type { Group, GroupChange } from './groups.js';
import { applyGroupChange } from './groups.js';
import { announceHistory } from './history.js';
import type { MediaServer } from './media-server.js';
import { answerReupload, isReuploadRequest } from './media-retry.js';
import type { DeliverOptions } from './message-stanza.js';
import { buildMessageStanza } from './message-stanza.js';
import { node, nowSeconds, SERVER_JID } from './nodes.js';
import type { Peer } from './peer.js';
import type { PhoneScript } from './phone-script.js';
import { StanzaQueue } from './stanza-queue.js';
import { Witness } from './witness.js';

/** What an account is made of. */
export interface AccountDependencies {
  directory: Directory;
  media: MediaServer;
  /** Something went wrong that no test has asked for. */
  failed(error: unknown): void;
}

/** One WhatsApp account: its own phone, its linked device, and what waits for that device. */
export class Account {
  readonly phone: Peer;
  /** What the device acknowledged, in order, over all its connections. */
  readonly acknowledgements = new Witness<Acknowledgement>();
  /** What the device sent, decrypted. */
  readonly sent = new Witness<ClientMessage>();
  /** What the phone answers when its device asks; it keeps silent unless a test says otherwise. */
  readonly script: PhoneScript = {};
  /** The first chunk of history, pushed at the first login; undefined for none, which a client awaits for 20 s. */
  bootstrap: proto.IHistorySync | undefined = { syncType: proto.HistorySync.HistorySyncType.INITIAL_BOOTSTRAP };
  /** Whether the server says when all that waited has been sent. It once in a while does not. */
  announcesOffline = true;
  /** Chooses acknowledgements that get lost on their way to the server. */
  loses: (stanza: BinaryNode) => boolean = () => false;
  companion: Companion | undefined;
  connection: Connection | undefined;
  /** How many devices were linked so far; each gets a number of its own. */
  devices = 0;

  readonly #dependencies: AccountDependencies;
  #awaitingEnd: (() => void)[] = [];
  readonly #queue = new StanzaQueue();
  #active = false;
  #work: Promise<unknown> = Promise.resolve();

  constructor(phone: Peer, dependencies: AccountDependencies) {
    this.phone = phone;
    this.#dependencies = dependencies;
  }

  /** The ids of what the device has not acknowledged, in order. */
  get waiting(): string[] {
    return this.#queue.waiting.map(({ stanza }) => stanza.attrs.id ?? '');
  }

  /** The linked device. Throws when there is none. */
  expectCompanion(): Companion {
    if (this.companion === undefined) throw new Error(`${this.phone.name} has no linked device`);
    return this.companion;
  }

  /** Sends a message to the linked device, or keeps it until the device is there. Resolves to its id. */
  async deliver(author: Peer, message: proto.IMessage, options: DeliverOptions = {}): Promise<string> {
    const to = this.expectCompanion();
    return this.#inOrder(async () => {
      const letter = { author, own: author === this.phone, to, message, options };
      const stanza = await buildMessageStanza(letter);
      const id = stanza.attrs.id ?? '';
      this.#enqueue(
        stanza,
        options.onRetry === undefined ? undefined : () => this.#sendAnew(author, message, id, options),
      );
      return id;
    });
  }

  /** Pushes a chunk of history from the own phone, inline or as a file to download. Resolves to the message's id. */
  async pushHistory(chunk: proto.IHistorySync, by: 'inline' | 'media' = 'inline', requestId?: string): Promise<string> {
    const media = by === 'media' ? this.#dependencies.media : undefined;
    return this.deliver(this.phone, await announceHistory(chunk, media, requestId), { category: 'peer' });
  }

  /** Changes a group and tells the device of it. Resolves to the notification's id. */
  async changeGroup(group: Group, author: Peer, change: GroupChange): Promise<string> {
    const { addressing } = group;
    return this.deliverStanza(
      'notification',
      {
        type: 'w:gp2',
        from: group.jid,
        participant: author.jid(addressing),
        [addressing === 'lid' ? 'participant_pn' : 'participant_lid']: author.otherJid(addressing),
      },
      [applyGroupChange(group, change)],
    );
  }

  /** Tells the device how far its owner's messages came: without a type, that they are delivered. */
  async deliverReceipt(from: string, ids: string[], attributes: Record<string, string> = {}): Promise<void> {
    const [id = '', ...more] = ids;
    const items = more.map((other) => node('item', { id: other }));
    const content = items.length === 0 ? undefined : [node('list', {}, items)];
    await this.deliverStanza('receipt', { from, id, ...attributes }, content);
  }

  /** Sends any stanza that a device acknowledges, in order with the messages. Resolves to its id. */
  async deliverStanza(
    tag: 'receipt' | 'notification' | 'call',
    attributes: Record<string, string | undefined>,
    content?: BinaryNode[],
  ): Promise<string> {
    const id = attributes.id ?? randomBytes(8).toString('hex').toUpperCase();
    const stanza = node(tag, { t: String(nowSeconds()), ...attributes, id }, content);
    return this.#inOrder(async () => {
      this.#enqueue(stanza);
      return id;
    });
  }

  /** Resolves when the device has acknowledged a message for good, to what it said. */
  acknowledged(id: string): Promise<Acknowledgement> {
    return this.acknowledgements.waitFor((entry) => entry.id === id && entry.kind !== 'retry' && !entry.lost);
  }

  /** Sends a stanza once more as it was, although it need not be. Throws when the device has acknowledged it. */
  repeat(id: string): void {
    const queued = this.#queue.waiting.find(({ stanza }) => stanza.attrs.id === id);
    if (queued === undefined) throw new Error(`${id} does not wait any more`);
    this.connection?.send(queued.stanza);
  }

  /** Ends the stream as the server does: 515, 503, …; 440 and 401 with what causes them, 411 as the downgrade it is. */
  endStream(code: number): void {
    this.connection?.sendLast(streamEnd(code));
  }

  /** Takes the device off the account, as the phone does; its next login fails with 401. */
  unlink(): void {
    this.companion = undefined;
    this.endStream(401);
  }

  /** Resolves when the device is not connected, and all that it said is handled. */
  offline(): Promise<void> {
    if (this.connection === undefined) return Promise.resolve();
    return new Promise((resolve) => this.#awaitingEnd.push(resolve));
  }

  /** A device has logged in and listens: sends what waits. */
  async activate(connection: Connection): Promise<void> {
    const waiting = this.#queue.waiting;
    for (const { stanza } of waiting) connection.send({ ...stanza, attrs: { ...stanza.attrs, offline: '0' } });
    this.#active = true;
    if (this.announcesOffline) {
      const offline = node('offline', { count: String(waiting.length) });
      connection.send(node('ib', { from: SERVER_JID }, [offline]));
    }
    const { bootstrap } = this;
    this.bootstrap = undefined;
    if (bootstrap !== undefined) await this.pushHistory(bootstrap);
  }

  /** Takes what the device says, unless it is a query. Returns whether it was of a known kind. */
  async take(stanza: BinaryNode): Promise<boolean> {
    switch (stanza.tag) {
      case 'receipt':
        if (isReuploadRequest(stanza)) await this.#reupload(stanza);
        else this.#settle(stanza);
        return true;
      case 'ack':
        this.#settle(stanza);
        return true;
      case 'message':
        await this.#takeMessage(stanza);
        return true;
      case 'presence':
      case 'chatstate':
      case 'ib':
      case 'call':
        return true;
      default:
        return false;
    }
  }

  /** The connection is gone. */
  disconnected(connection: Connection): void {
    if (this.connection !== connection) return;
    this.connection = undefined;
    this.#active = false;
    for (const resolve of this.#awaitingEnd.splice(0)) resolve();
  }

  #enqueue(stanza: BinaryNode, sendAnew?: () => void): void {
    this.#queue.add(stanza, sendAnew);
    if (this.#active) this.connection?.send(stanza);
  }

  #settle(stanza: BinaryNode): void {
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
  }

  #sendAnew(author: Peer, message: proto.IMessage, id: string, options: DeliverOptions): void {
    author.forgetSession(this.expectCompanion());
    const { form: _form, onRetry: _onRetry, ...rest } = options;
    this.deliver(author, message, { ...rest, id }).catch((error: unknown) => this.#dependencies.failed(error));
  }

  async #takeMessage(stanza: BinaryNode): Promise<void> {
    this.connection?.send(messageAck(stanza, nowSeconds()));
    const message = await readClientMessage(stanza, this.expectCompanion(), this.phone, this.#dependencies.directory);
    this.sent.add(message);
    const request = readPhoneRequest(message);
    const older = request?.historySyncOnDemandRequest;
    const chunk = older ? this.script.onHistoryRequest?.(older, message.id) : undefined;
    if (chunk !== undefined) await this.pushHistory(chunk, 'inline', message.id);
    const keys = request?.placeholderMessageResendRequest?.flatMap(({ messageKey }) => messageKey ?? []) ?? [];
    const again = keys.length === 0 ? undefined : this.script.onPlaceholderRequest?.(keys);
    if (again !== undefined) {
      await this.deliver(this.phone, placeholderAnswer(message.id, again), { category: 'peer' });
    }
  }

  async #reupload(stanza: BinaryNode): Promise<void> {
    const { attributes, content } = answerReupload(stanza, this.phone, this.script.onReuploadRequest);
    await this.deliverStanza('notification', attributes, content);
  }

  /** Signal sessions are chains: one message is encrypted after the other, and sent in the same order. */
  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => undefined);
    return done;
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
