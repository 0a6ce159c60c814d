import { jidOfRow } from './mappings.js';
import type { Keyset } from './keyset.js';
import { jidTable, lidNameTable } from './tables.js';
import { textOf } from './value.js';

/** Names that are kept in a worker: about 10 MB. An account that knows more people has its further ones nameless. */
const MAX_NAMES = 100_000;

const nameAt = lidNameTable.at;

/** Tells whether a display name is a phone number with digits hidden (`+34∙∙∙∙∙∙∙12`): no name at all. */
export function isMasked(name: string): boolean {
  return name.includes('\u2219') || name.includes('\u2022');
}

/** Names that people gave themselves, by the JID that is canonical as far as the file knows. */
export class Names {
  private readonly names = new Map<string, string>();

  private constructor(private readonly mappings: ReadonlyMap<string, string>) {}

  /**
   * Reads `lid_display_name`; masked names are left out. Of a person with several LIDs the first name counts. `mappings` are those of
   * the file alone: what a file says of a message must not depend on what was known before it came.
   */
  static read(keyset: Keyset, mappings: ReadonlyMap<string, string>): Names {
    const result = new Names(mappings);
    const rows = keyset.rows(jidTable);
    keyset.each(lidNameTable, (lidRowId, nameRow) => {
      const name = textOf(nameRow[nameAt.display_name]);
      if (name === '' || isMasked(name) || result.names.size >= MAX_NAMES) return;
      const row = rows?.get(lidRowId);
      const lid = row && jidOfRow(row);
      if (lid === undefined) return;
      const jid = mappings.get(lid) ?? lid;
      if (!result.names.has(jid)) result.names.set(jid, name);
    });
    return result;
  }

  /** Returns the name of the person with an address of the file, '' when it is not known. */
  of(fileJid: string): string {
    return this.names.get(this.mappings.get(fileJid) ?? fileJid) ?? '';
  }
}
