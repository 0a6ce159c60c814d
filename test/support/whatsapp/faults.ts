import type { BinaryNode } from '@whiskeysockets/baileys';

/**
 * When a connection is cut: `handshake` after the client's hello, `sending` instead of sending a stanza, `sent` when it has
 * gone out, `receiving` before the server takes note of a stanza, `received` after.
 */
export type CutMoment = 'handshake' | 'sending' | 'sent' | 'receiving' | 'received';

/** Chooses a stanza. */
export type StanzaFilter = (stanza: BinaryNode) => boolean;

interface PlannedCut {
  moment: CutMoment;
  matches: StanzaFilter;
  done: () => void;
}

/** The cuts that are still to come; each happens once. */
export class CutPlan {
  #planned: PlannedCut[] = [];

  /** Plans a cut and resolves when it happens. */
  plan(moment: CutMoment, matches: StanzaFilter = () => true): Promise<void> {
    return new Promise((done) => this.#planned.push({ moment, matches, done }));
  }

  /** Tells whether to cut now. */
  take(moment: CutMoment, stanza?: BinaryNode): boolean {
    const index = this.#planned.findIndex(
      (cut) => cut.moment === moment && (stanza === undefined || cut.matches(stanza)),
    );
    const [cut] = index < 0 ? [] : this.#planned.splice(index, 1);
    cut?.done();
    return cut !== undefined;
  }
}
