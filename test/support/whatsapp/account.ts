import { randomBytes } from 'node:crypto';
import type { BinaryNode, WAPatchCreate } from '@whiskeysockets/baileys';
import { proto } from '@whiskeysockets/baileys';
import { AppState } from './app-state.js';
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
import { Outbox } from './outbox.js';
import type { Peer } from './peer.js';
import type { PhoneScript } from './phone-script.js';
import { Witness } from './witness.js';

/** What an account is made of. */
export interface AccountDependencies {
  directory: Directory;
  media: MediaServer;
  /** Something went wrong that no test has asked for. */
  failed(error: unknown): void;
}

/** One WhatsApp account: its own phone, its linked device, and what waits for that device. */
export class Account extends Outbox {
  readonly phone: Peer;
  /** What the device sent, decrypted. */
  readonly sent = new Witness<ClientMessage>();
  /** What else it said: presence, `ib`, and what is neither message nor query nor receipt. */
  readonly otherStanzas = new Witness<BinaryNode>();
  /** What the phone answers when its device asks; it keeps silent unless a test says otherwise. */
  readonly script: PhoneScript = {};
  /** Contacts and the settings of chats, as all devices share them. */
  readonly appState = new AppState();
  /** The first chunk of history for a device that was just linked; undefined for none, which a client awaits for 20 s. */
  bootstrap: proto.IHistorySync | undefined = { syncType: proto.HistorySync.HistorySyncType.INITIAL_BOOTSTRAP };
  /** Chooses queries that are refused with a code, or not answered at all. */
  refuses: (query: BinaryNode) => number | 'silence' | undefined = () => undefined;

  readonly #dependencies: AccountDependencies;
  #companion: Companion | undefined;
  #bootstrapped: Companion | undefined;
  #devices = 0;
  #work: Promise<unknown> = Promise.resolve();

  constructor(phone: Peer, dependencies: AccountDependencies) {
    super();
    this.phone = phone;
    this.#dependencies = dependencies;
  }

  /** The linked device. */
  get companion(): Companion | undefined {
    return this.#companion;
  }

  /** The linked device. Throws when there is none. */
  expectCompanion(): Companion {
    if (this.#companion === undefined) throw new Error(`${this.phone.name} has no linked device`);
    return this.#companion;
  }

  /** The number for the next device; none is given twice. */
  nextDevice(): number {
    this.#devices += 1;
    return this.#devices;
  }

  /** Links a device, instead of the one that may be there. What waits for that one is lost. */
  link(companion: Companion): void {
    this.discard();
    this.#companion = companion;
  }

  /** Takes the device off the account, as the phone does; its next login fails with 401. */
  unlink(): void {
    this.remove();
    this.endStream(401);
  }

  /** The device is no longer one. */
  remove(): void {
    this.discard();
    this.#companion = undefined;
  }

  /** Sends a message to the linked device, or keeps it until the device is there. Resolves to its id. */
  async deliver(author: Peer, message: proto.IMessage, options: DeliverOptions = {}): Promise<string> {
    const to = this.expectCompanion();
    return this.#inOrder(async () => {
      const letter = { author, own: author === this.phone, to, message, options };
      const stanza = await buildMessageStanza(letter);
      const id = stanza.attrs.id ?? '';
      this.enqueue(
        stanza,
        options.onRetry === undefined ? undefined : () => this.#sendAnew(author, message, id, options),
      );
      return id;
    });
  }

  /** Encrypts a message in its turn and sends it when it is told to: in the order in which they were prepared. */
  async prepare(author: Peer, message: proto.IMessage, options: DeliverOptions = {}): Promise<() => void> {
    const letter = { author, own: author === this.phone, to: this.expectCompanion(), message, options };
    const stanza = await this.#inOrder(() => buildMessageStanza(letter));
    return () => this.enqueue(stanza);
  }

  /** Pushes a chunk of history from the own phone, inline or as a file to download. Resolves to the message's id. */
  async pushHistory(chunk: proto.IHistorySync, by: 'inline' | 'media' = 'inline', requestId?: string): Promise<string> {
    const media = by === 'media' ? this.#dependencies.media : undefined;
    return this.deliver(this.phone, await announceHistory(chunk, media, requestId), { category: 'peer' });
  }

  /** Gives the device the key to what all devices share. */
  async shareAppStateKey(): Promise<string> {
    return this.deliver(this.phone, this.appState.keyShare, { category: 'peer' });
  }

  /** Changes a contact or the settings of a chat, as on the phone. Resolves to the notification's id. */
  async changeAppState(change: WAPatchCreate): Promise<string> {
    const collection = await this.appState.change(change);
    return this.deliverStanza('notification', { type: 'server_sync', from: SERVER_JID }, [collection]);
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
      this.enqueue(stanza);
      return id;
    });
  }

  /** A device has logged in and listens: sends what waits. */
  async activate(connection: Connection): Promise<void> {
    this.replay(connection);
    if (this.#bootstrapped === this.#companion) return;
    this.#bootstrapped = this.#companion;
    if (this.bootstrap !== undefined) await this.pushHistory(this.bootstrap);
  }

  /** Takes what the device says, unless it is a query. Returns whether it was of a known kind. */
  async take(stanza: BinaryNode): Promise<boolean> {
    switch (stanza.tag) {
      case 'receipt':
        if (isReuploadRequest(stanza)) await this.#reupload(stanza);
        else this.settle(stanza);
        return true;
      case 'ack':
        this.settle(stanza);
        return true;
      case 'message':
        await this.#takeMessage(stanza);
        return true;
      case 'presence':
      case 'chatstate':
      case 'ib':
      case 'call':
        this.otherStanzas.add(stanza);
        return true;
      default:
        return false;
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
    const answer = answerReupload(stanza, this.phone, this.script.onReuploadRequest);
    if (answer !== undefined) await this.deliverStanza('notification', answer.attributes, answer.content);
  }

  /** Signal sessions are chains: one message is encrypted after the other, and sent in the same order. */
  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => undefined);
    return done;
  }
}
