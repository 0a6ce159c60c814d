/**
 * True for a message of which what opens what comes sealed about it is kept, when a backup or a transfer of history has it as of `asOfMs`. That of polls and events
 * is kept whatever their age, and that of all that comes live. Phones edit for minutes, and people react to what is new; half of all messages have a
 * secret, and of a million old ones nobody needs it.
 */
export function keepsSecret(sentMs: number, asOfMs: number): boolean {
  return sentMs > 0 && asOfMs > 0 && sentMs >= asOfMs - KEPT_MS;
}

/** 30 days; chosen, not measured: what is read is mostly hours old, and sometimes weeks until a link goes on from there. */
const KEPT_MS = 30 * 86_400_000;
