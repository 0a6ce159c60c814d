import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { isPerson } from '../../src/domain/jid.js';
import {
  MessageKind,
  type Message,
  MessageSchema,
  type Reaction,
  Source,
} from '../../src/gen/scrollback/v1/message_pb.js';
import { type HiddenFacts, HiddenFactsSchema } from '../../src/gen/scrollback/store/v1/record_pb.js';
import { IDENTITY_VALUE_BYTES, RECORD_FIXED_BYTES, recordOp } from '../../src/domain/page-format.js';
import { POSITION_BYTES, writePosition } from '../../src/domain/position.js';
import { primaryKeyOf } from '../../src/store/commit.js';
import { encodeFacts, fingerprint, msOf } from '../../src/store/facts.js';
import { deletedValue, identityHash, identityKeyOf, messageValue, tieHashOf } from '../../src/store/identity.js';

/** What a test says of a message; the rest is filled in. */
export interface MessageDraft {
  chat: string;
  id: string;
  fromMe?: boolean;
  sender?: string;
  sentMs?: number;
  text?: string;
  ordinal?: number;
  /** Other fields of the message. */
  more?: Partial<Omit<Message, '$typeName'>>;
  reactions?: Reaction[];
  hidden?: HiddenFacts;
}

/** Makes a message out of a draft, as a backup would give it. */
export function aMessage(draft: MessageDraft): Message {
  const fromMe = draft.fromMe ?? false;
  const senderJid = fromMe ? '' : (draft.sender ?? (isPerson(draft.chat) ? draft.chat : ''));
  return create(MessageSchema, {
    kind: MessageKind.TEXT,
    text: draft.text ?? `text of ${draft.id}`,
    sources: [Source.BACKUP],
    ...(draft.sentMs === 0 ? {} : { sentTime: timestampFromMs(draft.sentMs ?? 1_700_000_000_000) }),
    ...(draft.reactions === undefined ? {} : { reactions: draft.reactions }),
    ...draft.more,
    key: { chatJid: draft.chat, senderJid, fromMe, messageId: draft.id },
  });
}

/** Builds a page of records in the form of `domain/page-format.ts`, as a worker would; `chats` gives the chats' numbers. */
export function aPage(
  chats: ReadonlyMap<string, number>,
  drafts: (MessageDraft | { deleted: MessageDraft })[],
): Buffer {
  return Buffer.concat(
    drafts.map((draft) => ('deleted' in draft ? deletedRecord(chats, draft.deleted) : record(chats, draft))),
  );
}

function record(chats: ReadonlyMap<string, number>, draft: MessageDraft): Buffer {
  const message = aMessage(draft);
  const { key } = message;
  if (key === undefined) throw new Error('no key');
  const facts = { message, hidden: draft.hidden ?? create(HiddenFactsSchema), ordinal: draft.ordinal ?? 0 };
  const chatNumber = numberOf(chats, draft.chat);
  const identityKey = identityKeyOf(chatNumber, key);
  const tie = tieHashOf(identityKey);
  const encoded = encodeFacts(facts);
  const position = Buffer.alloc(POSITION_BYTES);
  writePosition(position, 0, {
    sentMs: msOf(message.sentTime),
    ordinal: facts.ordinal,
    tieHigh: tie.high,
    tieLow: tie.low,
    chatNumber,
    kind: message.kind,
    fromMe: key.fromMe,
  });
  const identityValue = messageValue(position, fingerprint(encoded));
  const aliases = message.alternateMessageIds.map((id) => identityKeyOf(chatNumber, key, id));
  return layOut(recordOp.message, primaryKeyOf(position), identityValue, identityKey, aliases, encoded);
}

function deletedRecord(chats: ReadonlyMap<string, number>, draft: MessageDraft): Buffer {
  const { key, alternateMessageIds } = aMessage(draft);
  if (key === undefined) throw new Error('no key');
  const chatNumber = numberOf(chats, draft.chat);
  const identityKey = identityKeyOf(chatNumber, key);
  const tie = tieHashOf(identityKey);
  const position = Buffer.alloc(POSITION_BYTES);
  const nowhere = { sentMs: 0, ordinal: 0, kind: 0, fromMe: false };
  writePosition(position, 0, { ...nowhere, tieHigh: tie.high, tieLow: tie.low, chatNumber });
  const value = Buffer.alloc(IDENTITY_VALUE_BYTES);
  deletedValue().copy(value);
  const aliases = alternateMessageIds.map((id) => identityKeyOf(chatNumber, key, id));
  const nothing = { message: Buffer.alloc(0), hidden: undefined };
  return layOut(recordOp.deleted, primaryKeyOf(position), value, identityKey, aliases, nothing);
}

function layOut(
  op: number,
  primaryKey: Buffer,
  identityValue: Buffer,
  identityKey: Buffer,
  aliases: Buffer[],
  { message, hidden = Buffer.alloc(0) }: { message: Buffer; hidden: Buffer | undefined },
): Buffer {
  const head = Buffer.alloc(12);
  head[0] = op;
  head[1] = aliases.length;
  head.writeUInt16LE(identityKey.length, 2);
  head.writeUInt32LE(message.length, 4);
  head.writeUInt32LE(hidden.length, 8);
  const encodedAliases = aliases.map((alias) => {
    const length = Buffer.alloc(2);
    length.writeUInt16LE(alias.length);
    return Buffer.concat([length, identityHash(alias).subarray(0, 8), alias]);
  });
  const fixed = Buffer.concat([head, primaryKey, identityValue]);
  if (fixed.length !== RECORD_FIXED_BYTES) throw new Error('the layout of a record has changed');
  return Buffer.concat([fixed, identityKey, ...encodedAliases, message, hidden]);
}

function numberOf(chats: ReadonlyMap<string, number>, jid: string): number {
  const number = chats.get(jid);
  if (number === undefined) throw new Error(`the test made no chat ${jid}`);
  return number;
}
