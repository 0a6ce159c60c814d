import { invalidArgument } from './fault.js';

/** The id of a session, parsed. */
export type SessionId = string & { readonly brand: 'SessionId' };

/** Parses a session id; throws INVALID_ARGUMENT that says what one looks like. Upper case is folded. */
export function parseSessionId(text: string): SessionId {
  const id = text.trim().toLowerCase();
  if (!/^[a-z0-9][a-z0-9_-]{0,62}$/.test(id)) {
    invalidArgument('session_id', 'is not 1 to 63 of a-z, 0-9, - and _, the first a letter or a digit');
  }
  // Safety: just checked.
  return id as SessionId;
}
