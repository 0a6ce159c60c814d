import { create, toBinary } from '@bufbuild/protobuf';
import type { ReadMessagesRequest } from '../gen/scrollback/v1/history_service_pb.js';
import { ReadMessagesResponseSchema } from '../gen/scrollback/v1/history_service_pb.js';
import type { HistoryReader, MessagePage, PageBounds } from '../store/history-reader.js';
import { MessagesFrame } from './frame.js';
import { messageQuery, questionOf } from './message-query.js';
import { PageTokens } from './page-token.js';
import type { FrameWriter } from './stream.js';

/**
 * What the next frame of a stream may hold, after its reader has taken `taken` of them. A reader that never reads costs one frame, so the
 * first ones are small; one that reads gets larger ones, because each frame costs a new iterator. The two bounds belong together: the
 * history reads `maxMessages` rows before it counts bytes, so with messages of about 250 bytes a larger number would be read in vain
 * (measured: 500 rows for a frame of 16 KiB stream at a quarter of the rate).
 */
export function frameBounds(taken: number): PageBounds {
  return taken < FRAMES_UNTIL_READY ? firstFrames : readyFrames;
}

const firstFrames: PageBounds = { maxMessages: 125, maxBytes: 32 * 1024, patient: true };
const readyFrames: PageBounds = { maxMessages: 500, maxBytes: 128 * 1024, patient: true };

/** HTTP/2 alone lets two or three small frames pass that nobody reads; twice that is somebody who reads. */
const FRAMES_UNTIL_READY = 8;

/** Reads the bounds and the place of a ReadMessages call, then streams page by page: no page outlives its frame. */
export function readMessages(
  sessionId: string,
  request: ReadMessagesRequest,
): (history: HistoryReader, frames: FrameWriter<MessagesFrame>) => Promise<void> {
  const query = messageQuery(request);
  const tokens = new PageTokens('readMessages', [sessionId, ...questionOf(query)]);
  const limit = request.limit === 0n ? Infinity : Number(request.limit);
  const start = tokens.decode(request.resumeToken);

  return async (history, frames) => {
    let cursor = start;
    let left = limit;
    let taken = 0;
    do {
      frames.signal.throwIfAborted();
      const wanted = frameBounds(taken++);
      const bounds = { ...wanted, maxMessages: Math.min(wanted.maxMessages, left) };
      // Nothing here may hold the page while its frame waits for a slow reader: hence `then` and not `await`.
      const step = await history
        .readMessages(query, cursor, bounds)
        .then((page) => after(send(page, tokens, frames), page.messages.length, page.next));
      left -= step.count;
      cursor = step.next;
    } while (cursor !== undefined && left > 0);
  };
}

function send(page: MessagePage, tokens: PageTokens, frames: FrameWriter<MessagesFrame>): Promise<void> {
  if (page.messages.length === 0) return Promise.resolve();
  const resumeToken = tokens.encode(page.resume ?? page.next);
  const rest = toBinary(ReadMessagesResponseSchema, create(ReadMessagesResponseSchema, { resumeToken }));
  return frames.write(new MessagesFrame(page.messages, rest));
}

async function after(
  sent: Promise<void>,
  count: number,
  next: Buffer | undefined,
): Promise<{ count: number; next: Buffer | undefined }> {
  await sent;
  return { count, next };
}
