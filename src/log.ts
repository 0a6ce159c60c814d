import { type DestinationStream, type Logger, pino } from 'pino';

/** The daemon's logger: JSON lines on standard error. Standard output belongs to commands. */
export type { Logger };

/**
 * Makes the logger. Errors are logged by class, code, text and frames, never with fields of their own: a library's error may carry what
 * it was given. An error whose text may hold what somebody wrote is logged as `wordlessErr`, without its text. Callers log ids and
 * counts only; keys and message text have no place in a log. `redact` is the second layer.
 */
export function makeLogger(
  level: string,
  destination: DestinationStream = pino.destination({ dest: 2, sync: true }),
): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      serializers: { err: describeError, wordlessErr: describeWordless },
      redact: { paths: ['key', '*.key', 'text', '*.text'], censor: '[removed]' },
    },
    destination,
  );
}

/** What a log may know of an error. */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error };
  const { message } = error;
  return { ...factsOf(error, describeError), message: message.slice(0, MAX_MESSAGE) };
}

/** What a log may know of an error whose text may hold what somebody wrote. */
function describeWordless(error: unknown): object {
  return error instanceof Error ? factsOf(error, describeWordless) : { type: typeof error };
}

function factsOf(error: Error, describeCause: (cause: unknown) => object): object {
  // The text of an error stands before its frames, and may have lines of its own.
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line));
  return {
    type: error.name,
    ...('code' in error && typeof error.code === 'string' ? { code: error.code } : {}),
    stack: frames?.slice(0, MAX_FRAMES).join('\n'),
    ...(error.cause === undefined ? {} : { cause: describeCause(error.cause) }),
  };
}

const MAX_MESSAGE = 500;
const MAX_FRAMES = 11;
