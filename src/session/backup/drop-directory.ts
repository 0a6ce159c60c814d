import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError, invalidArgument } from '../../domain/fault.js';

/** The directory on the server in which backups may lie that clients name instead of sending. */
export class DropDirectory {
  readonly #path: string | undefined;

  constructor(path: string | undefined) {
    this.#path = path;
  }

  /** The path of a file in it. Throws INVALID_ARGUMENT for anything but a name, DROP_DIRECTORY_NOT_SET. */
  pathOf(fileName: string): string {
    if (this.#path === undefined) throw new DomainError({ reason: 'DROP_DIRECTORY_NOT_SET' });
    const isName = fileName !== '' && fileName !== '.' && fileName !== '..' && !/[/\\\0]/.test(fileName);
    if (!isName || Buffer.byteLength(fileName) > 255) {
      invalidArgument('drop.file_name', 'is not the name of a file in the drop directory; a path is not accepted');
    }
    return join(this.#path, fileName);
  }

  /** Finds an ordinary file in it; a link is not followed, because it may lead out. Throws DROP_FILE_NOT_FOUND. */
  async find(fileName: string): Promise<{ path: string; size: number }> {
    const path = this.pathOf(fileName);
    try {
      const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      try {
        const stat = await file.stat();
        if (stat.isFile()) return { path, size: stat.size };
      } finally {
        await file.close();
      }
    } catch (error) {
      throw new DomainError({ reason: 'DROP_FILE_NOT_FOUND', fileName }, { cause: error });
    }
    throw new DomainError({ reason: 'DROP_FILE_NOT_FOUND', fileName });
  }
}
