import { create, toBinary } from '@bufbuild/protobuf';
import { DomainError } from '../domain/fault.js';
import type { WatchMessagesRequest } from '../gen/scrollback/v1/history_service_pb.js';
import { WatchMessagesResponseSchema } from '../gen/scrollback/v1/history_service_pb.js';
import type { MessageKey } from '../gen/scrollback/v1/message_pb.js';
import type { ChangeBatch, ChangeCursor, HistoryReader } from '../store/history-reader.js';
import { MessagesFrame } from './frame.js';
import { messageFilter, questionOf } from './message-query.js';
import { PageTokens } from './page-token.js';
import { frameBounds } from './read-messages.js';
import { safeNumber } from './request-field.js';
import type { FrameWriter } from './stream.js';

/** Bytes of a cursor in a token: the revision, then the index, big-endian. */
const cursorBytes = { revision: 6, index: 6, all: 12 } as const;

/**
 * Reads the filter and the place of a WatchMessages call, then follows the log: an empty frame first, then batches, and
 * an empty frame whenever nothing happened for `heartbeatMs`. Ends when the call is stopped.
 */
export function watchMessages(
  sessionId: string,
  request: WatchMessagesRequest,
  heartbeatMs: number,
): (history: HistoryReader, frames: FrameWriter<MessagesFrame>) => Promise<void> {
  const filter = messageFilter(request);
  const tokens = new PageTokens('watchMessages', [sessionId, ...questionOf(filter)]);
  const start = startOf(request, tokens);

  return async (history, frames) => {
    if (start.revision > history.revision + 1) {
      throw new DomainError({ reason: 'REVISION_AHEAD', revision: history.revision });
    }
    let taken = 0;
    let at = { place: start, revision: start.revision - 1 };
    const heartbeat = (): Promise<void> =>
      frames.write(frameOf([], [], at.revision, tokens.encode(encodeCursor(at.place))));
    const send = (batch: ChangeBatch): Promise<void> =>
      frames.write(frameOf(batch.messages, batch.removed, batch.revision, tokens.encode(encodeCursor(batch.resume))));
    await frames.write(frameOf([], [], history.revision, tokens.encode(encodeCursor(start))));
    for (;;) {
      let beating = Promise.resolve();
      // Nothing here may hold the batch while its frame waits for a slow reader: hence `then` and not `await`.
      const sent = history
        .nextChanges(filter, at.place, frameBounds(taken++), frames.signal)
        .then((batch) => beating.then(() => (batch === undefined ? undefined : after(send(batch), batch))));
      const arrival = new Arrival(sent);
      while (!(await arrival.within(heartbeatMs))) await (beating = heartbeat());
      const next = await sent;
      // A watch never ends by itself: the call was stopped, or the history was closed under it.
      frames.signal.throwIfAborted();
      if (next === undefined) throw new DomainError({ reason: 'SESSION_UNAVAILABLE', sessionId });
      at = next;
    }
  };
}

/** Where a watch is after a batch left. */
function after(
  sent: Promise<void>,
  { resume: place, revision }: ChangeBatch,
): Promise<{ place: ChangeCursor; revision: number }> {
  return sent.then(() => ({ place, revision }));
}

/** Where a watch starts; `{ revision: n + 1, index: 0 }` is after all of `n`. */
function startOf(request: WatchMessagesRequest, tokens: PageTokens): ChangeCursor {
  const cursor = tokens.decode(request.resumeToken);
  if (cursor === undefined) return { revision: safeNumber('after_revision', request.afterRevision) + 1, index: 0 };
  if (cursor.length !== cursorBytes.all) throw new DomainError({ reason: 'INVALID_PAGE_TOKEN' });
  return {
    revision: cursor.readUIntBE(0, cursorBytes.revision),
    index: cursor.readUIntBE(cursorBytes.revision, cursorBytes.index),
  };
}

function encodeCursor(place: ChangeCursor): Buffer {
  const cursor = Buffer.alloc(cursorBytes.all);
  cursor.writeUIntBE(place.revision, 0, cursorBytes.revision);
  cursor.writeUIntBE(place.index, cursorBytes.revision, cursorBytes.index);
  return cursor;
}

function frameOf(messages: Buffer[], removed: MessageKey[], revision: number, resumeToken: string): MessagesFrame {
  const rest = create(WatchMessagesResponseSchema, { removed, revision: BigInt(revision), resumeToken });
  return new MessagesFrame(messages, toBinary(WatchMessagesResponseSchema, rest));
}

/** A promise that one may wait for again and again; each wait of `Promise.race` would leave a listener on it. */
class Arrival {
  #settled = false;
  #wake: () => void = () => undefined;

  constructor(promise: Promise<unknown>) {
    const settle = (): void => {
      this.#settled = true;
      this.#wake();
    };
    promise.then(settle, settle);
  }

  /** Waits for the promise, but no longer than `ms`. Returns whether it settled. One wait at a time. */
  async within(ms: number): Promise<boolean> {
    if (!this.#settled) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return this.#settled;
  }
}
