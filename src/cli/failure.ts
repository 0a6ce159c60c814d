import { status } from '@grpc/grpc-js';
import { CallError } from './call-error.js';
import { visible } from './terminal-text.js';

/** A command that cannot go on, in words for the person at the terminal. Exit code 1. */
export class Failure extends Error {
  override readonly name = 'Failure';
}

/** A command that was typed wrongly. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Somebody stopped the command (Ctrl-C, SIGTERM). */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  /** 128 + the signal's number, as shells report it. */
  readonly exitCode: number;

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super('interrupted');
    this.exitCode = signal === 'SIGINT' ? 130 : 143;
  }
}

/** Returns why a signal was aborted; for this command line that is an `Interrupted`. */
export function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('the call was cancelled');
}

/** Returns the exit code for an error: 2 for a wrong command line, 128 + n for a signal, else 1. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return 2;
  if (error instanceof Interrupted) return error.exitCode;
  return 1;
}

/** Describes an error in one line that says what to do; `address` is where the daemon was looked for. */
export function describeFailure(error: unknown, address: string): string {
  if (error instanceof CallError) return describeCall(error, address);
  return visible(error instanceof Error ? error.message : String(error));
}

/** Describes why a file of the user cannot be read. */
export function describeFileProblem(path: string, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  const words: Record<string, string> = {
    ENOENT: 'there is no such file',
    EACCES: 'you may not read it',
    EISDIR: 'it is a directory',
  };
  return `cannot read ${visible(path)}: ${words[code] ?? code}`;
}

/** Describes why the standard output cannot be written. */
export function describeOutputProblem({ code, message }: NodeJS.ErrnoException): string {
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  return isFull ? 'the output cannot be written: its disk is full' : `the output cannot be written: ${code ?? message}`;
}

function describeCall(error: CallError, address: string): string {
  if (error.isDisconnect) {
    return error.code === status.UNAVAILABLE && !error.message.includes('Connection dropped')
      ? `no daemon at ${address}: start it with \`npm start\`, or set SCROLLBACK_ADDRESS`
      : `the connection to the daemon at ${address} broke: is it still running?`;
  }
  if (error.reason === '' && error.code === status.DEADLINE_EXCEEDED) {
    return `the daemon at ${address} did not answer in time: try again, and look at its log`;
  }
  if (error.reason === '' && error.code === status.UNIMPLEMENTED) {
    return `what listens at ${address} is no Scrollback daemon, or one of another version`;
  }
  const message = visible(error.message || error.reason || `the call failed with code ${String(error.code)}`);
  const advice = adviceFor(error);
  // The daemon's advice, after the semicolon, names methods of the API.
  return advice === undefined ? message : `${message.split(';')[0] ?? ''}; ${advice}`;
}

/** What to do about it on this command line, where the daemon's own advice is for programs. */
function adviceFor({ reason, metadata }: CallError): string | undefined {
  switch (reason) {
    case 'SESSION_NOT_FOUND':
      return '`scrollback sessions` lists the sessions';
    case 'SESSION_EXISTS':
      return 'choose another id, or use the session as it is';
    case 'BACKFILL_NOT_FOUND':
      return '`scrollback backfills` lists the backfills';
    case 'BACKFILL_RUNNING': {
      const id = visible(metadata['backfill_id'] ?? 'ID');
      return `follow it with \`scrollback backfills watch ${id}\`, or end it with \`scrollback backfills cancel ${id}\``;
    }
    case 'BACKFILL_NOT_UPLOADING':
      return `follow it with \`scrollback backfills watch ${visible(metadata['backfill_id'] ?? 'ID')}\``;
    case 'BACKFILL_NOT_CANCELLABLE':
      return '`scrollback unlink` ends it';
    case 'BACKFILL_ENDED':
      return 'run `scrollback import` again';
    case 'CHAT_NOT_FOUND':
      return '`scrollback chats` lists the chats';
    case 'UPLOAD_IN_PROGRESS':
      return 'another `scrollback import` sends this file: wait for it, or stop it';
    case 'KEY_REQUIRED':
      return 'give the key with --key-file, or run the command on a terminal to be asked';
    case 'DROP_DIRECTORY_NOT_SET':
      return 'set SCROLLBACK_DROP_DIR for the daemon, or import without --drop';
    case 'LINK_IN_PROGRESS':
      return 'another `scrollback link` or `unlink` is at work: wait for it, or stop it';
    case 'PAIRING_EXPIRED':
      return 'run `scrollback link` again for a new code';
    case 'LINK_REFUSED':
      return linkAdvice[metadata['state'] ?? ''] ?? 'run `scrollback link` again';
    case 'LINK_OTHER_ACCOUNT':
      return 'remove the device on that phone, and link it to a session of its own';
    case 'PHONE_SILENT':
      return 'see that it is on and online, open WhatsApp on it, then run the command again';
    case 'WHATSAPP_UNREACHABLE':
      return 'look at the network of the daemon, then run `scrollback link` again';
    case 'LINK_NOT_CONNECTED':
    case 'MEDIA_NOT_AVAILABLE':
      return 'run `scrollback link`, or wait until `scrollback sessions` shows it as online';
    case 'MEDIA_POLICY':
      return 'change that with `scrollback sessions update ID --media on-demand`';
    case 'SESSION_UNAVAILABLE':
      return "try again in a moment; when that does not help, the daemon's log says why";
    case 'SHUTTING_DOWN':
    case 'MAILBOX_FULL':
      return 'try again in a moment';
    default:
      return undefined;
  }
}

/** What to do when WhatsApp refuses a link, by the state that says why. */
const linkAdvice: Readonly<Record<string, string>> = {
  replaced: 'stop it (a copy of the data directory?), then run `scrollback link` again',
  banned: 'see what WhatsApp says on the phone, then run `scrollback link` again',
  outdated: 'update Scrollback, or raise SCROLLBACK_WHATSAPP_VERSION for the daemon',
  refused: 'look at the network of the daemon and at its SCROLLBACK_WHATSAPP_URL, then run `scrollback link` again',
};
