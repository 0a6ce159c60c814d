import type { Answer } from '../src/backup/task.js';
import { workBehindOthers } from '../src/backup/priority.js';
import type { OpenHistoryResult, OpenHistoryTask } from '../src/whatsapp/history-task.js';
import { openHistory } from '../src/whatsapp/open-history.js';

workBehindOthers();

/** Piscina's entry: unseals and inflates a chunk of history, into memory that threads share. */
export default function open(task: OpenHistoryTask): Promise<Answer<OpenHistoryResult>> {
  return openHistory(task);
}
