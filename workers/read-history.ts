import { move, transferableSymbol, valueSymbol } from 'piscina';
import type { Answer } from '../src/backup/task.js';
import { workBehindOthers } from '../src/backup/priority.js';
import type { ReadHistoryResult, ReadHistoryTask } from '../src/whatsapp/history-task.js';
import { readHistory } from '../src/whatsapp/read-history.js';

workBehindOthers();

/** Piscina's entry: converts a part of a chunk of history. Its bytes change hands instead of being copied. */
export default function read(task: ReadHistoryTask): Answer<ReadHistoryResult> {
  const answer = readHistory(task);
  if (!answer.ok) return answer;
  const parcel = { [transferableSymbol]: answer.events.buffer, [valueSymbol]: answer };
  // Safety: piscina unpacks the parcel, so that the caller gets the answer in it.
  return move(parcel) as unknown as Answer<ReadHistoryResult>;
}
