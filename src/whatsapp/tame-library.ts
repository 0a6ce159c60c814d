import type { Logger } from '../log.js';
import type { LibraryLogger } from './overhear.js';

/**
 * Keeps libsignal from printing: it writes whole sessions with their private keys to the console. Nothing else in the daemon uses the
 * console.
 */
export function silenceConsole(): void {
  const nothing = (): void => undefined;
  Object.assign(console, {
    debug: nothing,
    error: nothing,
    info: nothing,
    log: nothing,
    trace: nothing,
    warn: nothing,
  });
}

/**
 * Keeps a promise that the library forgot from ending the process with all its links. It answers stanzas in handlers that nobody
 * awaits; one that comes as the connection goes rejects. What comes from elsewhere is an error of ours and still ends the process.
 */
export function surviveStrayRejections(log: Logger): void {
  process.on('unhandledRejection', (reason) => {
    if (!isFromLibrary(reason)) throw reason;
    log.debug({ code: statusCodeOf(reason) }, 'the library left a rejected promise behind');
  });
}

function isFromLibrary(reason: unknown): boolean {
  if (!(reason instanceof Error)) return false;
  return /node_modules\/(@whiskeysockets\/baileys|libsignal|ws)\//.test(reason.stack ?? '');
}

/** The code of an error of the library; undefined when it has none. */
export function statusCodeOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('output' in error)) return undefined;
  const { output } = error;
  if (typeof output !== 'object' || output === null || !('statusCode' in output)) return undefined;
  return typeof output.statusCode === 'number' ? output.statusCode : undefined;
}

/** An error that the library ends a connection with, and that comes back as the connection's end. */
export function errorWithCode(message: string, statusCode: number): Error {
  return Object.assign(new Error(message), { output: { statusCode } });
}

/**
 * The library's logger: the constant part of its warnings and errors, at our level `debug`. The objects that it logs hold keys and
 * messages, its texts hold addresses: the former are dropped and the latter blanked.
 */
export function libraryLogger(log: Logger, sessionId: string): LibraryLogger {
  const nothing = (): void => undefined;
  const tell = (first: unknown, message?: string): void => {
    const text = message ?? (typeof first === 'string' ? first : '');
    log.debug({ sessionId, library: text.replaceAll(/[\w+/=-]*\d{4,}[\w+/=-]*/g, '…').slice(0, MAX_TEXT) }, 'library');
  };
  const logger: LibraryLogger = {
    // At `trace` and `debug` it would also format what it does not log.
    level: 'warn',
    child: () => logger,
    trace: nothing,
    debug: nothing,
    info: nothing,
    warn: tell,
    error: tell,
  };
  return logger;
}

const MAX_TEXT = 200;
