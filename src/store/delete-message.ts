import { identityRange, readIdentityKey } from '../domain/identity.js';
import { isPerson } from '../domain/jid.js';
import type { MessageKey } from '../gen/scrollback/v1/message_pb.js';
import type { Commit } from './commit.js';
import type { Database } from './database.js';
import { identityKeyOf } from './identity.js';
import { markDeleted } from './merge-page.js';

/**
 * Removes a message because the owner deleted it, and keeps that they did: no source brings it back. Returns true when it was stored.
 * The totals of its chat must be loaded.
 *
 * In a group, WhatsApp's own apps name the author. Where nobody is named, whatever is stored under the id is meant, unless the owner
 * wrote it; what comes later is not known to be deleted.
 */
export async function deleteMessage(
  commit: Commit,
  database: Database,
  chatNumber: number,
  key: MessageKey,
): Promise<boolean> {
  if (key.fromMe || key.senderJid !== '' || isPerson(key.chatJid)) {
    return markDeleted(commit, identityKeyOf(chatNumber, key));
  }
  let found = false;
  await commit.before;
  const range = { ...identityRange(chatNumber, key.messageId), limit: MAX_AUTHORS };
  for await (const entries of database.scan(range)) {
    for (const [identityKey] of entries) {
      if (readIdentityKey(identityKey).fromMe) continue;
      if (await markDeleted(commit, identityKey)) found = true;
    }
  }
  return found;
}

/** Two authors of one id are already a coincidence. */
const MAX_AUTHORS = 16;
