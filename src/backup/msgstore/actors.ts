import type { Address } from './addresses.js';

/** Who did something to a message: the owner, or somebody by address; '' when that is not stated. */
export interface Actor {
  fromMe: boolean;
  jid: string;
}

/** LIDs that a page leaves unresolved, so that the session knows which of its messages a later mapping concerns. */
export class UnresolvedLids {
  private readonly lids = new Set<string>();

  /** Returns the canonical JID of an address that goes into a message, '' for none. */
  use(address: Address | undefined): string {
    if (address === undefined) return '';
    if (address.unresolved) this.lids.add(address.jid);
    return address.jid;
  }

  /** Returns the LIDs since the last call. */
  take(): string[] {
    const taken = [...this.lids];
    this.lids.clear();
    return taken;
  }
}

/**
 * Keeps for each actor the last of what they did, by time and then by order of adding: reactions and votes are kept
 * forever by the phone, each change as a row of its own.
 */
export class LatestByActor<T> {
  private readonly entries = new Map<string, { actor: Actor; at: number; value: T }>();

  add(actor: Actor, at: number, value: T): void {
    const key = actor.fromMe ? '' : `@${actor.jid}`;
    const known = this.entries.get(key);
    if (known === undefined || at >= known.at) this.entries.set(key, { actor, at, value });
  }

  /** Returns the values in the order of the API: others before the owner, by JID. */
  sorted(): T[] {
    return [...this.entries.values()].sort((a, b) => compareActors(a.actor, b.actor)).map((entry) => entry.value);
  }
}

function compareActors(a: Actor, b: Actor): number {
  if (a.fromMe !== b.fromMe) return a.fromMe ? 1 : -1;
  return a.jid < b.jid ? -1 : a.jid > b.jid ? 1 : 0;
}
