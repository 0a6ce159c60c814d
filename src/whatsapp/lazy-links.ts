import type { Logger } from '../log.js';
import type { ConnectLink } from '../session/link/link.js';
import type { InboxReader } from '../session/link/link-inbox.js';
import type { InboxReaderDependencies } from './inbox-reader.js';
import type { WhatsAppOptions } from './link.js';

/** How links are made, and what their history is read with. */
export type LazyLinksOptions = Omit<WhatsAppOptions, 'makeCapture'> & Pick<InboxReaderDependencies, 'parser' | 'turns'>;

/**
 * Links to WhatsApp whose library is loaded when the first one is needed: it takes some 50 MB, and a daemon that only imports
 * backups does without it. `load` must have resolved before the others are called, but for what opens a vote: a backup may bring the secret of
 * one that a former link had delivered.
 */
export class LazyLinks {
  readonly #options: LazyLinksOptions;
  readonly #log: Logger;
  #loading: Promise<void> | undefined;
  #loaded: { connectLink: ConnectLink; inboxReader: InboxReader } | undefined;

  constructor(options: LazyLinksOptions) {
    this.#options = options;
    this.#log = options.log;
  }

  /** Loads the library, and tames it; once, however often it is called. */
  readonly load = (): Promise<void> => (this.#loading ??= this.#load());

  readonly connectLink: ConnectLink = (task) => this.#needed.connectLink(task);

  readonly inboxReader: InboxReader = {
    read: (record) => this.#needed.inboxReader.read(record),
    announced: (record) => this.#needed.inboxReader.announced(record),
    readHistory: (record, signal) => this.#needed.inboxReader.readHistory(record, signal),
    openVote: async (...vote) => {
      await this.load();
      return this.#needed.inboxReader.openVote(...vote);
    },
  };

  get #needed(): { connectLink: ConnectLink; inboxReader: InboxReader } {
    if (this.#loaded === undefined) throw new Error('a link is used before its library is loaded');
    return this.#loaded;
  }

  async #load(): Promise<void> {
    const { bindJobs } = await import('./bind-jobs.js');
    const { createCapture } = await import('./capture.js');
    const { installCertificateCheck } = await import('./certificate.js');
    const { speedUpSignatures } = await import('./fast-signatures.js');
    const { createInboxReader } = await import('./inbox-reader.js');
    const { makeWhatsAppLinks } = await import('./link.js');
    const { shareContexts } = await import('./share-contexts.js');
    const { silenceConsole, surviveStrayRejections } = await import('./tame-library.js');
    bindJobs();
    installCertificateCheck();
    shareContexts();
    silenceConsole();
    speedUpSignatures();
    surviveStrayRejections(this.#log);
    const connectLink = makeWhatsAppLinks({ ...this.#options, makeCapture: createCapture });
    this.#loaded = { connectLink, inboxReader: createInboxReader(this.#options) };
  }
}
