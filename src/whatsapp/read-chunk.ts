import { deserialize } from 'node:v8';
import type { proto } from '@whiskeysockets/baileys';
import { type Answer, causeOf, control, makeControl } from '../backup/task.js';
import { HistoryGone } from '../domain/history-gone.js';
import type { LiveEvent } from '../domain/live-event.js';
import type { Me } from './addresses.js';
import { fetchHistory } from './download-history.js';
import { type HistoryCursor, type HistoryParser, historyStart, type ReadHistoryResult } from './history-task.js';
import type { Fetch } from './media-host.js';

/** Lets a few do something at a time; the others wait for their turn, unless the signal aborts. */
export interface HistoryTurns {
  take(signal: AbortSignal): Promise<() => void>;
}

/** What reading a chunk needs. */
export interface ChunkDependencies {
  parser: HistoryParser;
  turns: HistoryTurns;
  fetch: Fetch;
}

/**
 * Fetches a chunk of history and yields what it tells, part by part: the threads convert a part when it is asked for. Throws
 * `HistoryGone` when the chunk can never be had, and after the last part when some of its messages make no sense.
 */
export async function* readChunk(
  notification: proto.Message.IHistorySyncNotification,
  about: { me: Me; asOfMs: number },
  { parser, turns, fetch }: ChunkDependencies,
  signal: AbortSignal,
): AsyncGenerator<LiveEvent[]> {
  const task = { control: makeControl() };
  const cancel = (): void => void Atomics.store(new Int32Array(task.control), control.cancel, 1);
  signal.addEventListener('abort', cancel, { once: true });
  const endTurn = await turns.take(signal);
  try {
    signal.throwIfAborted();
    const { pieces, seal } = await fetchHistory(notification, fetch, signal);
    const opened = fulfilled(await parser.openHistory({ ...task, pieces, seal, maxInflatedBytes: MAX_INFLATED_BYTES }));
    if (opened.state === 'broken') throw new Error(opened.problem);
    let unreadable = 0;
    for (let cursor: HistoryCursor | undefined = historyStart; cursor !== undefined;) {
      const part: ReadHistoryResult = fulfilled(
        await parser.readHistory({ ...task, ...about, content: opened.content, cursor }),
      );
      unreadable += part.unreadable;
      cursor = part.next;
      // Safety: `read-history.ts` has serialised it.
      yield deserialize(part.events) as LiveEvent[];
    }
    if (unreadable > 0) throw new HistoryGone('messages of a chunk of history cannot be read');
  } finally {
    endTurn();
    signal.removeEventListener('abort', cancel);
  }
}

/** What was asked for. What the phone itself sealed will not be better when it comes again. */
function fulfilled<T>(answer: Answer<T>): T {
  if (answer.ok) return answer;
  const { reason } = answer.fault;
  if (reason === 'DAMAGED' || reason === 'BACKUP_TOO_LARGE') throw new HistoryGone('a chunk of history cannot be read');
  throw new Error(`reading a chunk of history ended with ${reason}`, { cause: causeOf(answer) });
}

/** Chunks that were seen have some MB; a deflated text may grow tenfold. */
const MAX_INFLATED_BYTES = 256 * 1024 * 1024;
