import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError } from '../../domain/fault.js';
import { MediaPolicy } from '../../gen/scrollback/v1/session_service_pb.js';
import type { Logger } from '../../log.js';
import { Turns } from '../turns.js';
import { MediaFetcher } from './media-fetcher.js';
import { MediaFiles, type MediaLimits } from './media-files.js';
import type { Session } from '../session.js';
import type { SessionLink } from '../link/session-link.js';
import { SessionMedia } from './session-media.js';
import type { MediaQuestion, MediaRead } from '../sessions.js';

/** What the files of all sessions work with. */
export interface MediaDependencies {
  dataDirectory: string;
  media: MediaLimits;
  now: () => number;
  log: Logger;
}

/** The files of messages of all sessions: who reads them, who fetches them, and when they are removed. */
export class Media {
  readonly #dependencies: MediaDependencies;
  readonly #linkOf: (session: Session) => SessionLink;
  readonly #ofSessions = new Map<Session, { media: SessionMedia; fetcher: MediaFetcher }>();
  readonly #turns = new Turns(DOWNLOADS_AT_ONCE);
  readonly #fetcherTurns = new Turns(FETCHERS_AT_ONCE);
  #readers = 0;
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(dependencies: MediaDependencies, linkOf: (session: Session) => SessionLink) {
    this.#dependencies = dependencies;
    this.#linkOf = linkOf;
  }

  /** Begins to remove what nobody reads, now and from time to time. */
  start(): void {
    this.#timer = setInterval(() => this.#sweepSoon(), SWEEP_EVERY_MS);
    this.#timer.unref();
    this.#sweepSoon();
  }

  /** Opens the file of a message, once it is here; close it always. Throws the faults of ReadMedia. */
  async open(session: Session, question: MediaQuestion, signal: AbortSignal): Promise<MediaRead> {
    if (this.#closed) throw new DomainError({ reason: 'SHUTTING_DOWN' });
    if (this.#readers >= MAX_READERS) throw new DomainError({ reason: 'TOO_MANY_STREAMS', limit: MAX_READERS });
    this.#readers++;
    let open = true;
    const release = (): void => {
      if (open) this.#readers--;
      open = false;
    };
    try {
      const { wanted, file } = await this.#of(session).media.open(question, signal);
      const { mimeType, fileName } = wanted;
      const { sizeBytes, sha256 } = file;
      const close = (): Promise<void> => {
        release();
        return file.close();
      };
      return { mimeType, fileName, sizeBytes, sha256, read: (buffer, offset) => file.read(buffer, offset), close };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Does what the policy of a session says from now on: its record holds it. */
  async follow(session: Session): Promise<void> {
    if (this.#closed) return;
    if (session.record.mediaPolicy === MediaPolicy.ALL) this.#of(session).fetcher.start();
    else await this.#ofSessions.get(session)?.fetcher.forget();
  }

  /** Ends what runs for a session that goes. */
  async remove(session: Session): Promise<void> {
    const of = this.#ofSessions.get(session);
    this.#ofSessions.delete(session);
    await of?.fetcher.stop();
    await of?.media.close();
  }

  /** Ends everything; files that were being fetched are fetched anew at the next start. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    const all = [...this.#ofSessions.values()];
    await Promise.all(all.flatMap(({ media, fetcher }) => [media.close(), fetcher.stop()]));
    await this.#sweeping;
  }

  #of(session: Session): { media: SessionMedia; fetcher: MediaFetcher } {
    let of = this.#ofSessions.get(session);
    if (of === undefined) {
      const { media: limits, now, log } = this.#dependencies;
      const link = this.#linkOf(session);
      const ownTurns = new Turns(DOWNLOADS_OF_A_SESSION);
      const media = new SessionMedia({ session, link, limits, now, turns: this.#turns, ownTurns });
      of = { media, fetcher: new MediaFetcher({ session, link, media, turns: this.#fetcherTurns, now, log }) };
      this.#ofSessions.set(session, of);
    }
    return of;
  }

  #sweepSoon(): void {
    this.#sweeping = this.#sweeping
      .then(() => this.#sweep())
      .catch((error: unknown) => {
        this.#dependencies.log.warn({ err: error }, 'files that nobody reads could not be removed');
      });
  }

  async #sweep(): Promise<void> {
    const { dataDirectory, media: limits, now } = this.#dependencies;
    const sessions = join(dataDirectory, 'sessions');
    for (const name of await readdir(sessions)) {
      if (this.#closed) return;
      const directory = join(sessions, name);
      const used = [...this.#ofSessions].find(([session]) => session.directory === directory)?.[1].media.files;
      await (used ?? new MediaFiles(directory, limits, now)).sweep();
    }
  }
}

/** Each has a connection, a hundred KB of buffers, and its share of the processor for decryption. Chosen, not measured. */
const DOWNLOADS_AT_ONCE = 16;
const DOWNLOADS_OF_A_SESSION = 4;
const FETCHERS_AT_ONCE = 4;

/** Each has a descriptor, which a process has a thousand or two of. */
const MAX_READERS = 256;

const SWEEP_EVERY_MS = 3600_000;
