import type { UserFacingSocketConfig } from '@whiskeysockets/baileys';

/** The library's own logger. */
export type LibraryLogger = NonNullable<UserFacingSocketConfig['logger']>;

/** One change of the app state, as the owner's devices share it. */
export interface SyncAction {
  /** What it is about: the name of the action, the chat, then what the action needs. */
  index: string[];
  value: Record<string, unknown>;
}

/** What is done with what was overheard, in the turn in which the library tells it. */
export interface Overheard {
  /** A change of the app state that the library's events do not tell, or not wholly. */
  syncAction: (action: SyncAction) => void;
  /** The library is about to acknowledge a message, by the attributes of its stanza: the very object that came. */
  acknowledges: (attrs: object) => void;
}

/**
 * Listens to what the library tells its logger, and nobody else. Its events leave out who wrote a deleted or a labelled message, up to
 * when a chat was deleted, and that one was cleared; and that it gave up on a message before it tried to decrypt it.
 */
export function overhear(logger: LibraryLogger, overheard: Overheard): LibraryLogger {
  const listening: LibraryLogger = {
    get level() {
      return logger.level;
    },
    child: (bindings) => overhear(logger.child(bindings), overheard),
    trace: (told: unknown, text?: string) => {
      const action = text === TOLD_OF_EACH ? wantedOf(told) : undefined;
      if (action !== undefined) overheard.syncAction(action);
      logger.trace(told, text);
    },
    debug: (told: unknown, text?: string) => {
      const attrs = text === TOLD_OF_ACK ? messageOf(told) : undefined;
      if (attrs !== undefined) overheard.acknowledges(attrs);
      logger.debug(told, text);
    },
    info: (told: unknown, text?: string) => logger.info(told, text),
    warn: (told: unknown, text?: string) => logger.warn(told, text),
    error: (told: unknown, text?: string) => logger.error(told, text),
  };
  return listening;
}

/** What `processSyncAction` of the library says before anything else. */
const TOLD_OF_EACH = 'processing sync action';

/** What its `sendMessageAck` says right before it sends. */
const TOLD_OF_ACK = 'sent ack';

function messageOf(told: unknown): object | undefined {
  // Safety: as below.
  const { recv } = told as { recv?: { tag?: unknown; attrs?: unknown } };
  return recv?.tag === 'message' && typeof recv.attrs === 'object' ? (recv.attrs ?? undefined) : undefined;
}

const WANTED = new Set(['deleteMessageForMe', 'clearChat', 'deleteChat', 'label_message']);

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
