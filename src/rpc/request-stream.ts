import type { Readable } from 'node:stream';
import { DomainError } from '../domain/fault.js';
import { onBytes } from './http2-stream.js';

/**
 * Yields what a client stream brings, as it comes. Throws UPLOAD_STALLED when the next request is awaited and not one byte came for
 * `stallMs`: a client that fell silent, and whose connection lives on, would keep its place for ever. The time that is spent on a
 * request does not count.
 */
export async function* readRequests<R>(
  call: Readable & AsyncIterable<R>,
  stallMs: number,
): AsyncGenerator<R, void, undefined> {
  const requests = call[Symbol.asyncIterator]();
  let stalled = false;
  let silence: NodeJS.Timeout | undefined;
  onBytes(call, () => silence?.refresh());
  const next = async (): Promise<IteratorResult<R, unknown>> => {
    silence = setTimeout(() => {
      stalled = true;
      // What waits for the next request learns it by this.
      call.destroy();
    }, stallMs);
    try {
      return await requests.next();
    } finally {
      clearTimeout(silence);
      silence = undefined;
    }
  };
  try {
    for (;;) {
      const result = await next();
      if (stalled || result.done === true) break;
      yield result.value;
    }
  } catch (error) {
    if (!stalled) throw error;
  } finally {
    // The handler may have had enough before the last one.
    await requests.return?.();
  }
  if (stalled) throw new DomainError({ reason: 'UPLOAD_STALLED' });
}
