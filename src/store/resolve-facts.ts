import { isLid } from '../domain/jid.js';
import type { Message } from '../gen/scrollback/v1/message_pb.js';
import { joinFacts, type MessageFacts } from './merge-message.js';

/**
 * Replaces every address of a message by what `resolve` gives for it; undefined when that changes nothing. The facts are the caller's to
 * give away: they are changed in place, as copying them costs more than all the rest, and most of what a link tells is under a LID.
 */
export async function resolveFacts(
  facts: MessageFacts,
  resolve: (jid: string) => Promise<string>,
): Promise<MessageFacts | undefined> {
  const known = new Map<string, string>();
  const collect = async (jid: string): Promise<void> => {
    if (isLid(jid) && !known.has(jid)) known.set(jid, await resolve(jid));
  };
  for (const jid of addressesOf(facts)) await collect(jid);
  if (![...known].some(([lid, jid]) => lid !== jid)) return undefined;
  const { message, hidden, ordinal } = facts;
  const replace = (jid: string): string => known.get(jid) ?? jid;
  mapAddresses(message, replace);
  for (const reaction of hidden.removedReactions) reaction.senderJid = replace(reaction.senderJid);
  for (const vote of [...hidden.withdrawnVotes, ...hidden.sealedVotes]) vote.voterJid = replace(vote.voterJid);
  for (const receipt of hidden.receipts) receipt.jid = replace(receipt.jid);
  message.mentionedJids = [...new Set(message.mentionedJids)].sort();
  const resolved = { message, hidden, ordinal };
  // Two reactions may now be of one person: joining a message with itself puts that and the order right.
  return mayHoldSamePerson(resolved) ? joinFacts(resolved, resolved) : resolved;
}

/** True when two of something that a message has once for each person may be of the same one. */
function mayHoldSamePerson({ message, hidden }: MessageFacts): boolean {
  const { removedReactions, withdrawnVotes, sealedVotes, receipts } = hidden;
  const votes = (message.poll?.votes.length ?? 0) + withdrawnVotes.length + sealedVotes.length;
  const responses = message.event?.responses.length ?? 0;
  return message.reactions.length + removedReactions.length > 1 || votes > 1 || responses > 1 || receipts.length > 1;
}

/** Every address that facts hold. */
function addressesOf({ message, hidden }: MessageFacts): string[] {
  const found: string[] = [];
  // Each is replaced by itself.
  mapAddresses(message, (jid) => {
    found.push(jid);
    return jid;
  });
  for (const reaction of hidden.removedReactions) found.push(reaction.senderJid);
  for (const vote of [...hidden.withdrawnVotes, ...hidden.sealedVotes]) found.push(vote.voterJid);
  for (const receipt of hidden.receipts) found.push(receipt.jid);
  return found;
}

function mapAddresses(message: Message, map: (jid: string) => string): void {
  for (const key of [message.key, message.quoted?.key]) {
    if (key === undefined) continue;
    key.chatJid = map(key.chatJid);
    key.senderJid = map(key.senderJid);
  }
  message.mentionedJids = message.mentionedJids.map(map);
  for (const reaction of message.reactions) reaction.senderJid = map(reaction.senderJid);
  for (const vote of message.poll?.votes ?? []) vote.voterJid = map(vote.voterJid);
  for (const response of message.event?.responses ?? []) response.responderJid = map(response.responderJid);
  if (message.revocation !== undefined) message.revocation.adminJid = map(message.revocation.adminJid);
  if (message.systemEvent !== undefined) {
    message.systemEvent.participantJids = message.systemEvent.participantJids.map(map);
  }
}
