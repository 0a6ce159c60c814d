import { isLid, isPerson, parseJid } from '../../domain/jid.js';
import type { Keyset, RowReader } from './keyset.js';
import { jidOfRow } from './mappings.js';
import type { Names } from './names.js';
import { jidTable } from './tables.js';

/** Whom an address of the file stands for. */
export interface Address {
  /** The canonical JID: the phone number where the LID's is known. */
  jid: string;
  /** True when it is one person: see `isPerson`. */
  person: boolean;
  /** True when the canonical JID still is a LID. */
  unresolved: boolean;
  /** The name that the person gave themselves, '' when it is not known. */
  name: string;
}

/** Addresses that are kept at a time: about 15 MB. When more are used, it starts anew. */
const MAX_KEPT = 65_536;

/** Turns the addresses of a file into canonical JIDs. Rows are read when they are first asked for, and kept. */
export class Addresses {
  private readonly byRow = new Map<number, Address | 'missing' | 'malformed'>();
  private readonly byText = new Map<string, Address | undefined>();
  private readonly rows: RowReader | undefined;

  /** `mappings` are those of the file and what is known beyond it. */
  constructor(
    keyset: Keyset,
    readonly mappings: ReadonlyMap<string, string>,
    private readonly names: Names,
  ) {
    this.rows = keyset.rows(jidTable);
  }

  /** Returns the address of a row of `jid`; 0 is no row. */
  ofRow(rowId: number): Address | 'missing' | 'malformed' {
    if (rowId <= 0) return 'missing';
    let address = this.byRow.get(rowId);
    if (address === undefined) {
      const row = this.rows?.get(rowId);
      const jid = row && jidOfRow(row);
      address = row === undefined ? 'missing' : jid === undefined ? 'malformed' : this.resolve(jid);
      if (this.byRow.size >= MAX_KEPT) this.byRow.clear();
      this.byRow.set(rowId, address);
    }
    return address;
  }

  /** Returns the address of a row of `jid`, or undefined when there is none that can be used. */
  known(rowId: number): Address | undefined {
    const address = this.ofRow(rowId);
    return typeof address === 'string' ? undefined : address;
  }

  /** Returns the address that a text holds, or undefined when it is malformed. */
  ofText(text: string): Address | undefined {
    if (this.byText.has(text)) return this.byText.get(text);
    const jid = parseJid(text);
    const address = jid === undefined ? undefined : this.resolve(jid);
    if (this.byText.size >= MAX_KEPT) this.byText.clear();
    this.byText.set(text, address);
    return address;
  }

  private resolve(fileJid: string): Address {
    const jid = this.mappings.get(fileJid) ?? fileJid;
    return { jid, person: isPerson(jid), unresolved: isLid(jid), name: this.names.of(fileJid) };
  }
}
