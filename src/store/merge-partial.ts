import { identityForm } from '../domain/page-format.js';
import { awaitingValue } from './awaiting.js';
import { type Commit, keyOf } from './commit.js';
import { encodeFacts, fingerprint } from './facts.js';
import { findStored, joinAll, putAliases } from './find-stored.js';
import { fingerprintOf, identityKeyOf } from './identity.js';
import type { MessageFacts } from './merge-message.js';
import { mergeFacts } from './merge-page.js';

/**
 * Merges facts about a message that are not the message: into its row when it is there, else into what waits for it. The
 * totals of its chat must be loaded.
 */
export async function mergePartial(
  commit: Commit,
  chatNumber: number,
  facts: MessageFacts,
): Promise<'updated' | 'unchanged' | 'refused' | 'awaiting'> {
  const key = keyOf(facts);
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
    const outcome = await mergeFacts(commit, { ...incoming, mark });
    return outcome === 'added' ? 'updated' : outcome;
  }
  const joined = joinAll(facts, found);
  const value = awaitingValue(joined);
  const known = await commit.overlay.get(found.target);
  if (known?.[0] !== identityForm.awaiting || !known.equals(value)) commit.putIdentity(found.target, value);
  await putAliases(commit, found.target, joined);
  return 'awaiting';
}
