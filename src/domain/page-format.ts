import { POSITION_BYTES } from './position.js';

/**
 * How a worker hands messages to the store: bytes that the store can put into its database as they are. A page is a
 * sequence of records:
 *
 * ```
 *  0    1        2          4         8         12           38              60
 *  ┌────┬────────┬──────────┬─────────┬─────────┬────────────┬───────────────┬──────────┬─────────┬─────────┬────────┐
 *  │ op │ aliases│ identity │ message │ hidden  │ primary    │ identity      │ identity │ aliases │ message │ hidden │
 *  │ 1 B│ n 1 B  │ key len  │ len 4 B │ len 4 B │ key 26 B   │ value 22 B    │ key      │ n × …   │         │        │
 *  │    │        │ 2 B      │         │         │            │               │          │         │         │        │
 *  └────┴────────┴──────────┴─────────┴─────────┴────────────┴───────────────┴──────────┴─────────┴─────────┴────────┘
 * ```
 *
 * Lengths are little-endian. The keys and the identity value are those of `store/keyspaces.ts`. An alias is the length of its
 * identity key (2 B), its tie hash (8 B, as in a position) and its identity key. The message is an encoded
 * `scrollback.v1.Message` that ends with `REVISION_TAIL_BYTES`; hidden is an encoded `scrollback.store.v1.HiddenFacts`,
 * mostly empty. A record with op `deleted` has a primary key with tie hash and chat number only, an identity value of zeros
 * after its form, and no message.
 */
export const RECORD_FIXED_BYTES = 12 + (1 + POSITION_BYTES) + 22;

/** Length of a primary key and of a chat key. */
export const MESSAGE_KEY_BYTES = 1 + POSITION_BYTES;

/** Length of the value of an identity that has a message. */
export const IDENTITY_VALUE_BYTES = 22;

/** What a record says: a message, or only the knowledge that the user deleted it. */
export const recordOp = { message: 1, deleted: 2 } as const;

/**
 * The first byte of an identity's value. `message`: then what its key does not say of the position, time (6 B), ordinal (6 B), kind and
 * direction (1 B), and the fingerprint (8 B). `deleted`: nothing. `alias`: then the identity key of the message that it is
 * another id of. `awaiting`: then an encoded `scrollback.store.v1.AwaitingFacts`, what came of a message before the message itself.
 *
 * The fingerprint is `hash64` over the content that was merged last (message without its tail, followed by hidden): equal
 * content is recognised without reading the message.
 */
export const identityForm = { message: 1, deleted: 2, alias: 3, awaiting: 4 } as const;

/** First bytes of keys; the table with all of them is `store/keyspaces.ts`. */
export const keyPrefix = { message: 0x7a, chatMessage: 0x63, identity: 0x69 } as const;

/**
 * Every stored message ends with these bytes: fields 30 (`create_revision`) and 31 (`revision`), fixed64, in this order.
 * Tags: 30 << 3 | 1 = 241 = `f1 01` and 31 << 3 | 1 = 249 = `f9 01`.
 */
export const REVISION_TAIL_BYTES = 20;

/** Writes the tail with zero revisions at `offset` of `target`. */
export function writeEmptyTail(target: Buffer, offset: number): void {
  target.fill(0, offset, offset + REVISION_TAIL_BYTES);
  target[offset] = 0xf1;
  target[offset + 1] = 0x01;
  target[offset + 10] = 0xf9;
  target[offset + 11] = 0x01;
}

/** Fills the two revisions into the tail of the message that ends at `end`. Revisions are safe integers. */
export function writeRevisions(target: Buffer, end: number, createRevision: number, revision: number): void {
  const at = end - REVISION_TAIL_BYTES;
  target.writeUInt32LE(createRevision >>> 0, at + 2);
  target.writeUInt32LE(Math.floor(createRevision / 2 ** 32), at + 6);
  target.writeUInt32LE(revision >>> 0, at + 12);
  target.writeUInt32LE(Math.floor(revision / 2 ** 32), at + 16);
}

/** Reads the `create_revision` of the stored message that ends at `end`. */
export function readCreateRevision(source: Buffer, end: number): number {
  const at = end - REVISION_TAIL_BYTES;
  return source.readUInt32LE(at + 2) + source.readUInt32LE(at + 6) * 2 ** 32;
}

/** Reads the `revision` of the stored message that ends at `end`. */
export function readRevision(source: Buffer, end: number): number {
  const at = end - REVISION_TAIL_BYTES;
  return source.readUInt32LE(at + 12) + source.readUInt32LE(at + 16) * 2 ** 32;
}

/** One record of a page, as views of the page's bytes: nothing is copied. */
export interface PageRecord {
  op: number;
  primaryKey: Buffer;
  identityValue: Buffer;
  identityKey: Buffer;
  aliases: readonly PageAlias[];
  /** Empty for `deleted`. Ends with the tail. */
  message: Buffer;
  hidden: Buffer;
}

/** Another id of a record's message. */
export interface PageAlias {
  tieHash: Buffer;
  identityKey: Buffer;
}

const NO_ALIASES: readonly PageAlias[] = [];

/** Reads the records of a page one after the other. The page is the daemon's own worker's: it is trusted. */
export function* readRecords(page: Buffer): Generator<PageRecord, void, undefined> {
  let at = 0;
  while (at < page.length) {
    const aliasCount = page.readUInt8(at + 1);
    const identityLength = page.readUInt16LE(at + 2);
    const messageLength = page.readUInt32LE(at + 4);
    const hiddenLength = page.readUInt32LE(at + 8);
    const op = page.readUInt8(at);
    const primaryKey = page.subarray(at + 12, at + 38);
    const identityValue = page.subarray(at + 38, at + 60);
    at += RECORD_FIXED_BYTES;
    const identityKey = page.subarray(at, (at += identityLength));
    let aliases = NO_ALIASES;
    if (aliasCount > 0) {
      const list: PageAlias[] = [];
      for (let n = 0; n < aliasCount; n++) {
        const length = page.readUInt16LE(at);
        list.push({ tieHash: page.subarray(at + 2, at + 10), identityKey: page.subarray(at + 10, at + 10 + length) });
        at += 10 + length;
      }
      aliases = list;
    }
    const message = page.subarray(at, (at += messageLength));
    const hidden = page.subarray(at, (at += hiddenLength));
    yield { op, primaryKey, identityValue, identityKey, aliases, message, hidden };
  }
}
