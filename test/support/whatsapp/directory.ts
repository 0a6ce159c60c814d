import { jidNormalizedUser } from '@whiskeysockets/baileys';
import type { PersonNames } from './peer.js';
import { Peer } from './peer.js';

/** Everybody whom the server knows, by each of their addresses. */
export class Directory {
  readonly #people = new Map<string, Peer>();

  /** Adds a person. Throws when one of the addresses is somebody else's. */
  add(names: PersonNames): Peer {
    const peer = new Peer(names);
    const addresses = [peer.jid(), peer.otherJid(peer.phone === undefined ? 'lid' : 'pn')];
    for (const jid of addresses) {
      if (jid === undefined) continue;
      if (this.#people.has(jid)) throw new Error(`${jid} is somebody else's address`);
      this.#people.set(jid, peer);
    }
    return peer;
  }

  /** Finds who has an address, whatever the device. */
  find(jid: string | undefined): Peer | undefined {
    return this.#people.get(jidNormalizedUser(jid));
  }

  /** Releases the caches of everybody's sessions. */
  close(): void {
    for (const peer of this.#people.values()) peer.close();
  }
}
