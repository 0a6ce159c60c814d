import { fromBinary } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { setTimeout as delay } from 'node:timers/promises';
import { DomainError, type Fault } from '../../domain/fault.js';
import { isConnected } from '../../domain/link.js';
import { type Message, MessageSchema, Source } from '../../gen/scrollback/v1/message_pb.js';
import type { Logger } from '../../log.js';
import type { ChangeBatch, ChangeCursor } from '../../store/history-reader.js';
import type { Turns } from '../turns.js';
import { MediaCursor } from './media-cursor.js';
import { type WantedMedia, wantedMedia } from './media-id.js';
import type { Session } from '../session.js';
import type { SessionLink } from '../link/session-link.js';
import type { SessionMedia } from './session-media.js';

/** What fetching works with. */
export interface MediaFetcherDependencies {
  session: Session;
  link: SessionLink;
  media: SessionMedia;
  /** Readers come first: so many sessions fetch by themselves at a time. */
  turns: Turns;
  now: () => number;
  log: Logger;
}

/**
 * Fetches the files of the messages that a link delivers, for a session whose policy is ALL: follows the log of the session, and fetches one
 * file after the other, the oldest first. It reads what capture has committed and has no part in it, so it never delays it. What it has
 * seen is kept, so that it goes on after a restart.
 */
export class MediaFetcher {
  readonly #dependencies: MediaFetcherDependencies;
  readonly #cursor: MediaCursor;
  #life: { stop: AbortController; over: Promise<void> } | undefined;

  constructor(dependencies: MediaFetcherDependencies) {
    this.#dependencies = dependencies;
    this.#cursor = new MediaCursor(dependencies.session.directory);
  }

  /** Goes on where it was; begins with what comes next when it never ran. */
  start(): void {
    if (this.#life !== undefined) return;
    const stop = new AbortController();
    this.#life = { stop, over: this.#run(stop.signal) };
  }

  /** Stops, and keeps its place. */
  async stop(): Promise<void> {
    const life = this.#life;
    life?.stop.abort();
    await life?.over;
    if (this.#life === life) this.#life = undefined;
  }

  /** Stops, and forgets its place: the policy is another one now. */
  async forget(): Promise<void> {
    await this.stop();
    await this.#cursor.remove();
  }

  /** Never rejects. */
  async #run(signal: AbortSignal): Promise<void> {
    const { session, log } = this.#dependencies;
    while (!signal.aborted) {
      try {
        await this.#follow(signal);
      } catch (error) {
        if (signal.aborted || session.closed) return;
        log.warn(
          { sessionId: session.record.sessionId, err: error },
          'files to fetch cannot be looked for; tried again',
        );
        await delay(LOOK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { session } = this.#dependencies;
    let cursor = await this.#begin();
    while (!signal.aborted) {
      const commit = session.commits.next(signal);
      const batch = await this.#read(cursor, signal);
      if (batch === undefined) {
        await commit;
        continue;
      }
      for (const row of batch.messages) await this.#consider(fromBinary(MessageSchema, row), signal);
      if (signal.aborted) return;
      cursor = batch.resume;
      await this.#cursor.write(cursor);
    }
  }

  async #begin(): Promise<ChangeCursor> {
    const kept = await this.#cursor.read();
    const revision = await this.#dependencies.session.use((store) => Promise.resolve(store.revision));
    // A history that was put back from a copy may be behind.
    if (kept !== undefined && kept.revision <= revision + 1) return kept;
    const first = { revision: revision + 1, index: 0 };
    await this.#cursor.write(first);
    return first;
  }

  /** What there is now; a read that waited would keep the store of an idle session open. */
  #read(cursor: ChangeCursor, signal: AbortSignal): Promise<ChangeBatch | undefined> {
    return this.#dependencies.session.use((store) =>
      cursor.revision > store.revision ? Promise.resolve(undefined) : store.nextChanges(ALL, cursor, BOUNDS, signal),
    );
  }

  async #consider(message: Message, signal: AbortSignal): Promise<void> {
    const { now, media } = this.#dependencies;
    if (!message.sources.includes(Source.LIVE)) return;
    const sentMs = message.sentTime === undefined ? 0 : timestampMs(message.sentTime);
    // A message comes again with each reaction: what was removed since is not to be fetched again and again.
    if (sentMs < now() - FRESH_MS) return;
    const wanted = wantedMedia(message);
    if (wanted === undefined || (await media.files.has(wanted.id))) return;
    for (let attempt = 1; attempt <= ATTEMPTS && !signal.aborted; attempt++) {
      if (await this.#fetch(wanted, signal)) return;
      await delay(FIRST_PAUSE_MS * 10 ** (attempt - 1), undefined, { signal }).catch(() => undefined);
    }
  }

  /** Resolves to whether there is nothing more to try. */
  async #fetch(wanted: WantedMedia, signal: AbortSignal): Promise<boolean> {
    const { session, media, turns, log } = this.#dependencies;
    await this.#untilConnected(signal);
    const endTurn = await turns.take(signal);
    try {
      if (!signal.aborted) await media.fetch(wanted, signal);
      return true;
    } catch (error) {
      if (signal.aborted) return true;
      const fault: Fault = error instanceof DomainError ? error.fault : { reason: 'INTERNAL' };
      const context = { sessionId: session.record.sessionId, reason: fault.reason };
      log.info(fault.reason === 'INTERNAL' ? { ...context, err: error } : context, 'a file could not be fetched');
      return !PASSING.has(fault.reason);
    } finally {
      endTurn();
    }
  }

  async #untilConnected(signal: AbortSignal): Promise<void> {
    const { link } = this.#dependencies;
    while (!signal.aborted && !link.changes.closed) {
      const change = link.changes.next(signal);
      if (isConnected(link.view.status)) return;
      await change;
    }
  }
}

const ALL = { chat: undefined, kinds: new Set<number>(), direction: undefined } as const;
const BOUNDS = { maxMessages: 50, maxBytes: 256 * 1024, patient: true };

/** Faults that may be over when it is tried again. */
const PASSING: ReadonlySet<Fault['reason']> = new Set([
  'MEDIA_NOT_AVAILABLE',
  'MEDIA_UNREACHABLE',
  'MEDIA_QUOTA',
  'STORAGE_FULL',
  'SESSION_UNAVAILABLE',
]);

/** With the pauses between them, some two minutes; then the next file has its turn. Chosen, not measured. */
const ATTEMPTS = 3;
const FIRST_PAUSE_MS = 1000;
const LOOK_AGAIN_MS = 10_000;
const FRESH_MS = 7 * 24 * 3600_000;
