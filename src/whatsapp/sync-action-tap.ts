import type { UserFacingSocketConfig } from '@whiskeysockets/baileys';

/** The library's own logger. */
export type LibraryLogger = NonNullable<UserFacingSocketConfig['logger']>;

/** One change of the app state, as the owner's devices share it. */
export interface SyncAction {
  /** What it is about: the name of the action, the chat, then what the action needs. */
  index: string[];
  value: Record<string, unknown>;
}

/**
 * Overhears what the library tells its logger of each change of the app state, in the turn in which it emits what it makes of it. Its
 * events leave out who wrote a deleted message of a group, up to when a chat was deleted, and that one was cleared.
 */
export function overhearSyncActions(logger: LibraryLogger, keep: (action: SyncAction) => void): LibraryLogger {
  const overheard: LibraryLogger = {
    get level() {
      return logger.level;
    },
    child: (bindings) => overhearSyncActions(logger.child(bindings), keep),
    trace: (told: unknown, text?: string) => {
      const action = text === TOLD_OF_EACH ? wantedOf(told) : undefined;
      if (action !== undefined) keep(action);
      logger.trace(told, text);
    },
    debug: (told: unknown, text?: string) => logger.debug(told, text),
    info: (told: unknown, text?: string) => logger.info(told, text),
    warn: (told: unknown, text?: string) => logger.warn(told, text),
    error: (told: unknown, text?: string) => logger.error(told, text),
  };
  return overheard;
}

/** What `processSyncAction` of the library says before anything else. */
const TOLD_OF_EACH = 'processing sync action';

const WANTED = new Set(['deleteMessageForMe', 'clearChat', 'deleteChat']);

function wantedOf(told: unknown): SyncAction | undefined {
  // Safety: the text says what it is told with; every property may be missing.
  const { syncAction } = told as { syncAction?: { index?: unknown; syncAction?: { value?: unknown } } };
  const { index, syncAction: data } = syncAction ?? {};
  const value = data?.value;
  if (!Array.isArray(index) || !index.every((part) => typeof part === 'string')) return undefined;
  if (!WANTED.has(index[0] ?? '') || typeof value !== 'object' || value === null) return undefined;
  // Safety: an object whose properties nothing is said of.
  return { index, value: value as Record<string, unknown> };
}
