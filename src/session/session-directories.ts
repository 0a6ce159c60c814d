import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isServerId } from '../domain/server-id.js';
import type { SessionRecord } from '../gen/scrollback/store/v1/record_pb.js';
import type { Registry } from '../store/registry.js';
import { BackfillFiles } from './backup/backfill-files.js';
import { MediaFiles } from './media/media-files.js';

/** The directories of sessions, and what goes with them when a session goes. */
export class SessionDirectories {
  readonly #path: string;
  readonly #registry: Registry;

  constructor(dataDirectory: string, registry: Registry) {
    this.#path = join(dataDirectory, 'sessions');
    this.#registry = registry;
  }

  /**
   * Throws when the registry is missing where sessions are: a copy that was put back only in part would be an empty daemon, whose
   * sessions could be made anew.
   */
  static async refuseWithoutRegistry(dataDirectory: string): Promise<void> {
    if (existsSync(join(dataDirectory, 'registry', 'CURRENT'))) return;
    const names = await readdir(join(dataDirectory, 'sessions'));
    const histories = names.filter((name) => existsSync(join(dataDirectory, 'sessions', name, 'history')));
    if (histories.length > 0) throw new Error(`it has histories of sessions (${histories.length}), and no registry`);
  }

  /** The directory of a session. */
  of({ directory }: SessionRecord): string {
    if (!isServerId(directory)) throw new Error('a session record names a directory that was not made here');
    return join(this.#path, directory);
  }

  /** Removes what a crash left lying: sessions whose deletion was promised, and files of work that is over. */
  async recover(): Promise<void> {
    for await (const record of this.#registry.sessions()) if (record.deleting) await this.remove(record);
    const active = new Set<string>();
    for await (const { backfillId, pointer } of this.#registry.pointers('')) if (pointer.active) active.add(backfillId);
    for (const name of await readdir(this.#path)) {
      await BackfillFiles.removeOrphans(join(this.#path, name), active);
      await MediaFiles.removeParts(join(this.#path, name));
    }
  }

  /** Removes a session with every file of it; its record goes last. */
  async remove(record: SessionRecord): Promise<void> {
    await rm(this.of(record), { recursive: true, force: true });
    await this.#registry.deletePointers(record.sessionId);
    await this.#registry.deleteSession(record.sessionId);
  }
}
