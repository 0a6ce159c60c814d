import type { Answer, PageResult, ReadPageTask } from '../../backup/task.js';
import { taskError } from './run-context.js';

/** What is to be read of one message table. */
export interface PageRange {
  afterId: number;
  maxId: number;
  /** Pages that are read at the same time. */
  ahead: number;
}

interface Asked {
  throughId: number;
  memory: SharedArrayBuffer;
  answer: Promise<Answer<PageResult>>;
}

/** A page that was read. */
export interface ReadPage {
  result: PageResult;
  /** Lets go of the memory that the page lies in; to be called once, when nothing looks at it any more. */
  release: () => void;
}

/** What is asked of a worker. */
export type PageQuestion = Pick<ReadPageTask, 'afterId' | 'throughId' | 'maxRows' | 'maxBytes' | 'memory'>;

/**
 * Yields the pages of a table in ascending order, while the next ones are being read. Ids have gaps: a stretch without rows
 * says where the next row is, and what lies between is not asked for.
 */
export async function* readPages(
  range: PageRange,
  ask: (task: PageQuestion) => Promise<Answer<PageResult>>,
): AsyncGenerator<ReadPage, void, undefined> {
  const asked: Asked[] = [];
  // As many as are asked for and in use at a time: they are allocated once for a whole import.
  const free: SharedArrayBuffer[] = [];
  let next = range.afterId;
  const askFor = (afterId: number, throughId: number): Asked => {
    const memory = free.pop() ?? new SharedArrayBuffer(MEMORY_BYTES);
    const answer = ask({ afterId, throughId, maxRows: PAGE_ROWS, maxBytes: PAGE_BYTES, memory });
    // It is awaited in its turn; until then a rejection must not count as unhandled.
    answer.catch(() => undefined);
    return { throughId, memory, answer };
  };
  try {
    for (;;) {
      while (asked.length < range.ahead && next < range.maxId) {
        const throughId = Math.min(next + PAGE_ROWS, range.maxId);
        asked.push(askFor(next, throughId));
        next = throughId;
      }
      const head = asked.shift();
      if (head === undefined) return;
      const answer = await head.answer;
      if (!answer.ok) throw taskError(answer);
      if (answer.readThroughId < head.throughId) asked.unshift(askFor(answer.readThroughId, head.throughId));
      else if (answer.rowsRead === 0 && asked.length === 0) {
        if (answer.nextId === 0) return;
        next = Math.max(next, answer.nextId - 1);
      } else if (answer.rowsRead === 0 && answer.nextId > next) {
        next = answer.nextId - 1;
      }
      yield { result: answer, release: () => free.push(head.memory) };
    }
  } finally {
    await Promise.allSettled(asked.map(({ answer }) => answer));
  }
}

/** Rows of a page and so of a commit: about 8 ms of the main thread, and one sync for so many messages. */
const PAGE_ROWS = 2000;

/** A page of the benchmark's messages has 0.9 MB; with 64 KiB texts it ends here. */
const PAGE_BYTES = 2 * 1024 * 1024;

/** A page ends with the message that passes `PAGE_BYTES`; one that does not fit gets memory of its own. */
const MEMORY_BYTES = PAGE_BYTES + 256 * 1024;
