import { IDENTITY_ID_OFFSET, IDENTITY_MAX_BYTES, writeIdentityKey } from '../../domain/identity.js';
import { isPerson } from '../../domain/jid.js';
import {
  identityForm,
  IDENTITY_VALUE_BYTES,
  keyPrefix,
  RECORD_FIXED_BYTES,
  recordOp,
  REVISION_TAIL_BYTES,
  writeEmptyTail,
} from '../../domain/page-format.js';
import {
  hash64,
  hashResult,
  type Position,
  POSITION_BYTES,
  POSITION_KIND_OFFSET,
  writePosition,
} from '../../domain/position.js';
import { writeHiddenFacts, writeMessage, writeRecentSecret } from './message-encoder.js';
import type { MessageFields } from './message-fields.js';
import { ProtoWriter } from './proto-writer.js';

/**
 * The largest message that is accepted, encoded. A client receives frames of up to 4 MiB by default, and a frame holds
 * at least one message.
 */
const MESSAGE_MAX_BYTES = 3 * 1_048_576;

const OFFSET = { op: 0, aliases: 1, identityLength: 2, messageLength: 4, hiddenLength: 8, primary: 12 } as const;
const VALUE_OFFSET = OFFSET.primary + 1 + POSITION_BYTES;

/** The most aliases a record can hold; real messages have one. */
const MAX_ALIASES = 255;

/** Writes the records of a page: the form is in `domain/page-format.ts`. One is used for all pages of a thread. */
export class PageWriter {
  private readonly writer = new ProtoWriter(INITIAL_BYTES);
  private lent: Buffer | undefined;
  private readonly position: Position = {
    sentMs: 0,
    ordinal: 0,
    tieHigh: 0,
    tieLow: 0,
    chatNumber: 0,
    kind: 0,
    fromMe: false,
  };

  /** Begins a new page, in `memory` if there is any. */
  reset(memory?: SharedArrayBuffer): void {
    const { writer } = this;
    writer.at = 0;
    this.lent = memory === undefined ? undefined : Buffer.from(memory);
    if (this.lent !== undefined) writer.buffer = this.lent;
    // One giant message must not keep its memory for the rest of the thread's life, and what was lent is not ours any more.
    else if (writer.buffer.length > KEPT_BYTES || writer.buffer.buffer instanceof SharedArrayBuffer) {
      writer.buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
    }
  }

  /** Bytes of the page so far. */
  get length(): number {
    return this.writer.at;
  }

  /** The page: in the memory that was lent, or, if it had no room there, in a buffer of its own size. */
  take(): Uint8Array {
    const { buffer, at } = this.writer;
    if (buffer === this.lent) return buffer.subarray(0, at);
    const page = Buffer.allocUnsafeSlow(at);
    buffer.copy(page, 0, 0, at);
    return page;
  }

  /** Writes a message. Returns false, and writes nothing, when it is larger than a client could receive. */
  message(fields: MessageFields, chatNumber: number): boolean {
    const { writer } = this;
    const start = writer.at;
    const identityLength = this.begin(fields, chatNumber);
    const messageStart = writer.at;
    writeMessage(writer, fields);
    const contentEnd = writer.at;
    // Hidden facts are hashed right behind the content and then make room for the tail.
    writeHiddenFacts(writer, fields);
    if (writer.at - messageStart > MESSAGE_MAX_BYTES) {
      writer.at = start;
      return false;
    }
    hash64(writer.buffer, messageStart, writer.at);
    writeRecentSecret(writer, fields);
    const hiddenLength = writer.at - contentEnd;
    writer.ensure(REVISION_TAIL_BYTES);
    const { buffer } = writer;
    if (hiddenLength > 0) buffer.copyWithin(contentEnd + REVISION_TAIL_BYTES, contentEnd, writer.at);
    writeEmptyTail(buffer, contentEnd);
    writer.at += REVISION_TAIL_BYTES;

    this.fillPosition(fields);
    const messageLength = contentEnd + REVISION_TAIL_BYTES - messageStart;
    this.header(start, recordOp.message, fields, identityLength, messageLength, hiddenLength);
    const value = start + VALUE_OFFSET;
    const position = start + OFFSET.primary + 1;
    buffer[value] = identityForm.message;
    buffer.copyWithin(value + 1, position, position + 12);
    buffer[value + 13] = buffer.readUInt8(position + POSITION_KIND_OFFSET);
    buffer.writeUInt32BE(hashResult.high, value + 14);
    buffer.writeUInt32BE(hashResult.low, value + 18);
    return true;
  }

  /** Writes that the user deleted a message: only the identity of `fields` is used. */
  deleted(fields: MessageFields, chatNumber: number): void {
    const start = this.writer.at;
    const identityLength = this.begin(fields, chatNumber);
    this.header(start, recordOp.deleted, fields, identityLength, 0, 0);
    const value = start + VALUE_OFFSET;
    this.writer.buffer.fill(0, value, value + IDENTITY_VALUE_BYTES);
    this.writer.buffer[value] = identityForm.deleted;
  }

  /** Leaves room for the header, writes identity key and aliases, and sets the position to tie hash and chat alone. */
  private begin(fields: MessageFields, chatNumber: number): number {
    const { writer } = this;
    const sender = fields.fromMe || isPerson(fields.chatJid) ? '' : fields.senderJid;
    const aliases = fields.alternateMessageIds;
    writer.ensure(RECORD_FIXED_BYTES + (1 + aliases.length) * (IDENTITY_MAX_BYTES + 10));
    writer.at += RECORD_FIXED_BYTES;
    const keyStart = writer.at;
    writer.at = writeIdentityKey(writer.buffer, keyStart, chatNumber, fields.messageId, fields.fromMe, sender);
    const identityLength = writer.at - keyStart;
    for (let n = 0; n < aliases.length && n < MAX_ALIASES; n++) {
      const id = aliases[n] ?? '';
      const at = writer.at;
      const end = writeIdentityKey(writer.buffer, at + 10, chatNumber, id, fields.fromMe, sender);
      hash64(writer.buffer, at + 10 + IDENTITY_ID_OFFSET, end);
      writer.buffer.writeUInt16LE(end - at - 10, at);
      writer.buffer.writeUInt32BE(hashResult.high, at + 2);
      writer.buffer.writeUInt32BE(hashResult.low, at + 6);
      writer.at = end;
    }
    hash64(writer.buffer, keyStart + IDENTITY_ID_OFFSET, keyStart + identityLength);
    const { position } = this;
    position.sentMs = 0;
    position.ordinal = 0;
    position.tieHigh = hashResult.high;
    position.tieLow = hashResult.low;
    position.chatNumber = chatNumber;
    position.kind = 0;
    position.fromMe = false;
    return identityLength;
  }

  private fillPosition(fields: MessageFields): void {
    const { position } = this;
    position.sentMs = fields.sentMs;
    position.ordinal = fields.ordinal;
    position.kind = fields.kind;
    position.fromMe = fields.fromMe;
  }

  private header(
    start: number,
    op: number,
    fields: MessageFields,
    identityLength: number,
    messageLength: number,
    hiddenLength: number,
  ): void {
    const { buffer } = this.writer;
    buffer[start + OFFSET.op] = op;
    buffer[start + OFFSET.aliases] = Math.min(fields.alternateMessageIds.length, MAX_ALIASES);
    buffer.writeUInt16LE(identityLength, start + OFFSET.identityLength);
    buffer.writeUInt32LE(messageLength, start + OFFSET.messageLength);
    buffer.writeUInt32LE(hiddenLength, start + OFFSET.hiddenLength);
    const primary = start + OFFSET.primary;
    buffer[primary] = keyPrefix.message;
    writePosition(buffer, primary + 1, this.position);
  }
}

/** Chosen: most pages fit. Only a page without lent memory begins with it. */
const INITIAL_BYTES = 1_048_576;
const KEPT_BYTES = 4 * INITIAL_BYTES;
