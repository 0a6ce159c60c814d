import { CallError } from './call-error.js';
import type { Connection } from './client.js';

/** Creates a session when it is new, and tells whether it was. */
export async function ensureSession(
  { sessions }: Connection,
  sessionId: string,
  signal: AbortSignal,
): Promise<{ isNew: boolean }> {
  try {
    await sessions.getSession({ sessionId }, { signal });
    return { isNew: false };
  } catch (error) {
    if (!hasReason(error, 'SESSION_NOT_FOUND')) throw error;
  }
  try {
    await sessions.createSession({ sessionId }, { signal });
    return { isNew: true };
  } catch (error) {
    // Somebody else was faster.
    if (hasReason(error, 'SESSION_EXISTS')) return { isNew: false };
    throw error;
  }
}

/** Tells whether an error is the daemon's with this reason. */
export function hasReason(error: unknown, reason: string): boolean {
  return error instanceof CallError && error.reason === reason;
}
