import type { BinaryNode, SignalRepositoryWithLIDStore } from '@whiskeysockets/baileys';
import {
  addTransactionCapability,
  Curve,
  DEFAULT_CONNECTION_CONFIG,
  initAuthCreds,
  KEY_BUNDLE_TYPE,
  proto,
  unpadRandomMax16,
  writeRandomPadMax16,
  xmppPreKey,
  xmppSignedPreKey,
} from '@whiskeysockets/baileys';
import { pino } from 'pino';
import type { CurveKeys } from './certificates.js';
import type { Companion } from './companion.js';
import { MemoryKeys } from './memory-keys.js';
import { bigEndian, node } from './nodes.js';

/** By which of a person's two names a stanza calls them. */
export type Addressing = 'pn' | 'lid';

/** The names of a person: digits of the phone number, digits of the LID, at least one of them. */
export interface PersonNames {
  phone?: string;
  lid?: string;
  /** The push name. */
  name?: string;
}

/** What a peer sends to one device. */
export interface Encrypted {
  type: 'pkmsg' | 'msg';
  ciphertext: Uint8Array;
}

const logger = pino({ level: 'silent' });

/** Somebody who writes and reads with real Signal sessions: a contact, or the owner's own phone (device 0). */
export class Peer {
  readonly phone: string | undefined;
  readonly lid: string | undefined;
  readonly name: string;
  /** Whether the directory tells the LID that belongs to the number. A mapping that comes later is switched on later. */
  lidPublished = true;

  readonly #creds = initAuthCreds();
  readonly #store = new MemoryKeys();
  readonly #signal: SignalRepositoryWithLIDStore;
  readonly #sessions = new Set<string>();
  readonly #distributed = new Set<string>();
  #preKeyId = 0;

  constructor({ phone, lid, name }: PersonNames) {
    if (phone === undefined && lid === undefined) throw new Error('a person has a phone number or a LID');
    this.phone = phone;
    this.lid = lid;
    this.name = name ?? `Person ${phone ?? lid ?? ''}`;
    const keys = addTransactionCapability(this.#store, logger, { maxCommitRetries: 1, delayBetweenTriesMs: 1 });
    this.#signal = DEFAULT_CONNECTION_CONFIG.makeSignalRepository({ creds: this.#creds, keys }, logger);
  }

  /** The identity key, with which an own phone also vouches for its companions. */
  get identityKeys(): CurveKeys {
    const { public: publicKey, private: privateKey } = this.#creds.signedIdentityKey;
    return { public: Buffer.from(publicKey), private: Buffer.from(privateKey) };
  }

  /** The address in one of the two forms. Throws when the person has none of that form. */
  jid(addressing: Addressing = this.phone === undefined ? 'lid' : 'pn'): string {
    const user = addressing === 'pn' ? this.phone : this.lid;
    if (user === undefined) throw new Error(`${this.name} has no ${addressing} address`);
    return `${user}@${addressing === 'pn' ? 's.whatsapp.net' : 'lid'}`;
  }

  /** The other of the two addresses, if there is one. */
  otherJid(addressing: Addressing): string | undefined {
    const other = addressing === 'pn' ? this.lid : this.phone;
    return other === undefined ? undefined : this.jid(addressing === 'pn' ? 'lid' : 'pn');
  }

  /** A fresh key bundle, under the address that was asked for. Each has a one-time key of its own. */
  async bundle(jid: string): Promise<BinaryNode> {
    const preKey = Curve.generateKeyPair();
    this.#preKeyId += 1;
    this.#store.set({ 'pre-key': { [this.#preKeyId]: preKey } });
    return node('user', { jid }, [
      node('registration', {}, bigEndian(this.#creds.registrationId, 4)),
      node('type', {}, KEY_BUNDLE_TYPE),
      node('identity', {}, this.#creds.signedIdentityKey.public),
      xmppSignedPreKey(this.#creds.signedPreKey),
      xmppPreKey(preKey, this.#preKeyId),
    ]);
  }

  /** Encrypts a message for a device; the first one builds the session. */
  async encrypt(to: Companion, message: proto.IMessage): Promise<Encrypted> {
    if (!this.#sessions.has(to.address)) {
      this.#sessions.add(to.address);
      await this.#signal.injectE2ESession({ jid: to.address, session: to.takeBundle() });
    }
    return this.#signal.encryptMessage({ jid: to.address, data: pad(message) });
  }

  /** Begins a new session with the next message, as a sender does when a device could not decrypt. */
  forgetSession(to: Companion): void {
    this.#sessions.delete(to.address);
    for (const key of this.#distributed) if (key.startsWith(`${to.address} `)) this.#distributed.delete(key);
  }

  /**
   * Encrypts a message for a group, written under the address `author`. `distribution` holds the sender key and is absent
   * when the device has it already.
   */
  async encryptForGroup(
    to: Companion,
    group: string,
    author: string,
    message: proto.IMessage,
  ): Promise<{ ciphertext: Uint8Array; distribution?: Encrypted }> {
    const { ciphertext, senderKeyDistributionMessage } = await this.#signal.encryptGroupMessage({
      group,
      meId: author,
      data: pad(message),
    });
    const key = `${to.address} ${group} ${author}`;
    if (this.#distributed.has(key)) return { ciphertext };
    this.#distributed.add(key);
    const distribution = await this.encrypt(to, {
      senderKeyDistributionMessage: {
        groupId: group,
        axolotlSenderKeyDistributionMessage: senderKeyDistributionMessage,
      },
    });
    return { ciphertext, distribution };
  }

  /** Decrypts what a device wrote to this person, and keeps a sender key that comes with it. */
  async decrypt(from: Companion, type: 'pkmsg' | 'msg', ciphertext: Uint8Array): Promise<proto.Message> {
    const plain = await this.#signal.decryptMessage({ jid: from.address, type, ciphertext });
    const message = proto.Message.decode(unpadRandomMax16(plain));
    const item = message.senderKeyDistributionMessage;
    if (item) await this.#signal.processSenderKeyDistributionMessage({ item, authorJid: from.address });
    return message;
  }

  /** Decrypts what a device wrote to a group of which this person is a member. */
  async decryptFromGroup(from: Companion, group: string, ciphertext: Uint8Array): Promise<proto.Message> {
    const plain = await this.#signal.decryptGroupMessage({ group, authorJid: from.address, msg: ciphertext });
    return proto.Message.decode(unpadRandomMax16(plain));
  }

  /** Releases the caches. */
  close(): void {
    this.#signal.close?.();
  }
}

function pad(message: proto.IMessage): Uint8Array {
  return writeRandomPadMax16(proto.Message.encode(message).finish());
}
