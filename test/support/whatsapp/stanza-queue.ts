import type { BinaryNode } from '@whiskeysockets/baileys';
import { jidNormalizedUser } from '@whiskeysockets/baileys';
import type { Attributes } from './nodes.js';

/** More than any test lets wait. */
const STANZAS_MAX = 200_000;

/** A stanza that waits for its receipt. */
export interface QueuedStanza {
  readonly stanza: BinaryNode;
  /** Called when the device has asked for it again and then given it up. */
  readonly sendAnew?: () => void;
  askedAgain: boolean;
}

/**
 * What the server keeps until the device names it in a receipt or an ack: messages, receipts, notifications, calls. The
 * bytes never change; whatever waits at a login is sent as offline.
 */
export class StanzaQueue {
  readonly #waiting = new Set<QueuedStanza>();
  readonly #byId = new Map<string, QueuedStanza[]>();

  /** The stanzas that wait, in the order in which they came. */
  get waiting(): QueuedStanza[] {
    return [...this.#waiting];
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Keeps a stanza. Throws when too many wait. */
  add(stanza: BinaryNode, sendAnew?: () => void): void {
    if (this.#waiting.size >= STANZAS_MAX) throw new Error(`${STANZAS_MAX} stanzas wait already`);
    const queued = { stanza, askedAgain: false, ...(sendAnew === undefined ? {} : { sendAnew }) };
    this.#waiting.add(queued);
    const key = keyOf(stanza.tag, stanza.attrs.id);
    const sameId = this.#byId.get(key);
    if (sameId === undefined) this.#byId.set(key, [queued]);
    else sameId.push(queued);
  }

  /** Finds the stanza that a receipt or an ack speaks of; with several of one id the chat decides. */
  find(tag: string, id: string, attributes: Attributes): QueuedStanza | undefined {
    const candidates = this.#byId.get(keyOf(tag, id)) ?? [];
    const chats = [attributes.to, attributes.recipient, attributes.participant].map((jid) => jidNormalizedUser(jid));
    return candidates.find(({ stanza }) => chats.includes(jidNormalizedUser(stanza.attrs.from))) ?? candidates[0];
  }

  /** Keeps a stanza no longer. */
  forget(queued: QueuedStanza): void {
    this.#waiting.delete(queued);
    const key = keyOf(queued.stanza.tag, queued.stanza.attrs.id);
    const left = (this.#byId.get(key) ?? []).filter((other) => other !== queued);
    if (left.length === 0) this.#byId.delete(key);
    else this.#byId.set(key, left);
  }
}

function keyOf(tag: string, id: string | undefined): string {
  return `${tag} ${id ?? ''}`;
}
