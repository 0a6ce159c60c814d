import { createInflate } from 'node:zlib';
import type { Inflate } from 'node:zlib';
import type { PartFile } from './part-file.js';

/** Takes the plaintext of a backup piece by piece. */
export interface PlainSink {
  /** Resolves when the next piece may come. Throws what the file throws. */
  write(bytes: Buffer): Promise<void>;
  /** To be called after the last piece. Afterwards `problem` is final. */
  finish(): Promise<void>;
  /** Why the plaintext cannot be what was meant, in English; pieces that come after it are ignored. */
  readonly problem: string | undefined;
  /** Lets go of everything, at any time. */
  close(): Promise<void>;
}

// One trip to libuv's pool per output buffer. Measured on 240 MB: 1.05 s, with zlib's default of 16 KiB 1.9 s.
const outputBytes = 512 * 1024;

/**
 * Inflates into a file. Inflating happens in libuv's pool while the caller prepares the next piece; the file counts
 * what comes out and stops a bomb, because zlib's own `maxOutputLength` does nothing in a stream.
 */
export class Inflation implements PlainSink {
  problem: string | undefined;
  private readonly inflate: Inflate;
  private readonly drained: Promise<void>;
  private fed = 0;
  private ended = false;
  private failure: { cause: unknown } | undefined;
  private pending = Promise.resolve();
  private release = () => {};

  constructor(part: PartFile) {
    // A variable, because the type of the options does not know that they reach the stream, too.
    const options = { chunkSize: outputBytes, readableHighWaterMark: 4 * outputBytes };
    this.inflate = createInflate(options);
    this.drained = this.drain(part);
  }

  async write(bytes: Buffer): Promise<void> {
    await this.pending;
    this.rethrow();
    this.fed += bytes.length;
    if (this.ended || bytes.length === 0) return;
    this.pending = new Promise((resolve) => {
      this.release = resolve;
      this.inflate.write(bytes, () => resolve());
    });
  }

  async finish(): Promise<void> {
    await this.pending;
    if (!this.ended) this.inflate.end();
    await this.drained;
    this.rethrow();
    if (this.inflate.bytesWritten !== this.fed) this.problem ??= 'something follows the compressed data';
  }

  async close(): Promise<void> {
    this.inflate.destroy();
    await this.drained;
  }

  private async drain(part: PartFile): Promise<void> {
    try {
      // Safety: a stream that is not in object mode and has no encoding yields buffers.
      for await (const chunk of this.inflate) await part.write(chunk as Buffer);
    } catch (error) {
      if (isZlibError(error)) this.problem = 'the compressed data ends early or makes no sense';
      else this.failure = { cause: error };
    } finally {
      this.ended = true;
      // zlib does not call back for a piece that reaches beyond the end of its data.
      this.release();
    }
  }

  private rethrow(): void {
    if (this.failure) throw this.failure.cause;
  }
}

/** Writes a plaintext that is not deflated. */
export class PlainCopy implements PlainSink {
  readonly problem = undefined;
  private readonly part: PartFile;

  constructor(part: PartFile) {
    this.part = part;
  }

  async write(bytes: Buffer): Promise<void> {
    await this.part.write(bytes);
  }

  async finish(): Promise<void> {}

  async close(): Promise<void> {}
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('Z_');
}
