import { setTimeout as delay } from 'node:timers/promises';
import { DomainError } from '../../domain/fault.js';
import { MediaFailure } from '../../domain/media-failure.js';
import type { Turns } from '../turns.js';
import type { MediaLink, MediaMessage, MediaSource } from '../link/link-media.js';
import type { MediaFiles } from './media-files.js';
import type { MediaId, WantedMedia } from './media-id.js';
import { tellStorageFull } from '../storage-full.js';

/** What downloads work with. */
export interface MediaDownloadsDependencies {
  files: MediaFiles;
  /** What fetches; throws MEDIA_NOT_AVAILABLE while there is nothing. */
  link: () => MediaLink;
  /** The names that a message may have for its phone, the likeliest first. */
  namesOf: (message: MediaMessage) => Promise<MediaMessage[]>;
  /** The turns of the session, then those of the whole daemon. */
  turns: readonly Turns[];
}

/**
 * Downloads files of one session, each once however many want it. A download that breaks begins anew some times; a file that the server
 * has dropped is asked of the phone once. It ends when nobody waits for it any more.
 */
export class MediaDownloads {
  readonly #dependencies: MediaDownloadsDependencies;
  readonly #running = new Map<MediaId, Running>();
  /** Those, and the ones that are ending. */
  readonly #all = new Set<Running>();
  /** Where files are that a phone has uploaded again: their messages name the old place for ever. */
  readonly #places = new Map<MediaId, string>();
  #closed = false;

  constructor(dependencies: MediaDownloadsDependencies) {
    this.#dependencies = dependencies;
  }

  /** Resolves when the file is there. Throws the faults of ReadMedia, and the signal's reason. */
  async fetch(wanted: WantedMedia, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#closed) throw new DomainError({ reason: 'SHUTTING_DOWN' });
    const running = this.#running.get(wanted.id) ?? this.#start(wanted);
    running.waiting++;
    const left = aborted(signal);
    try {
      await Promise.race([running.over, left.promise]);
    } finally {
      left.forget();
      if (--running.waiting === 0) this.#end(running);
    }
  }

  /** Ends what runs. */
  async close(): Promise<void> {
    this.#closed = true;
    const running = [...this.#all];
    for (const { stop } of running) stop.abort(new DomainError({ reason: 'SHUTTING_DOWN' }));
    await Promise.allSettled(running.map(({ over }) => over));
  }

  #start(wanted: WantedMedia): Running {
    const stop = new AbortController();
    const over = tellStorageFull(() => this.#inTurn(wanted, stop.signal));
    const running = { id: wanted.id, stop, over, waiting: 0 };
    this.#running.set(wanted.id, running);
    this.#all.add(running);
    const ended = (): void => {
      this.#end(running);
      this.#all.delete(running);
    };
    // Whoever waited may have left, so nobody else need hear of a failure.
    over.then(ended, ended);
    return running;
  }

  /** From now on, whoever wants the file begins anew. */
  #end(running: Running): void {
    if (this.#running.get(running.id) === running) this.#running.delete(running.id);
    running.stop.abort();
  }

  async #inTurn(wanted: WantedMedia, signal: AbortSignal): Promise<void> {
    const ends: (() => void)[] = [];
    try {
      for (const turns of this.#dependencies.turns) ends.push(await turns.take(signal));
      signal.throwIfAborted();
      await this.#download(wanted, signal);
    } finally {
      for (const end of ends) end();
    }
  }

  async #download(wanted: WantedMedia, signal: AbortSignal): Promise<void> {
    const { link, files } = this.#dependencies;
    let place = this.#places.get(wanted.id);
    let asked = false;
    for (let attempt = 1; ; attempt++) {
      const source: MediaSource = place === undefined ? wanted.source : { ...wanted.source, directPath: place };
      try {
        return await files.write(wanted.id, wanted.sizeBytes, link().download(source, signal));
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof MediaFailure)) throw error;
        if (error.trouble === 'dropped' && !asked) {
          asked = true;
          place = await this.#askPhone(wanted, signal);
          attempt--;
        } else if (error.trouble === 'dropped' || attempt >= ATTEMPTS) {
          throw new DomainError(faultOf(error), { cause: error });
        } else {
          await delay(FIRST_PAUSE_MS * 4 ** (attempt - 1), undefined, { signal });
        }
      }
    }
  }

  /** Resolves to where the phone has put it. */
  async #askPhone({ id, source, message }: WantedMedia, signal: AbortSignal): Promise<string> {
    const { link, namesOf } = this.#dependencies;
    // The files of channels are on no phone.
    if (source.mediaKey.length === 0) throw new DomainError({ reason: 'MEDIA_GONE', phoneAnswered: true });
    for (const name of await namesOf(message)) {
      const answer = await link().askPhone(name, source.mediaKey, signal);
      signal.throwIfAborted();
      if (answer.answer === 'silent') throw new DomainError({ reason: 'MEDIA_GONE', phoneAnswered: false });
      if (answer.answer === 'uploaded') {
        this.#notePlace(id, answer.directPath);
        return answer.directPath;
      }
    }
    throw new DomainError({ reason: 'MEDIA_GONE', phoneAnswered: true });
  }

  #notePlace(id: MediaId, place: string): void {
    this.#places.set(id, place);
    const [oldest] = this.#places.keys();
    if (this.#places.size > MAX_PLACES && oldest !== undefined) this.#places.delete(oldest);
  }
}

/** A download, and how many wait for it. */
interface Running {
  id: MediaId;
  stop: AbortController;
  over: Promise<void>;
  waiting: number;
}

function faultOf({ trouble, code }: MediaFailure) {
  switch (trouble) {
    case 'dropped':
      // The phone has uploaded it, and it is gone again.
      return { reason: 'MEDIA_GONE', phoneAnswered: true } as const;
    case 'damaged':
      return { reason: 'MEDIA_DAMAGED' } as const;
    case 'unreachable':
      return { reason: 'MEDIA_UNREACHABLE', code } as const;
  }
}

/** A promise that rejects when the signal aborts, until it is forgotten. */
function aborted(signal: AbortSignal): { promise: Promise<never>; forget: () => void } {
  let forget = (): void => undefined;
  const promise = new Promise<never>((_, reject) => {
    const left = (): void => {
      reject(signal.reason instanceof Error ? signal.reason : new DomainError({ reason: 'CANCELLED' }));
    };
    signal.addEventListener('abort', left, { once: true });
    forget = () => signal.removeEventListener('abort', left);
  });
  return { promise, forget };
}

/** A connection that broke, a server in trouble, a damaged answer: each of these may be gone a moment later. */
const ATTEMPTS = 3;
const FIRST_PAUSE_MS = 250;
const MAX_PLACES = 1024;
