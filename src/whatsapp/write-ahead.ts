import type {
  AuthenticationCreds,
  BinaryNode,
  SignalKeyStoreWithTransaction,
  UserFacingSocketConfig,
} from '@whiskeysockets/baileys';
import { DEFAULT_CONNECTION_CONFIG, unpadRandomMax16 } from '@whiskeysockets/baileys';

type MakeRepository = NonNullable<UserFacingSocketConfig['makeSignalRepository']>;

/** What is done with what was decrypted. */
export interface WriteAhead {
  /** Makes content durable; the keys that decrypted it are committed after it. */
  content: (ciphertext: Uint8Array, content: Uint8Array, creds: AuthenticationCreds) => Promise<void>;
  /** Makes durable that something came which could not be read. */
  unreadable: (ciphertext: Uint8Array, creds: AuthenticationCreds) => Promise<void>;
}

/**
 * The library's Signal repository with one thing between decrypting and committing the keys: the content is made durable. So a crash
 * at any moment leaves either a message that is delivered and decrypted again, or one that is in the inbox. (The library's own order,
 * keys first, leaves messages that were delivered and can never be decrypted again.)
 */
export function makeWriteAheadRepository(writeAhead: WriteAhead): MakeRepository {
  return (auth, logger, pnToLid) => {
    const inner = DEFAULT_CONNECTION_CONFIG.makeSignalRepository(auth, logger, pnToLid);
    // Safety: the socket hands in its keys with transactions, and its whole credentials.
    const keys = auth.keys as SignalKeyStoreWithTransaction;
    const creds = auth.creds as AuthenticationCreds;
    const decrypt = async (
      ciphertext: Uint8Array,
      transaction: string,
      decrypted: () => Promise<Uint8Array>,
    ): Promise<Uint8Array> => {
      try {
        // The inner call opens the same transaction again and commits nothing by itself.
        return await keys.transaction(async () => {
          const padded = await decrypted();
          await writeAhead.content(ciphertext, unpadRandomMax16(padded), creds);
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
      decryptGroupMessage: (options) => decrypt(options.msg, options.group, () => inner.decryptGroupMessage(options)),
    };
  };
}

/** Stanzas by their ciphertexts, which are the very objects that the library hands to the repository. */
export class Stanzas {
  readonly #byCiphertext = new WeakMap<Uint8Array, BinaryNode>();

  note(ciphertext: Uint8Array, stanza: BinaryNode): void {
    this.#byCiphertext.set(ciphertext, stanza);
  }

  of(ciphertext: Uint8Array): BinaryNode | undefined {
    return this.#byCiphertext.get(ciphertext);
  }
}
