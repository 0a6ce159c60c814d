import { identityForm } from '../domain/page-format.js';
import { Source } from '../gen/scrollback/v1/message_pb.js';
import { awaitingValue, noteAwaited } from './awaiting.js';
import { type Commit, keyOf } from './commit.js';
import { encodeFacts, fingerprint } from './facts.js';
import { findStored, joinAll, putAliases } from './find-stored.js';
import { fingerprintOf, identityKeyOf } from './identity.js';
import { forgetOpened } from './merge-hidden.js';
import type { MessageFacts } from './merge-message.js';
import { mergeFacts } from './merge-page.js';

/**
 * Merges facts about a message that are not the message: into its row when it is there, else into what waits for it. The
 * totals of its chat must be loaded. `seals` are those that the facts were under: what is stored sealed of them goes.
 */
export async function mergePartial(
  commit: Commit,
  chatNumber: number,
  facts: MessageFacts,
  seals: ReadonlySet<string> = NONE,
): Promise<'updated' | 'unchanged' | 'refused' | 'awaiting'> {
  const key = keyOf(facts);
  facts.message.alternateMessageIds = await ownIds(commit, chatNumber, facts);
  const incoming = {
    identityKey: identityKeyOf(chatNumber, key),
    aliases: facts.message.alternateMessageIds.map((id) => identityKeyOf(chatNumber, key, id)),
    facts,
  };
  const found = await findStored(commit, incoming);
  const row = found.rows.find(({ identityKey }) => identityKey.equals(found.target)) ?? found.rows[0];
  if (row !== undefined || found.deleted) {
    // The row keeps the fingerprint of its content, by which a backup that comes again is recognised.
    const mark = row === undefined ? fingerprint(encodeFacts(facts)) : fingerprintOf(row.value);
    const outcome = await mergeFacts(commit, {
      ...incoming,
      mark,
      onJoined: ({ hidden }) => {
        forgetOpened(hidden, seals);
      },
    });
    return outcome === 'added' ? 'updated' : outcome;
  }
  const joined = joinAll(facts, found);
  noteAwaited(commit.state, 1 - found.awaiting.length);
  const value = awaitingValue(joined);
  const known = await commit.overlay.get(found.target);
  if (known?.[0] !== identityForm.awaiting || !known.equals(value)) commit.putIdentity(found.target, value);
  await putAliases(commit, found.target, joined);
  return 'awaiting';
}

/**
 * The ids of an edit, a revocation or a channel's message without those of messages that came by themselves: whoever edits a message chooses the id of the edit,
 * and would make two of their messages one, of which the other is gone. What only a backup has under such an id is the edit.
 */
export async function ownIds(commit: Commit, chatNumber: number, facts: MessageFacts): Promise<string[]> {
  const own: string[] = [];
  for (const id of facts.message.alternateMessageIds) {
    const identityKey = identityKeyOf(chatNumber, keyOf(facts), id);
    const value = await commit.overlay.get(identityKey);
    const row = value?.[0] === identityForm.message ? await commit.loadFacts({ identityKey, value }) : undefined;
    if (row === undefined || row.message.sources.every((source) => source === Source.BACKUP)) own.push(id);
  }
  return own;
}

const NONE: ReadonlySet<string> = new Set();
