import { WorkerPool } from '../../src/pool.js';
import { Turns } from '../../src/session/turns.js';
import type { InboxReader } from '../../src/session/link/link-inbox.js';
import type { Fetch } from '../../src/whatsapp/media-host.js';
import { createInboxReader } from '../../src/whatsapp/inbox-reader.js';

/** The daemon's reader of what links deliver, with a thread of its own, which starts when a chunk of history comes. */
export class OwnInboxReader {
  readonly reader: InboxReader;
  readonly #pool = new WorkerPool({ threads: 1, onLostThread: () => undefined });

  constructor(fetch?: Fetch) {
    const turns = new Turns(1);
    this.reader = createInboxReader({ parser: this.#pool, turns, ...(fetch === undefined ? {} : { fetch }) });
  }

  /** To be called when nobody reads any more. */
  close(): Promise<void> {
    return this.#pool.close();
  }
}
