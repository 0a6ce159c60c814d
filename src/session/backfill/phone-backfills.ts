import { create } from '@bufbuild/protobuf';
import { invalidArgument } from '../../domain/fault.js';
import { type BackfillRecord, PhoneCheckpointSchema } from '../../gen/scrollback/store/v1/record_pb.js';
import type { FindLink, LinkWork } from './link-backfills.js';
import { isAsked } from './older-chat.js';
import { askForOlder } from './older-messages.js';
import { Phone, type PhoneTimes } from './phone.js';
import type { Session } from '../session.js';
import type { PhoneSource } from '../sessions.js';

/** What backfills that ask the phone work with. */
export interface PhoneDependencies {
  phoneTimes: PhoneTimes;
  /** A number from 0 to 1. */
  random: () => number;
}

/** What the kinds do that ask the phone. */
export function phoneWorks(
  { phoneTimes, random }: PhoneDependencies,
  findLink: FindLink,
): Record<PhoneSource['kind'], LinkWork> {
  const work: LinkWork = (run) => askForOlder(run, new Phone(findLink(run.session), phoneTimes, random));
  return { 'older-messages': work, reconciliation: work };
}

/** Returns what writes into the record of a new backfill what it asks for. Throws INVALID_ARGUMENT (field `chat`). */
export async function describePhoneSource(
  source: PhoneSource,
  session: Session,
): Promise<(record: BackfillRecord) => void> {
  if (source.kind === 'reconciliation') {
    const { fromMs, toMs } = source;
    return (record) => {
      record.phone = create(PhoneCheckpointSchema, { untilMs: BigInt(fromMs), fromMs: BigInt(toMs) });
    };
  }
  const { chat, untilMs, maxMessages } = source;
  const jid = chat === '' ? undefined : await session.use((store) => store.resolveChat(chat));
  if (jid !== undefined && !isAsked(jid)) invalidArgument('chat', 'is neither a person nor a group');
  return (record) => {
    const chosen = jid === undefined ? {} : { chats: [jid], chatsTotal: 1, listed: true };
    record.phone = create(PhoneCheckpointSchema, { untilMs: BigInt(untilMs), maxMessages, ...chosen });
  };
}
