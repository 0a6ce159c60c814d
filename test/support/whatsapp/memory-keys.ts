import type { SignalDataSet, SignalDataTypeMap, SignalKeyStore } from '@whiskeysockets/baileys';
import { BufferJSON, proto } from '@whiskeysockets/baileys';

/** Keys by type and id. */
export type Values = Partial<Record<keyof SignalDataTypeMap, Record<string, unknown>>>;

/** Signal keys in memory, in the shape that Baileys asks of a store. */
export class MemoryKeys implements SignalKeyStore {
  #values: Values;

  constructor(values: Values = {}) {
    this.#values = values;
  }

  /** All keys. */
  get values(): Values {
    return this.#values;
  }

  get<T extends keyof SignalDataTypeMap>(type: T, ids: string[]): Record<string, SignalDataTypeMap[T]> {
    const found: Record<string, SignalDataTypeMap[T]> = {};
    for (const id of ids) {
      const value = this.#values[type]?.[id];
      // Safety: `set` has put it under the type that the caller asks for.
      if (value !== undefined) found[id] = value as SignalDataTypeMap[T];
    }
    return found;
  }

  set(data: SignalDataSet): void {
    // Safety: Object.entries forgets the names of the properties.
    for (const [type, entries] of Object.entries(data) as [keyof SignalDataTypeMap, Record<string, unknown>][]) {
      const values = (this.#values[type] ??= {});
      for (const [id, value] of Object.entries(entries)) {
        if (value === null || value === undefined) delete values[id];
        else values[id] = value;
      }
    }
  }

  /** A copy of all keys as they are now, for a client that crashes and comes back with what it had. */
  copy(): MemoryKeys {
    const values = throughJson(this.#values);
    // Protocol buffers turn their bytes into text before anybody can take care of them.
    for (const [id, key] of Object.entries(values['app-state-sync-key'] ?? {})) {
      values['app-state-sync-key'] = {
        ...values['app-state-sync-key'],
        [id]: proto.Message.AppStateSyncKeyData.fromObject(key as object),
      };
    }
    return new MemoryKeys(values);
  }
}

/** Copies a value the way it would survive on a disk, bytes included. */
export function throughJson<T>(value: T): T {
  // Safety: what JSON returns has the shape of what it was given, as long as BufferJSON takes care of bytes.
  return JSON.parse(JSON.stringify(value, BufferJSON.replacer), BufferJSON.reviver) as T;
}
