import type Database from 'better-sqlite3';
import { integer, rowsOf, text, type Row } from './oracle-tables.js';

/** The addresses of a file: canonical ones, their other forms, and the names that go with them. */
export interface Addresses {
  /** Canonical JID by row of `jid`; rows whose address is malformed are not in it. */
  byRow: ReadonlyMap<number, string>;
  /** The JID as the file has it, normalised only, by row of `jid`. */
  plainByRow: ReadonlyMap<number, string>;
  /** All rows of `jid`. */
  rows: ReadonlySet<number>;
  /** Makes a text canonical; undefined when it is no JID. */
  canonical(address: string): string | undefined;
  /** LIDs of a canonical phone JID, ascending. */
  lidsOf(jid: string): string[];
  /** Name, user name and masked number by canonical JID. */
  names: ReadonlyMap<string, PersonNames>;
}

/** What `lid_display_name` says about somebody. */
export interface PersonNames {
  /** Push name; '' when it is masked. */
  name: string;
  username: string;
  masked: string;
}

const PEOPLE = ['s.whatsapp.net', 'lid', 'bot'];

/** Normalises an address: server in lower case, other names of servers replaced, a person's agent and device cut off. */
export function normalise(user: string, server: string): string | undefined {
  let home = server.toLowerCase();
  if (home === 'c.us' || home === 'hosted') home = 's.whatsapp.net';
  if (home === 'hosted.lid') home = 'lid';
  const name = PEOPLE.includes(home) ? (user.split(':')[0] ?? '').replace(/\..*$/, '') : user;
  const jid = `${name}@${home}`;
  return /^[!-?A-~]+@[a-z][a-z0-9._-]*$/.test(jid) && jid.length <= 128 ? jid : undefined;
}

/** Returns the address of a row of `jid`; `raw_string` counts only where the parts are missing. */
function addressOf(row: Row): string | undefined {
  if (typeof row.user === 'string' && typeof row.server === 'string') return normalise(row.user, row.server);
  return parse(text(row.raw_string));
}

function parse(address: string): string | undefined {
  const at = address.indexOf('@');
  return at < 0 ? undefined : normalise(address.slice(0, at), address.slice(at + 1));
}

/** Reads `jid`, `jid_map` and `lid_display_name`. */
export function readAddresses(database: Database.Database): Addresses {
  const plainByRow = new Map<number, string>();
  const rows = new Set<number>();
  for (const row of rowsOf(database, 'SELECT * FROM jid')) {
    const id = integer(row._id);
    if (id === undefined) continue;
    rows.add(id);
    const jid = addressOf(row);
    if (jid !== undefined) plainByRow.set(id, jid);
  }
  const phoneOf = new Map<string, string>();
  const pairs = 'SELECT m.lid_row_id, m.jid_row_id FROM jid_map m ORDER BY m.lid_row_id';
  for (const row of rowsOf(database, pairs)) {
    const lid = plainByRow.get(integer(row.lid_row_id) ?? 0);
    const phone = plainByRow.get(integer(row.jid_row_id) ?? 0);
    if (lid?.endsWith('@lid') !== true || phone?.endsWith('@s.whatsapp.net') !== true) continue;
    // Where a LID is mapped twice, the first row counts.
    if (!phoneOf.has(lid)) phoneOf.set(lid, phone);
  }
  const byRow = new Map([...plainByRow].map(([row, jid]) => [row, phoneOf.get(jid) ?? jid]));
  const names = new Map<string, PersonNames>();
  for (const row of rowsOf(database, 'SELECT * FROM lid_display_name ORDER BY lid_row_id')) {
    const jid = byRow.get(integer(row.lid_row_id) ?? 0);
    if (jid === undefined) continue;
    const name = text(row.display_name);
    const masked = /[∙•]/.test(name);
    const known = names.get(jid) ?? { name: '', username: '', masked: '' };
    names.set(jid, {
      name: known.name === '' && !masked ? name : known.name,
      username: known.username === '' ? text(row.username) : known.username,
      masked: known.masked === '' && masked ? name : known.masked,
    });
  }
  return {
    byRow,
    plainByRow,
    rows,
    canonical(address) {
      const jid = parse(address);
      return jid === undefined ? undefined : (phoneOf.get(jid) ?? jid);
    },
    lidsOf: (jid) =>
      [...phoneOf]
        .filter(([, phone]) => phone === jid)
        .map(([lid]) => lid)
        .sort(),
    names,
  };
}

/** Tells whether a chat is with one person. */
export function isPerson(jid: string): boolean {
  return jid.endsWith('@s.whatsapp.net') || jid.endsWith('@lid');
}
