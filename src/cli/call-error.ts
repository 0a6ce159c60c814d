import type { Message } from '@bufbuild/protobuf';
import { fromBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { ServiceError } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import { ErrorInfoSchema } from '../gen/google/rpc/error_details_pb.js';
import type { Status } from '../gen/google/rpc/status_pb.js';
import { StatusSchema } from '../gen/google/rpc/status_pb.js';

/** The trailer in which gRPC carries a google.rpc.Status. */
const detailsTrailer = 'grpc-status-details-bin';

const disconnectCodes: readonly number[] = [status.UNAVAILABLE, status.INTERNAL, status.CANCELLED];

/** A call that failed, or a backfill that did: what the daemon said about it. */
export class CallError extends Error {
  /** The gRPC status code. */
  readonly code: number;
  /** The reason of its ErrorInfo (`SESSION_NOT_FOUND`); empty when the daemon did not speak at all. */
  readonly reason: string;
  /** The metadata of its ErrorInfo. */
  readonly metadata: Readonly<Record<string, string>>;

  constructor(code: number, message: string, reason: string, metadata: Record<string, string>, cause?: unknown) {
    super(message, { cause });
    this.name = 'CallError';
    this.code = code;
    this.reason = reason;
    this.metadata = metadata;
  }

  /**
   * True when the connection failed rather than the call: nobody listens, or the daemon went away. The daemon itself
   * always gives a reason. grpc-js reports a connection that broke in the middle of a frame as INTERNAL without one, and
   * a stream that a stopping server reset as CANCELLED; a call that we cancelled ourselves is no `CallError`.
   */
  get isDisconnect(): boolean {
    return this.reason === '' && disconnectCodes.includes(this.code);
  }

  /** True when the same call may succeed a little later (AIP-194: UNAVAILABLE, and only that). */
  get isTransient(): boolean {
    return this.code === status.UNAVAILABLE || this.isDisconnect;
  }

  /**
   * True when the daemon dropped us because nobody read for long. Its reason often does not arrive: it stands behind the
   * frames that were not read, and then there is only the code.
   */
  get isSlowReader(): boolean {
    return this.reason === 'SLOW_READER' || (this.reason === '' && this.code === status.RESOURCE_EXHAUSTED);
  }
}

/** Turns what grpc-js reports into a `CallError`. A trailer that cannot be read is ignored. */
export function fromServiceError(error: ServiceError): CallError {
  const [trailer] = error.metadata.get(detailsTrailer);
  if (Buffer.isBuffer(trailer)) {
    const rich = decodeStatus(trailer);
    if (rich !== undefined) {
      const { reason, metadata } = errorInfoOf(rich);
      return new CallError(error.code, rich.message || error.details, reason, metadata, error);
    }
  }
  return new CallError(error.code, error.details, '', {}, error);
}

/** Turns the error that a failed backfill keeps into a `CallError`. */
export function fromStatus(failure: Status): CallError {
  const { reason, metadata } = errorInfoOf(failure);
  return new CallError(failure.code, failure.message, reason, metadata);
}

function decodeStatus(bytes: Buffer): Status | undefined {
  try {
    return fromBinary(StatusSchema, bytes);
  } catch {
    return undefined;
  }
}

function errorInfoOf(failure: Status): { reason: string; metadata: Record<string, string> } {
  for (const detail of failure.details) {
    const info = anyUnpack(detail, ErrorInfoSchema);
    if (info !== undefined) return { reason: info.reason, metadata: info.metadata };
  }
  return { reason: '', metadata: {} };
}

/** Returns a part of an answer that the contract promises. */
export function required<M extends Message>(part: M | undefined): M {
  if (part === undefined) throw new CallError(status.INTERNAL, 'the daemon sent an empty answer', 'EMPTY_ANSWER', {});
  return part;
}
