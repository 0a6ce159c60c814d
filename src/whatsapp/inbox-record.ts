import { BufferJSON } from '@whiskeysockets/baileys';
import type { ChannelHead } from './channel-stanza.js';
import type { Me, WireKey } from './addresses.js';

/**
 * What lies in the inbox: a head in JSON, and bytes as they came, so that nothing is lost that this version does not know.
 *
 * ```
 *   ┌─────────┬────────────┬──────┬──────┐
 *   │ version │ length of  │ head │ body │
 *   │ 1 B     │ head 4 B   │ JSON │      │
 *   └─────────┴────────────┴──────┴──────┘
 * ```
 */
export type RecordHead =
  /** The body is the decrypted `proto.Message` of a stanza. Empty for one that could not be read. */
  | ({ type: 'content'; me: Me; atMs: number } & StanzaHead)
  /** The body is a `proto.WebMessageInfo` that the library made: of a notice, a resend. */
  | { type: 'info'; me: Me; atMs: number; key: WireKey }
  /** The body is the JSON of a stanza that the library refuses, acknowledges, and never tells of. */
  | { type: 'stanza'; me: Me; atMs: number }
  /** The body is the JSON of an event of the library. */
  | { type: 'event'; me: Me; atMs: number; name: string };

/** What a message's stanza says beside its content. */
export interface StanzaHead {
  key: WireKey;
  /** Seconds. */
  sentS: number;
  pushName?: string;
  channel?: ChannelHead;
  /** True for what could not be read. */
  unreadable?: boolean;
  /** True for what is to be opened once, of which only the phone gets the content. */
  viewOnce?: boolean;
}

const VERSION = 1;
const HEAD_OFFSET = 5;

/** Encodes a record. */
export function encodeRecord(head: RecordHead, body: Uint8Array = EMPTY): Buffer {
  const json = Buffer.from(JSON.stringify(head));
  const start = Buffer.alloc(HEAD_OFFSET);
  start[0] = VERSION;
  start.writeUInt32BE(json.length, 1);
  return Buffer.concat([start, json, body]);
}

/** Decodes a record. Throws when it is of another version. */
export function decodeRecord(record: Buffer): { head: RecordHead; body: Buffer } {
  if (record[0] !== VERSION) throw new Error(`a record of the inbox has version ${String(record[0])}`);
  const end = HEAD_OFFSET + record.readUInt32BE(1);
  // Safety: only `encodeRecord` writes records, and the version says in which form.
  const head = JSON.parse(record.toString('utf8', HEAD_OFFSET, end)) as RecordHead;
  return { head, body: record.subarray(end) };
}

/** The JSON of an event or a stanza: bytes survive it. */
export function encodeEvent(data: unknown): Buffer {
  return Buffer.from(JSON.stringify(data, BufferJSON.replacer));
}

/** What an event held. Its shape is the library's: every property may be missing. */
export function decodeEvent(body: Buffer): unknown {
  return JSON.parse(body.toString(), BufferJSON.reviver) as unknown;
}

const EMPTY = new Uint8Array();
