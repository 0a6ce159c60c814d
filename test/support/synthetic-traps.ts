import type { SyntheticAccount } from './synthetic-account.js';
import type { TableWriter } from './table-writer.js';
import { writeChangeTraps } from './trap-changes.js';
import { writeContentTraps } from './trap-content.js';
import { writeEventTraps } from './trap-events.js';
import { writeIdentityTraps } from './trap-identity.js';
import { TrapKit } from './trap-kit.js';
import { writeLegacyTraps } from './trap-legacy.js';

/**
 * Writes every known trap into the tables that a schema has; `firstFreeRow` and all ids after it are free. Returns the ids
 * of the rows by trap. The traps are the same, time and identity included, in every window and revision of an account.
 */
export function writeTraps(
  tables: TableWriter,
  account: SyntheticAccount,
  firstFreeRow: number,
): Record<string, number[]> {
  const kit = new TrapKit(tables, account, firstFreeRow);
  if (tables.has('message')) {
    writeIdentityTraps(kit);
    writeChangeTraps(kit);
    writeContentTraps(kit);
    writeEventTraps(kit);
  }
  if (tables.has('messages')) writeLegacyTraps(kit);
  return kit.rows;
}
