import type { AuthenticationCreds, SignalDataSet, SignalDataTypeMap, SignalKeyStore } from '@whiskeysockets/baileys';
import { BufferJSON, initAuthCreds, proto } from '@whiskeysockets/baileys';
import type { LinkStorage } from '../session/link/link.js';
import { RecentKeys } from './recent-keys.js';

type KeyType = keyof SignalDataTypeMap;

/**
 * The credentials and Signal keys of one connection, in the session's database. Writes become durable in order: a lost or reordered
 * one would break conversations for good. The library need not wait for that: it reads what is being written, and `onWrite` sees to it that
 * WhatsApp hears of nothing before.
 */
export class Credentials {
  /** The library changes this object in place, and says so afterwards: call `changed` then. */
  readonly creds: AuthenticationCreds;
  readonly keys: SignalKeyStore = {
    get: (type, ids) => this.#get(type, ids),
    set: (data) => this.#set(entriesOf(data)),
  };
  /** Is handed every write. Without it the library waits for each. */
  onWrite: ((durable: Promise<void>) => void) | undefined;
  readonly #storage: LinkStorage;
  /** False while no phone has answered: an unfinished pairing is not kept. */
  #kept: boolean;
  readonly #recent = new RecentKeys();
  /** What could not be written: nothing after it is. */
  #failure: unknown;
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
    await this.#write({ credentials: encode({ ...this.creds, processedHistoryMessages }) });
  }

  /** Resolves when nothing is being written any more. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #set(keys: [name: string, value: Buffer | undefined][]): Promise<void> {
    if (keys.length === 0) return;
    const durable = this.#write({ keys });
    for (const [name, value] of keys) this.#recent.put(name, value);
    const written = durable.then(() => {
      for (const [name] of keys) this.#recent.written(name);
    });
    if (this.onWrite === undefined) return written;
    written.catch(() => undefined);
  }

  /** Hands a write to the storage at once, which keeps the order. */
  #write(change: Parameters<LinkStorage['write']>[0]): Promise<void> {
    if (this.#failure !== undefined)
      return Promise.reject(new Error('an earlier write failed', { cause: this.#failure }));
    const durable = this.#storage.write(change);
    this.#writing = durable.catch((error: unknown) => (this.#failure ??= error));
    this.onWrite?.(durable);
    return durable;
  }

  async #get<T extends KeyType>(type: T, ids: string[]): Promise<Record<string, SignalDataTypeMap[T]>> {
    const names = ids.map((id) => nameOf(type, id));
    const values = new Map(names.map((name) => [name, this.#recent.find(name)]));
    const unknown = names.filter((name) => values.get(name) === undefined);
    if (unknown.length > 0) {
      const { puts } = this.#recent;
      const stored = await this.#storage.getKeys(unknown);
      unknown.forEach((name, at) => {
        values.set(name, { value: stored[at] });
        this.#recent.note(name, stored[at], puts);
      });
    }
    const found: Record<string, SignalDataTypeMap[T]> = {};
    names.forEach((name, at) => {
      const id = ids[at];
      const value = values.get(name)?.value;
      // Safety: `set` has put it under the type that the caller asks for.
      if (value !== undefined && id !== undefined) found[id] = decodeKey(type, value) as SignalDataTypeMap[T];
    });
    return found;
  }
}

function entriesOf(data: SignalDataSet): [name: string, value: Buffer | undefined][] {
  return Object.entries(data).flatMap(([type, values]) =>
    Object.entries(values).map(([id, value]): [string, Buffer | undefined] => [
      nameOf(type, id),
      value === null || value === undefined ? undefined : encodeKey(type, value),
    ]),
  );
}

/** No type has a slash in its name. */
function nameOf(type: string, id: string): string {
  return `${type}/${id}`;
}

/**
 * `session` claims to be bytes and is a plain object of texts and numbers, and each message reads and writes one: without a look for bytes
 * in it JSON is several times as fast, and the same.
 */
function encodeKey(type: string, value: unknown): Buffer {
  return type === 'session' ? Buffer.from(JSON.stringify(value)) : encode(value);
}

function decodeKey(type: KeyType, value: Buffer): unknown {
  if (type === 'sender-key') return readableSenderKey(value);
  return type === 'session' ? JSON.parse(value.toString()) : revive(type, decode(value));
}

/**
 * The library writes the key of a group as a text of JSON with `{type: 'Buffer', data: [numbers]}` for bytes, and reads only those with base64:
 * the keys of messages that were passed over come back as plain objects, and such a message, when it arrives after all, cannot be decrypted.
 * Each message to a group reads one, so the text is not parsed for it: no text within JSON holds a quote that looks like the start of a list.
 */
function readableSenderKey(value: Buffer): unknown {
  const record = decode(value);
  if (!(record instanceof Uint8Array)) return record;
  const text = Buffer.from(record).toString();
  return Buffer.from(text.replace(BYTE_LIST, (_, list: string) => bytesAsText(bytesOfList(list))));
}

const BYTE_LIST = /\{"type":"Buffer","data":\[([\d,]*)\]\}/g;

/** The bytes of `1,22,255`, several times as fast as by splitting it. */
function bytesOfList(list: string): Buffer {
  const bytes = Buffer.allocUnsafe(list.length);
  let length = 0;
  let byte = 0;
  for (let at = 0; at < list.length; at++) {
    const code = list.charCodeAt(at);
    if (code !== COMMA) byte = byte * 10 + code - ZERO;
    if (code !== COMMA && at < list.length - 1) continue;
    bytes[length++] = byte;
    byte = 0;
  }
  return bytes.subarray(0, length);
}

const COMMA = ','.charCodeAt(0);
const ZERO = '0'.charCodeAt(0);

/** What bytes there are is found wherever it is. Bytes alone JSON would take one by one. */
function encode(value: unknown): Buffer {
  return Buffer.from(
    value instanceof Uint8Array ? bytesAsText(Buffer.from(value)) : JSON.stringify(value, BufferJSON.replacer),
  );
}

function decode(value: Buffer): unknown {
  return JSON.parse(value.toString(), BufferJSON.reviver);
}

/** Bytes as the library's JSON has them. */
function bytesAsText(bytes: Buffer): string {
  return `{"type":"Buffer","data":"${bytes.toString('base64')}"}`;
}

function revive(type: KeyType, value: unknown): unknown {
  // Only `fromObject` turns the text that JSON has of its bytes into bytes again.
  if (type === 'app-state-sync-key' && typeof value === 'object' && value !== null) {
    return proto.Message.AppStateSyncKeyData.fromObject(value);
  }
  return value;
}

const MAX_PROCESSED = 20;
