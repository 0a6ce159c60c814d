import { setTimeout as delay } from 'node:timers/promises';

/** The pause before the first new attempt, and the longest one: a daemon restarts within seconds. */
const pauseMs = { first: 250, longest: 4_000 };

/**
 * Waits before attempt `attempt` (1 for the first repetition); each pause is twice the one before. Throws the reason of `signal` when
 * it aborts.
 */
export async function pauseBefore(attempt: number, signal: AbortSignal): Promise<void> {
  const ms = Math.min(pauseMs.longest, pauseMs.first * 2 ** (attempt - 1));
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
