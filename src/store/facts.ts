import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type Timestamp, timestampMs } from '@bufbuild/protobuf/wkt';
import { REVISION_TAIL_BYTES, writeEmptyTail, writeRevisions } from '../domain/page-format.js';
import { hash64, hashResult, type Position, readPosition } from '../domain/position.js';
import { HiddenFactsSchema } from '../gen/scrollback/store/v1/record_pb.js';
import { MessageSchema } from '../gen/scrollback/v1/message_pb.js';
import { tieHashOf } from './identity.js';
import type { MessageFacts } from './merge-message.js';

/** Decodes what is stored of a message. `position` gives the ordinal, which no message has. */
export function decodeFacts(message: Buffer, hidden: Buffer | undefined, position: Buffer): MessageFacts {
  const decoded = fromBinary(MessageSchema, message.subarray(0, message.length - REVISION_TAIL_BYTES));
  return {
    message: decoded,
    hidden:
      hidden === undefined || hidden.length === 0 ? create(HiddenFactsSchema) : fromBinary(HiddenFactsSchema, hidden),
    ordinal: readPosition(position, 0).ordinal,
  };
}

/** The bytes of a message's facts as they are stored, with an empty revision tail. */
export interface EncodedFacts {
  message: Buffer;
  /** Undefined when there is nothing to hide. */
  hidden: Buffer | undefined;
}

/** Encodes facts. The revisions inside the message are ignored. */
export function encodeFacts(facts: MessageFacts): EncodedFacts {
  const { message: given } = facts;
  // A copy of so many fields costs more than encoding them; facts that were not read by a client have no revisions.
  const bare =
    given.createRevision === 0n && given.revision === 0n ? given : { ...given, createRevision: 0n, revision: 0n };
  const content = toBinary(MessageSchema, bare);
  const message = Buffer.allocUnsafe(content.length + REVISION_TAIL_BYTES);
  message.set(content);
  writeEmptyTail(message, content.length);
  const hidden = toBinary(HiddenFactsSchema, facts.hidden);
  return { message, hidden: hidden.length === 0 ? undefined : Buffer.from(hidden) };
}

/** True when two encodings hold the same facts: revisions do not count. */
export function sameFacts(a: EncodedFacts, b: EncodedFacts): boolean {
  const length = a.message.length - REVISION_TAIL_BYTES;
  if (b.message.length - REVISION_TAIL_BYTES !== length) return false;
  if (a.message.compare(b.message, 0, length, 0, length) !== 0) return false;
  return Buffer.compare(a.hidden ?? EMPTY, b.hidden ?? EMPTY) === 0;
}

/** The fingerprint of facts: see `domain/page-format.ts`. */
export function fingerprint(facts: EncodedFacts): Buffer {
  const content = facts.message.subarray(0, facts.message.length - REVISION_TAIL_BYTES);
  const all = facts.hidden === undefined ? content : Buffer.concat([content, facts.hidden]);
  hash64(all, 0, all.length);
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeUInt32BE(hashResult.high, 0);
  bytes.writeUInt32BE(hashResult.low, 4);
  return bytes;
}

/** Returns a copy of an encoded message with its two revisions filled in. */
export function withRevisions(message: Buffer, createRevision: number, revision: number): Buffer {
  const copy = Buffer.from(message);
  writeRevisions(copy, copy.length, createRevision, revision);
  return copy;
}

/** Milliseconds since 1970 of a timestamp, 0 for none. */
export function msOf(time: Timestamp | undefined): number {
  return time === undefined ? 0 : timestampMs(time);
}

/** Where a message with this identity lies. */
export function placeOf(identityKey: Buffer, facts: MessageFacts): Position {
  const tie = tieHashOf(identityKey);
  return {
    sentMs: msOf(facts.message.sentTime),
    ordinal: facts.ordinal,
    tieHigh: tie.high,
    tieLow: tie.low,
    chatNumber: identityKey.readUInt32BE(1),
    kind: facts.message.kind,
    fromMe: facts.message.key?.fromMe ?? false,
  };
}

const EMPTY = Buffer.alloc(0);
