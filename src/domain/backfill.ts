import type { BackupFault } from './fault.js';

/**
 * Where a backfill stands.
 *
 * ```
 *            ┌───────────────────── restart, or a wrong key on resume ──────┐
 *            ▼                                                              │
 *      awaiting-key ── key ──▶ uploading ── complete ──▶ decrypting ── decrypted ──▶ importing ── done ──▶ succeeded
 *            └── key, upload complete ───────────────────────▲                            │
 *      every state that is not terminal ── fault ──▶ failed, ── cancel ──▶ cancelled      └─ restart: goes on by itself
 * ```
 */
export type BackfillState =
  'uploading' | 'awaiting-key' | 'decrypting' | 'importing' | 'succeeded' | 'failed' | 'cancelled';

/** What may happen to a backfill. */
export type BackfillEvent =
  | { event: 'upload-completed' }
  | { event: 'decrypted' }
  | { event: 'imported' }
  | { event: 'failed'; fault: BackupFault }
  | { event: 'cancelled' }
  /** The daemon started again, or the key turned out to be wrong: the key is not in memory any more. */
  | { event: 'key-lost' }
  | { event: 'key-given'; uploadComplete: boolean };

/** Tells whether a backfill has ended. */
export function isTerminal(state: BackfillState): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled';
}

/** Returns the state after an event; undefined when the event has no meaning in this state. */
export function transition(state: BackfillState, event: BackfillEvent): BackfillState | undefined {
  if (isTerminal(state)) return undefined;
  switch (event.event) {
    case 'failed':
      return 'failed';
    case 'cancelled':
      return 'cancelled';
    case 'upload-completed':
      return state === 'uploading' ? 'decrypting' : undefined;
    case 'decrypted':
      return state === 'decrypting' ? 'importing' : undefined;
    case 'imported':
      return state === 'importing' ? 'succeeded' : undefined;
    case 'key-lost':
      return state === 'uploading' || state === 'decrypting' || state === 'awaiting-key' ? 'awaiting-key' : undefined;
    case 'key-given':
      if (state !== 'awaiting-key') return undefined;
      return event.uploadComplete ? 'decrypting' : 'uploading';
  }
}
