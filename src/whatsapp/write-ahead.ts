import type {
  AuthenticationCreds,
  BinaryNode,
  SignalKeyStoreWithTransaction,
  UserFacingSocketConfig,
} from '@whiskeysockets/baileys';
import { DEFAULT_CONNECTION_CONFIG, proto, unpadRandomMax16 } from '@whiskeysockets/baileys';

type MakeRepository = NonNullable<UserFacingSocketConfig['makeSignalRepository']>;

/** What is done with what was decrypted. */
export interface WriteAhead {
  /** Makes content durable; the keys that decrypted it are committed after it. */
  content: (ciphertext: Uint8Array, content: Uint8Array, creds: AuthenticationCreds) => Promise<void>;
  /** Makes durable that something came which could not be read. */
  unreadable: (ciphertext: Uint8Array, creds: AuthenticationCreds) => Promise<void>;
  /** Who wrote it to a group; undefined for what was written to us alone. */
  groupAuthor: (ciphertext: Uint8Array) => string | undefined;
}

/**
 * The library's Signal repository with one thing between decrypting and committing the keys: the content is made durable. So a crash
 * at any moment leaves either a message that is delivered and decrypted again, or one that is in the inbox. (The library's own order,
 * keys first, leaves messages that were delivered and can never be decrypted again.)
 *
 * A key with which somebody writes to a group is committed with the keys that it was decrypted with: the library does it afterwards, and
 * a crash between leaves all that they write to the group unreadable until they send the key again.
 */
export function makeWriteAheadRepository(writeAhead: WriteAhead): MakeRepository {
  return (auth, logger, pnToLid) => {
    const inner = DEFAULT_CONNECTION_CONFIG.makeSignalRepository(auth, logger, pnToLid);
    // Safety: the socket hands in its keys with transactions, and its whole credentials.
    const keys = auth.keys as SignalKeyStoreWithTransaction;
    const creds = auth.creds as AuthenticationCreds;
    /** The key of a group that is committed and that the library is about to commit again, as another one of five that it keeps. */
    let committed: Uint8Array | undefined;
    const takeGroupKey = async (ciphertext: Uint8Array, content: Uint8Array): Promise<void> => {
      const authorJid = writeAhead.groupAuthor(ciphertext);
      if (authorJid === undefined) return;
      const message = proto.Message.decode(content);
      const item = (message.deviceSentMessage?.message ?? message).senderKeyDistributionMessage;
      if (!item?.groupId || !item.axolotlSenderKeyDistributionMessage) return;
      await inner.processSenderKeyDistributionMessage({ authorJid, item });
      committed = item.axolotlSenderKeyDistributionMessage;
    };
    const decrypt = async (
      ciphertext: Uint8Array,
      transaction: string,
      decrypted: () => Promise<Uint8Array>,
    ): Promise<Uint8Array> => {
      try {
        // The inner call opens the same transaction again and commits nothing by itself.
        return await keys.transaction(async () => {
          const padded = await decrypted();
          const content = unpadRandomMax16(padded);
          await takeGroupKey(ciphertext, content);
          await writeAhead.content(ciphertext, content, creds);
          return padded;
        }, transaction);
      } catch (error) {
        await writeAhead.unreadable(ciphertext, creds);
        throw error;
      }
    };
    return {
      ...inner,
      decryptMessage: (options) => decrypt(options.ciphertext, options.jid, () => inner.decryptMessage(options)),
      processSenderKeyDistributionMessage: async (options) => {
        const bytes = options.item.axolotlSenderKeyDistributionMessage;
        const known = committed !== undefined && bytes && Buffer.compare(committed, bytes) === 0;
        committed = undefined;
        if (!known) await inner.processSenderKeyDistributionMessage(options);
      },
      decryptGroupMessage: (options) => decrypt(options.msg, options.group, () => inner.decryptGroupMessage(options)),
    };
  };
}

/** Stanzas by their ciphertexts, which are the very objects that the library hands to the repository. */
export class Stanzas {
  readonly #byCiphertext = new WeakMap<Uint8Array, BinaryNode>();
  /** Those of which the library has handed in nothing yet, by their attributes, which are what it says later what it means by. */
  readonly #untaken = new WeakMap<object, BinaryNode>();

  note(ciphertext: Uint8Array, stanza: BinaryNode): void {
    this.#byCiphertext.set(ciphertext, stanza);
    this.#untaken.set(stanza.attrs, stanza);
  }

  /** The stanza of what the library hands in. */
  of(ciphertext: Uint8Array): BinaryNode | undefined {
    const stanza = this.#byCiphertext.get(ciphertext);
    if (stanza !== undefined) this.#untaken.delete(stanza.attrs);
    return stanza;
  }

  /** The stanza with these attributes when the library has handed in nothing of it; asked for once. */
  neverTaken(attrs: object): BinaryNode | undefined {
    const stanza = this.#untaken.get(attrs);
    this.#untaken.delete(attrs);
    return stanza;
  }
}
