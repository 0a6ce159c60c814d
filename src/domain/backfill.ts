import type { Fault } from './fault.js';

/** What a backfill fills its session with. A session runs one of each kind at a time. */
export type BackfillKind = 'backup' | LinkBackfillKind;

/** What only a session's link can do. */
export type LinkBackfillKind = 'history-sync' | 'directory' | 'older-messages' | 'reconciliation';

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
 *
 * A backfill that the link carries out begins in `importing`, and is `waiting` meanwhile whenever it has to:
 *
 * ```
 *      waiting ◀── held-up ── importing ── done ──▶ succeeded
 *         └────── went-on ───────▲
 * ```
 */
export type BackfillState =
  'uploading' | 'awaiting-key' | 'decrypting' | 'importing' | 'waiting' | 'succeeded' | 'failed' | 'cancelled';

/** What may happen to a backfill. */
export type BackfillEvent =
  | { event: 'upload-completed' }
  | { event: 'decrypted' }
  | { event: 'imported' }
  | { event: 'failed'; fault: Fault }
  | { event: 'cancelled' }
  /** The daemon started again, or the key turned out to be wrong: the key is not in memory any more. */
  | { event: 'key-lost' }
  | { event: 'key-given'; uploadComplete: boolean }
  /** The link is not connected, or the phone does not answer. */
  | { event: 'held-up' }
  | { event: 'went-on' };

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
    case 'held-up':
      return state === 'importing' ? 'waiting' : undefined;
    case 'went-on':
      return state === 'waiting' ? 'importing' : undefined;
  }
}
