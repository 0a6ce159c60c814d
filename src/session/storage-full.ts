import { isDiskFull } from '../domain/disk-full.js';
import { DomainError } from '../domain/fault.js';

/**
 * Runs what somebody asked to be written. Throws STORAGE_FULL when a full disk is why it failed, whatever else it failed with: a store
 * that cannot be opened on a full disk is SESSION_UNAVAILABLE, and to try again at once would be the wrong advice. Reads keep
 * that: the room often comes back by itself, when the import that took it ends.
 */
export async function tellStorageFull<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw isDiskFull(error) ? new DomainError({ reason: 'STORAGE_FULL' }, { cause: error }) : error;
  }
}
