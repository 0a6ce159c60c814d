import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { identityForm } from '../domain/page-format.js';
import { AwaitingFactsSchema, type HistoryRecord, HiddenFactsSchema } from '../gen/scrollback/store/v1/record_pb.js';
import { MessageSchema } from '../gen/scrollback/v1/message_pb.js';
import type { ResolvedIdentity } from './identity.js';
import { keyspace, textKey } from './keyspaces.js';
import type { MessageFacts } from './merge-message.js';
import type { Overlay } from './overlay.js';
import { resolveFacts } from './resolve-facts.js';

/** What came of a message before the message itself: an edit, a revocation, a reaction, a receipt, a vote. */
export interface AwaitingEntry {
  stored: ResolvedIdentity;
  facts: MessageFacts;
}

/** Counts that so many messages more are awaited, or fewer. */
export function noteAwaited(state: Pick<HistoryRecord, 'awaitedCount'>, more: number): void {
  const count = state.awaitedCount + BigInt(more);
  state.awaitedCount = count > 0n ? count : 0n;
}

/**
 * Anybody can send receipts of any ids, hundreds in a stanza, and of messages that never were: of so many awaited messages, what comes
 * next for others is not kept. Each takes some hundred bytes. Chosen: an account that was just linked awaits a few thousand.
 */
export const MAX_AWAITED_BY_RECEIPT = 50_000;

/** Reads the value of an identity whose form is `awaiting`, with the LIDs resolved whose number is known by now. */
export async function readAwaiting(overlay: Overlay, stored: ResolvedIdentity): Promise<AwaitingEntry> {
  const { message, hidden } = fromBinary(AwaitingFactsSchema, stored.value.subarray(1));
  const facts = {
    message: message ?? create(MessageSchema),
    hidden: hidden ?? create(HiddenFactsSchema),
    ordinal: 0,
  };
  const phoneOf = async (lid: string): Promise<string> => {
    const phone = await overlay.get(textKey(keyspace.mapping, lid));
    return phone === undefined ? lid : phone.toString();
  };
  return { stored, facts: (await resolveFacts(facts, phoneOf)) ?? facts };
}

/**
 * The value of an identity that waits for its message. It lies among the identities, so that the message finds it by the look-up
 * that it needs anyway, and an import's filter knows of it.
 */
export function awaitingValue({ message, hidden }: MessageFacts): Buffer {
  const encoded = toBinary(AwaitingFactsSchema, create(AwaitingFactsSchema, { message, hidden }));
  return Buffer.concat([Buffer.of(identityForm.awaiting), encoded]);
}
