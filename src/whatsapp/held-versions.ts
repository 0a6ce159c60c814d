import { setImmediate } from 'node:timers/promises';
import type { SignalDataSet, SignalDataTypeMap, SignalKeyStore } from '@whiskeysockets/baileys';
import { decodeEvent, encodeEvent } from './inbox-record.js';

type Versions = NonNullable<SignalDataSet['app-state-sync-version']>;

/**
 * Holds back how far the app state (contacts, archived and muted chats) was synced until what came with it is durable. The library
 * stores the version first and emits the changes afterwards: a process that dies between would never be sent them again.
 */
export class HeldVersions {
  /** The keys as the library is to see them. */
  readonly keys: SignalKeyStore = { get: (type, ids) => this.#get(type, ids), set: (data) => this.#set(data) };
  /** Versions that are not stored yet, encoded: what the library has it may change. */
  readonly #held = new Map<string, Buffer>();
  #releasing: Promise<void> = Promise.resolve();

  /** `settle` resolves when everything that was emitted until then is durable. */
  constructor(
    private readonly inner: SignalKeyStore,
    private readonly settle: () => Promise<void>,
  ) {}

  /** Resolves when nothing is held back any more that may be stored. Never rejects. */
  settled(): Promise<void> {
    return this.#releasing;
  }

  async #get<T extends keyof SignalDataTypeMap>(type: T, ids: string[]): Promise<Record<string, SignalDataTypeMap[T]>> {
    const found = await this.inner.get(type, ids);
    if (type !== VERSION) return found;
    for (const id of ids) {
      const held = this.#held.get(id);
      // Safety: it was set under this type.
      if (held !== undefined) found[id] = decodeEvent(held) as SignalDataTypeMap[T];
    }
    return found;
  }

  async #set(data: SignalDataSet): Promise<void> {
    const { [VERSION]: versions, ...rest } = data;
    if (versions !== undefined) this.#hold(versions);
    if (Object.keys(rest).length > 0) await this.inner.set(rest);
  }

  #hold(versions: Versions): void {
    const held = new Map(Object.entries(versions).map(([name, version]) => [name, encodeEvent(version)]));
    for (const [name, version] of held) this.#held.set(name, version);
    this.#releasing = this.#releasing.then(() => this.#release(versions, held));
  }

  async #release(versions: Versions, held: Map<string, Buffer>): Promise<void> {
    try {
      // The library goes on from here to the changes without waiting for anything but itself.
      await setImmediate();
      await this.settle();
      await this.inner.set({ [VERSION]: versions });
      for (const [name, version] of held) if (this.#held.get(name) === version) this.#held.delete(name);
    } catch {
      // WhatsApp is asked for the same changes again after the next login.
    }
  }
}

const VERSION = 'app-state-sync-version';
