import { move, transferableSymbol, valueSymbol } from 'piscina';
import { readPage } from '../src/backup/msgstore/read-page.js';
import type { Answer, PageResult, ReadPageTask } from '../src/backup/task.js';
import { workBehindOthers } from '../src/backup/priority.js';

workBehindOthers();

/** Piscina's entry: reads a page of messages. Its bytes are shared, or change hands, instead of being copied. */
export default function page(task: ReadPageTask): Answer<PageResult> {
  const answer = readPage(task);
  if (!answer.ok || answer.page.buffer instanceof SharedArrayBuffer) return answer;
  const parcel = { [transferableSymbol]: answer.page.buffer, [valueSymbol]: answer };
  // Safety: piscina unpacks the parcel, so that the caller gets the answer in it.
  return move(parcel) as unknown as Answer<PageResult>;
}
