/** What bounds the door. */
export interface RpcLimits {
  /** Calls that one connection may have open; HTTP/2 makes the client wait with the next. */
  callsPerConnection: number;
  /** Unary calls that all clients together may have open, counted until the answer was taken. */
  openUnaryCalls: number;
  /** Server streams that all clients together may have open. */
  openStreams: number;
  /** Uploads that may run at a time. grpc-js buffers 16 messages of each, whatever their size. */
  openUploads: number;
  /** A frame that was not taken for so long ends its stream; so does an answer that was not. */
  stallMs: number;
  /** An upload of which no byte came for so long, though the next was awaited, is ended; its backfill keeps what it has. */
  uploadStallMs: number;
  /** An idle watch sends an empty frame so often. */
  heartbeatMs: number;
  /** How long calls may go on after `drain` before they are cut off. */
  drainGraceMs: number;
}

/**
 * Chosen so that a thousand readers that never read, one frame each, stay far below the memory of one import (see
 * `frameBounds`), with room for the healthy ones. None of the numbers is a measured optimum.
 */
export const defaultLimits: RpcLimits = {
  callsPerConnection: 1_024,
  openUnaryCalls: 1_024,
  openStreams: 2_048,
  openUploads: 32,
  stallMs: 30_000,
  uploadStallMs: 60_000,
  heartbeatMs: 15_000,
  drainGraceMs: 5_000,
};
