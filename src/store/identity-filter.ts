import { fromBinary } from '@bufbuild/protobuf';
import { MESSAGE_KEY_BYTES } from '../domain/page-format.js';
import { LogEntrySchema } from '../gen/scrollback/store/v1/record_pb.js';
import { IDENTITY_HASH_BYTES } from './identity.js';

/**
 * Answers "certainly not stored" without asking the database, so that the rows of a first import cost no lookup. A Bloom
 * filter of 256-bit blocks, one bit in each of eight words (the split-block filter of Apache Parquet, whose salts these
 * are): about 0.5 % false "maybe" at 12 bits an identity, which only costs a lookup.
 *
 * It lives as long as a backfill and is filled from the log, which names every identity (26 bytes a message, read at the
 * speed of a scan).
 */
export class IdentityFilter {
  readonly #words: Uint32Array;
  readonly #blockMask: number;

  /** Makes room for `expected` identities, at most `MAX_BYTES`: beyond that, more answers are "maybe". */
  constructor(expected: number) {
    const wanted = Math.max(1024, (expected * BITS_PER_IDENTITY) / 8);
    const bytes = Math.min(MAX_BYTES, 2 ** Math.ceil(Math.log2(wanted)));
    this.#words = new Uint32Array(bytes / 4);
    this.#blockMask = this.#words.length / 8 - 1;
  }

  /** Adds the identity whose tie hash and chat number these are. */
  add(tieHigh: number, tieLow: number, chatNumber: number): void {
    const block = (mix(tieHigh, chatNumber) & this.#blockMask) * 8;
    const words = this.#words;
    for (let i = 0; i < 8; i++) {
      // Safety: block + i is inside the array by construction; salts has eight entries.
      words[block + i]! |= 1 << (Math.imul(tieLow, SALTS[i]!) >>> 27);
    }
  }

  /** Adds all identities of an encoded entry of the log. */
  addLogged(value: Buffer): void {
    const { rows, otherIdentities } = fromBinary(LogEntrySchema, value);
    this.#addAll(rows, MESSAGE_KEY_BYTES, TIE_OFFSET);
    this.#addAll(otherIdentities, IDENTITY_HASH_BYTES, 0);
  }

  #addAll({ buffer, byteOffset, byteLength }: Uint8Array, step: number, tieOffset: number): void {
    const keys = Buffer.from(buffer, byteOffset, byteLength);
    for (let at = tieOffset; at < keys.length; at += step) {
      this.add(keys.readUInt32BE(at), keys.readUInt32BE(at + 4), keys.readUInt32BE(at + 8));
    }
  }

  /** Returns false only when the identity was never added. */
  mayContain(tieHigh: number, tieLow: number, chatNumber: number): boolean {
    const block = (mix(tieHigh, chatNumber) & this.#blockMask) * 8;
    const words = this.#words;
    for (let i = 0; i < 8; i++) {
      // Safety: as in add.
      if ((words[block + i]! & (1 << (Math.imul(tieLow, SALTS[i]!) >>> 27))) === 0) return false;
    }
    return true;
  }
}

/** Where the tie hash begins in a primary key: behind the prefix, the time and the ordinal. */
const TIE_OFFSET = 1 + 12;

/** Twelve to twenty-four after rounding up to a power of two. */
const BITS_PER_IDENTITY = 12;

/** 64 MiB hold 45 million identities at 12 bits; chosen as what one import may take of memory, not measured. */
const MAX_BYTES = 64 * 1024 * 1024;

const SALTS = [0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31] as const;

function mix(tieHigh: number, chatNumber: number): number {
  const h = Math.imul(tieHigh ^ Math.imul(chatNumber, 0x9e3779b1), 0x85ebca6b);
  return (h ^ (h >>> 15)) >>> 0;
}
