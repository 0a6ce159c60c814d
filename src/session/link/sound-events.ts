import { DomainError } from '../../domain/fault.js';
import type { LiveEvent } from '../../domain/live-event.js';
import type { Commit } from '../../store/commit.js';
import type { HistoryStore } from '../../store/history-store.js';
import type { Session } from '../session.js';

/** True for what went wrong with what is to be recorded, and not with the store or the session, which will do it later. */
export function isUnrecordable(error: unknown, store: HistoryStore): boolean {
  return store.failure === undefined && !(error instanceof DomainError);
}

/**
 * Those of some events that can be recorded, found by recording each in a commit that is never written. One that cannot must not keep the
 * others from it.
 */
export async function soundEvents(
  session: Pick<Session, 'commit'>,
  store: HistoryStore,
  events: LiveEvent[],
  record: (commit: Commit, events: LiveEvent[]) => Promise<unknown>,
): Promise<LiveEvent[]> {
  const sound: LiveEvent[] = [];
  for (const event of events) {
    const tried = new Tried();
    try {
      await session.commit(async (commit) => {
        await record(commit, [event]);
        throw tried;
      });
    } catch (error) {
      if (error === tried) sound.push(event);
      else if (!isUnrecordable(error, store)) throw error;
    }
  }
  return sound;
}

/** Thrown so that a commit is not written. */
class Tried extends Error {}
