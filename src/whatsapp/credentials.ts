import type { AuthenticationCreds, SignalDataSet, SignalDataTypeMap, SignalKeyStore } from '@whiskeysockets/baileys';
import { BufferJSON, initAuthCreds, proto } from '@whiskeysockets/baileys';
import type { LinkStorage } from '../session/link.js';

type KeyType = keyof SignalDataTypeMap;

/**
 * The credentials and Signal keys of one connection, in the session's database. Writes happen one at a time and in order, each with what
 * the library has changed of the credentials until then: a lost or reordered one would break conversations for good.
 */
export class Credentials {
  /** The library changes this object in place, and says so afterwards: call `changed` then. */
  readonly creds: AuthenticationCreds;
  readonly keys: SignalKeyStore = {
    get: (type, ids) => this.#get(type, ids),
    set: (data) => this.#write(entriesOf(data)),
  };
  readonly #storage: LinkStorage;
  /** False while no phone has answered: an unfinished pairing is not kept. */
  #kept: boolean;
  /** The credentials as they were last changed, until they are written. */
  #unwritten: Buffer | undefined;
  #writing: Promise<unknown> = Promise.resolve();

  private constructor(creds: AuthenticationCreds, storage: LinkStorage, kept: boolean) {
    this.creds = creds;
    this.#storage = storage;
    this.#kept = kept;
  }

  /** Reads those of a linked device; undefined when there are none. */
  static async load(storage: LinkStorage): Promise<Credentials | undefined> {
    const value = await storage.getCredentials();
    // Safety: `changed` has written it.
    return value === undefined ? undefined : new Credentials(decode(value) as AuthenticationCreds, storage, true);
  }

  /** Makes those of a device that nobody knows yet. */
  static fresh(storage: LinkStorage): Credentials {
    return new Credentials(initAuthCreds(), storage, false);
  }

  /** Stores the credentials from now on. Resolves when they are durable. */
  keep(): Promise<void> {
    this.#kept = true;
    return this.changed();
  }

  /** Takes the credentials as they are at this moment, and resolves when they are durable. */
  async changed(): Promise<void> {
    if (!this.#kept) return;
    // One entry for each chunk of history ever processed: it serves to recognise repeated ones, and would grow for ever.
    const processedHistoryMessages = this.creds.processedHistoryMessages.slice(-MAX_PROCESSED);
    this.#unwritten = encode({ ...this.creds, processedHistoryMessages });
    await this.#write([]);
  }

  /** Resolves when nothing is being written any more. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  #write(keys: [name: string, value: Buffer | undefined][]): Promise<void> {
    const written = this.#writing.then(async () => {
      const credentials = this.#unwritten;
      this.#unwritten = undefined;
      // Another write may have taken along what this one was for.
      if (credentials === undefined && keys.length === 0) return;
      await this.#storage.write(credentials === undefined ? { keys } : { credentials, keys });
    });
    // Whoever asked for it hears of the failure; the next write has its own.
    this.#writing = written.catch(() => undefined);
    return written;
  }

  async #get<T extends KeyType>(type: T, ids: string[]): Promise<Record<string, SignalDataTypeMap[T]>> {
    const values = await this.#storage.getKeys(ids.map((id) => nameOf(type, id)));
    const found: Record<string, SignalDataTypeMap[T]> = {};
    values.forEach((value, at) => {
      const id = ids[at];
      // Safety: `set` has put it under the type that the caller asks for.
      if (value !== undefined && id !== undefined) found[id] = revive(type, decode(value)) as SignalDataTypeMap[T];
    });
    return found;
  }
}

function entriesOf(data: SignalDataSet): [name: string, value: Buffer | undefined][] {
  return Object.entries(data).flatMap(([type, values]) =>
    Object.entries(values).map(([id, value]): [string, Buffer | undefined] => [
      nameOf(type, id),
      value === null || value === undefined ? undefined : encode(value),
    ]),
  );
}

/** No type has a slash in its name. */
function nameOf(type: string, id: string): string {
  return `${type}/${id}`;
}

/** `session` claims to be bytes and is a plain object: what bytes there are is found wherever it is. */
function encode(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value, BufferJSON.replacer));
}

function decode(value: Buffer): unknown {
  return JSON.parse(value.toString(), BufferJSON.reviver);
}

function revive(type: KeyType, value: unknown): unknown {
  // Only `fromObject` turns the text that JSON has of its bytes into bytes again.
  if (type === 'app-state-sync-key' && typeof value === 'object' && value !== null) {
    return proto.Message.AppStateSyncKeyData.fromObject(value);
  }
  return value;
}

const MAX_PROCESSED = 20;
