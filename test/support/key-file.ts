import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { BufferJSON } from '@whiskeysockets/baileys';
import type { ClientState } from './whatsapp/baileys-client.js';
import { MemoryKeys, type Values } from './whatsapp/memory-keys.js';

/** What a client keeps, in a file that is whole at every moment: for processes that are killed. */
export class KeyFile {
  readonly state: ClientState;

  /** Reads the file, or writes it with what a client has. */
  constructor(
    private readonly path: string,
    first?: ClientState,
  ) {
    const { creds, values } = first === undefined ? readState(path) : { creds: first.creds, values: first.keys.values };
    this.state = { creds, keys: new SavingKeys(values, () => this.save()) };
    if (first !== undefined) this.save();
  }

  save(): void {
    const { creds, keys } = this.state;
    writeFileSync(`${this.path}.part`, JSON.stringify({ creds, values: keys.values }, BufferJSON.replacer));
    renameSync(`${this.path}.part`, this.path);
  }
}

class SavingKeys extends MemoryKeys {
  constructor(
    values: Values,
    private readonly save: () => void,
  ) {
    super(values);
  }

  override set(data: Parameters<MemoryKeys['set']>[0]): void {
    super.set(data);
    this.save();
  }
}

function readState(path: string): { creds: ClientState['creds']; values: Values } {
  // Safety: `save` wrote it.
  return JSON.parse(readFileSync(path, 'utf8'), BufferJSON.reviver) as ReturnType<typeof readState>;
}
