import { DomainError } from '../domain/fault.js';
import type { ReadMediaRequest, ReadMediaResponseSchema } from '../gen/scrollback/v1/history_service_pb.js';
import type { MediaRead } from '../session/sessions.js';
import { safeNumber } from './request-field.js';
import type { Reply } from './service.js';
import type { FrameWriter } from './stream.js';

/** Which bytes of a file are wanted. */
export interface MediaRange {
  offset: number;
  /** Infinity for all up to the end. */
  length: number;
}

/** Returns the range that a request states. */
export function mediaRange({ offset, length }: ReadMediaRequest): MediaRange {
  return {
    offset: safeNumber('offset', offset),
    length: length === 0n ? Infinity : safeNumber('length', length),
  };
}

/** Sends what a file is, then its bytes; throws MEDIA_OFFSET for a range that begins behind its end. */
export async function sendMedia(
  file: MediaRead,
  { offset, length }: MediaRange,
  frames: FrameWriter<Reply<typeof ReadMediaResponseSchema>>,
): Promise<void> {
  const { mimeType, fileName, sizeBytes, sha256 } = file;
  if (offset > sizeBytes) throw new DomainError({ reason: 'MEDIA_OFFSET', sizeBytes });
  await frames.write({ file: { mimeType, fileName, sizeBytes: BigInt(sizeBytes), sha256 } });
  const end = Math.min(sizeBytes, offset + length);
  // One for the whole stream: a frame is encoded, which copies it, before its write resolves.
  const buffer = Buffer.alloc(Math.min(CHUNK_BYTES, Math.max(1, end - offset)));
  for (let at = offset; at < end;) {
    const bytes = await file.read(buffer.subarray(0, Math.min(buffer.length, end - at)), at);
    if (bytes === 0) throw new Error('a file is shorter than it was');
    await frames.write({ data: buffer.subarray(0, bytes) });
    at += bytes;
  }
}

/** Part of the public contract. One such frame in memory is what a slow reader costs. */
const CHUNK_BYTES = 64 * 1024;
