import { isDiskFull } from './domain/disk-full.js';

/** Says in one line why the daemon cannot use its data directory, and what to do about it. */
export function explainStart(error: unknown, dataDirectory: string): string {
  const { codes, text } = rootOf(error);
  const has = (...names: string[]): boolean => names.some((name) => codes.includes(name));
  if (has('LEVEL_LOCKED')) {
    return `another daemon uses ${dataDirectory}: stop it, or set SCROLLBACK_DATA_DIR to another directory`;
  }
  const what = `the data directory ${dataDirectory} cannot be opened (${text})`;
  if (isDiskFull(error)) return `${what}: free some space on its disk`;
  if (has('EACCES', 'EPERM', 'EROFS') || UNWRITABLE.test(text)) {
    return `${what}: it must be writable for the user that the daemon runs as`;
  }
  if (has('EMFILE', 'ENFILE') || /too many open files/i.test(text)) {
    return `${what}: let the daemon open more files (LimitNOFILE= of a unit, ulimit -n of a shell)`;
  }
  if (has('ENOTDIR', 'EEXIST', 'ENOENT')) {
    return `${what}: it, and all above it, must be directories; is a disk not mounted, or mounted read-only?`;
  }
  // What is left is damage, as LevelDB or the daemon itself words it. The registry is small and has no second copy.
  return `${what}: if it is damaged, put back a whole copy of the directory that was made while no daemon ran`;
}

/** LevelDB tells by the system's text what it has no code for. */
const UNWRITABLE = /permission denied|not permitted|read-only file system/i;

/** The codes of an error and of what caused it, and what the deepest of them says. */
function rootOf(error: unknown): { codes: string[]; text: string } {
  const codes: string[] = [];
  let text = String(error);
  let at = error;
  // Ours are three deep at most; nothing keeps an error from being its own cause.
  for (let depth = 0; at instanceof Error && depth < 8; depth++, at = at.cause) {
    if ('code' in at) codes.push(String(at.code));
    text = at.message;
  }
  return { codes, text };
}
