import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { identityForm } from '../domain/page-format.js';
import { AwaitingFactsSchema, HiddenFactsSchema } from '../gen/scrollback/store/v1/record_pb.js';
import { MessageSchema } from '../gen/scrollback/v1/message_pb.js';
import type { ResolvedIdentity } from './identity.js';
import type { MessageFacts } from './merge-message.js';

/** What came of a message before the message itself: an edit, a revocation, a reaction, a receipt, a vote. */
export interface AwaitingEntry {
  stored: ResolvedIdentity;
  facts: MessageFacts;
}

/** Reads the value of an identity whose form is `awaiting`. */
export function readAwaiting(stored: ResolvedIdentity): AwaitingEntry {
  const { message, hidden } = fromBinary(AwaitingFactsSchema, stored.value.subarray(1));
  return {
    stored,
    facts: { message: message ?? create(MessageSchema), hidden: hidden ?? create(HiddenFactsSchema), ordinal: 0 },
  };
}

/**
 * The value of an identity that waits for its message. It lies among the identities, so that the message finds it by the look-up
 * that it needs anyway, and an import's filter knows of it.
 */
export function awaitingValue({ message, hidden }: MessageFacts): Buffer {
  const encoded = toBinary(AwaitingFactsSchema, create(AwaitingFactsSchema, { message, hidden }));
  return Buffer.concat([Buffer.of(identityForm.awaiting), encoded]);
}
