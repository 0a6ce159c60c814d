import { fromBinary } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { PageRecord } from '../../src/domain/page-format.js';
import { readPosition } from '../../src/domain/position.js';
import { HiddenFactsSchema } from '../../src/gen/scrollback/store/v1/record_pb.js';
import { MessageSchema } from '../../src/gen/scrollback/v1/message_pb.js';
import { meaningOf } from './message-meaning.js';
import type { ExpectedMessage } from './oracle-message.js';

/** Decodes a message record of a page into the form of the oracle; a record does not know its row's id. */
export function expectedFormOf(table: ExpectedMessage['table'], record: PageRecord): Omit<ExpectedMessage, 'rowId'> {
  const { poll, ...meaning } = meaningOf(fromBinary(MessageSchema, record.message));
  const hidden = fromBinary(HiddenFactsSchema, record.hidden);
  const withdrawnVotes = hidden.withdrawnVotes.map(({ voterJid, fromMe, optionIndexes, voteTime }) => ({
    voterJid,
    fromMe,
    optionIndexes,
    voteMs: voteTime && timestampMs(voteTime),
  }));
  const removedReactions = hidden.removedReactions.map(({ senderJid, fromMe, emoji, reactTime }) => ({
    senderJid,
    fromMe,
    emoji,
    reactMs: reactTime && timestampMs(reactTime),
  }));
  const { ordinal } = readPosition(record.primaryKey, 1);
  const secret = Buffer.from(hidden.messageSecret).toString('hex');
  return { ...meaning, table, ordinal, removedReactions, secret, poll: poll && { ...poll, withdrawnVotes } };
}
