/**
 * Whether a full disk, or a used-up quota, is behind an error: it, or what caused it. Node tells it by a code. LevelDB reports every
 * failed system call as an I/O error, with the system's text.
 */
export function isDiskFull(error: unknown): boolean {
  let at = error;
  for (let depth = 0; at instanceof Error && depth < MAX_CAUSES; depth++, at = at.cause) {
    if ('code' in at && (at.code === 'ENOSPC' || at.code === 'EDQUOT')) return true;
    if (SYSTEM_TEXT.test(at.message)) return true;
  }
  return false;
}

const SYSTEM_TEXT = /No space left on device|Disk quota exceeded/;

/** Ours are four deep at most (call, session, store, LevelDB); nothing keeps an error from being its own cause. */
const MAX_CAUSES = 8;
