/**
 * Calls `next` at once when the present turn of the event loop is short so far, else in the next one. What is read from memory and
 * needs to wait for nothing would otherwise go on until the socket is empty, and neither other links nor what records it would have a turn.
 */
export function inTurn(next: () => void): void {
  const now = performance.now();
  if (beganAt === undefined) {
    beganAt = now;
    setImmediate(() => {
      beganAt = undefined;
    });
  }
  if (now - beganAt < MAX_TURN_MS) queueMicrotask(next);
  else setImmediate(next);
}

/** When the first one of this turn came; one for all links, as they share the loop. */
let beganAt: number | undefined;

/** A few messages; recording a batch of them takes tens of turns. Chosen, not measured. */
const MAX_TURN_MS = 4;
