import { createHash } from 'node:crypto';
import type { OptionHash, VoteOpener } from '../domain/live-event.js';
import type { SealedVote } from '../gen/scrollback/store/v1/record_pb.js';
import type { MessageKey, PollOption } from '../gen/scrollback/v1/message_pb.js';
import { type Commit, keyOf } from './commit.js';
import { findStored } from './find-stored.js';
import { identityKeyOf } from './identity.js';
import { voteFacts } from './live-facts.js';
import type { MessageFacts } from './merge-message.js';
import { mergePartial } from './merge-partial.js';

/** Opens sealed votes of a poll (all that wait, unless some are named), if its secret is known. */
export async function openWaiting(
  commit: Commit,
  poll: { chatNumber: number; key: MessageKey },
  openVote: VoteOpener,
  sealed?: SealedVote[],
): Promise<void> {
  const { chatNumber } = poll;
  const facts = await loadFacts(commit, chatNumber, poll.key);
  if (facts === undefined || facts.hidden.messageSecret.length === 0) return;
  if (facts.message.poll === undefined) return;
  const key = keyOf(facts);
  for (const vote of sealed ?? facts.hidden.sealedVotes) {
    const choices = openVote(vote, { messageId: key.messageId, secret: facts.hidden.messageSecret });
    if (choices === undefined) continue;
    const actor = { jid: vote.voterJid, fromMe: vote.fromMe };
    const indexes = indexesOf(facts.message.poll.options, choices);
    // An option that the poll does not have: not a vote that was taken back.
    if (indexes.length < choices.length) continue;
    await mergePartial(commit, chatNumber, voteFacts(key, actor, indexes, vote.voteTime));
  }
}

/** What is stored of a message; undefined when it is not there. */
export async function loadFacts(
  commit: Commit,
  chatNumber: number,
  key: MessageKey,
): Promise<MessageFacts | undefined> {
  const found = await findStored(commit, { identityKey: identityKeyOf(chatNumber, key), aliases: [] });
  const row = found.rows[0];
  return row === undefined ? undefined : commit.loadFacts(row);
}

/** Which options the hashes of a vote mean, ascending. */
export function indexesOf(options: PollOption[], choices: OptionHash[]): number[] {
  const hashes = new Set(choices.map((choice) => Buffer.from(choice).toString('hex')));
  if (hashes.size === 0) return [];
  return options.flatMap(({ name }, index) =>
    hashes.has(createHash('sha256').update(name).digest('hex')) ? [index] : [],
  );
}
