import { CallError } from './call-error.js';
import { pauseBefore } from './retry.js';

/** A frame that says where a later call goes on. */
interface Frame {
  resumeToken: string;
}

/**
 * Reads a server stream and, when it breaks off, goes on after the last frame that came: when the daemon restarts, and
 * when it dropped us because nobody read for long (`scrollback messages | less`). A stream that never brought a
 * frame is not tried again: a daemon that was never there is an error, one that went away comes back.
 */
export async function* resumeStream<F extends Frame>(
  open: (resumeToken: string) => AsyncIterable<F>,
  options: { maxAttempts: number; onLost: () => void; signal: AbortSignal },
): AsyncGenerator<F, void, undefined> {
  let resumeToken = '';
  let attempts = 0;
  for (;;) {
    try {
      for await (const frame of open(resumeToken)) {
        attempts = 0;
        yield frame;
        resumeToken = frame.resumeToken;
      }
      return;
    } catch (error) {
      const isWorthIt = error instanceof CallError && (error.isTransient || error.isSlowReader);
      if (!isWorthIt || resumeToken === '' || attempts >= options.maxAttempts) throw error;
      if (attempts === 0 && error.isTransient) options.onLost();
    }
    attempts += 1;
    await pauseBefore(attempts, options.signal);
  }
}
