import { type Logger, pino } from 'pino';

/** The daemon's logger: JSON lines on standard error. Standard output belongs to commands. */
export type { Logger };

/**
 * Makes the logger. Errors are logged by class, code and stack, never with fields of their own: a library's error may carry what it was
 * given. Callers log ids and counts only; keys and message text have no place in a log. `redact` is the second layer.
 */
export function makeLogger(level: string): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      serializers: { err: describeError },
      redact: { paths: ['key', '*.key', 'text', '*.text'], censor: '[removed]' },
    },
    pino.destination({ dest: 2, sync: true }),
  );
}

/** What a log may know of an error. */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error };
  return {
    type: error.name,
    message: error.message.slice(0, MAX_MESSAGE),
    ...('code' in error && typeof error.code === 'string' ? { code: error.code } : {}),
    stack: error.stack?.split('\n').slice(1, MAX_FRAMES).join('\n'),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}

const MAX_MESSAGE = 500;
const MAX_FRAMES = 12;
