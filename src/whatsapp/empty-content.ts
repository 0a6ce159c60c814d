import type { LiveContent } from '../domain/live-event.js';

/** Content that says no more than what it is. */
export function emptyContent(kind: number, waType: number): LiveContent {
  return { kind, waType, text: '', viewOnce: false, forwardScore: 0, mentionedJids: [], albumMessageId: '' };
}
