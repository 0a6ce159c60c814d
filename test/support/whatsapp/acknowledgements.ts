import type { BinaryNode } from '@whiskeysockets/baileys';
import { childrenOf } from './nodes.js';

/** Something that a device said of a stanza it was sent. */
export interface Acknowledgement {
  id: string;
  /** What it is about: `message`, `receipt`, `notification`, `call`. */
  of: string;
  /** A receipt says that the device has it, a retry that it cannot decrypt it, an ack that it needs nothing more. */
  kind: 'receipt' | 'retry' | 'ack';
  /** Of a receipt: absent for delivered, else `inactive`, `sender`, `peer_msg`, `hist_sync`, `read` … */
  type: string | undefined;
  /** Of an ack: `487` for a key that is used already, `500` for what could not be handled. */
  error: string | undefined;
  to: string | undefined;
  participant: string | undefined;
  recipient: string | undefined;
  /** Whether it got lost on the way: the server did not take note, and will send the stanza again. */
  lost: boolean;
}

/** All acknowledgements of an account, in the order in which they came: the witness of what a device promised. */
export class AcknowledgementLog {
  readonly entries: Acknowledgement[] = [];
  #waiting: { matches: (entry: Acknowledgement) => boolean; resolve: (entry: Acknowledgement) => void }[] = [];

  /** Reads a stanza and returns what it says, one entry for each id. */
  record(stanza: BinaryNode, lost: boolean): Acknowledgement[] {
    const { attrs, tag } = stanza;
    const listed = childrenOf(stanza).flatMap((list) => (list.tag === 'list' ? childrenOf(list) : []));
    const ids = [attrs.id ?? '', ...listed.map((item) => item.attrs.id ?? '')];
    const entries = ids.map((id): Acknowledgement => {
      const kind = tag === 'ack' ? 'ack' : attrs.type === 'retry' ? 'retry' : 'receipt';
      const { type, error, to, participant, recipient } = attrs;
      const of = tag === 'ack' ? (attrs.class ?? '') : 'message';
      return { id, of, kind, type, error, to, participant, recipient, lost };
    });
    this.entries.push(...entries);
    for (const entry of entries) this.#tell(entry);
    return entries;
  }

  /** Resolves to the first entry that matches, also to one that came earlier. */
  waitFor(matches: (entry: Acknowledgement) => boolean): Promise<Acknowledgement> {
    const found = this.entries.find(matches);
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve) => this.#waiting.push({ matches, resolve }));
  }

  #tell(entry: Acknowledgement): void {
    const told = this.#waiting.filter(({ matches }) => matches(entry));
    this.#waiting = this.#waiting.filter((waiting) => !told.includes(waiting));
    for (const { resolve } of told) resolve(entry);
  }
}
