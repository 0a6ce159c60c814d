import { onTestFinished } from 'vitest';
import type { HistoryStore } from '../../src/store/history-store.js';
import { openHistory } from './history.js';

/** Opens a new history for the test that runs, and removes it after. */
export async function aHistory(): Promise<HistoryStore> {
  const { store, remove } = await openHistory();
  onTestFinished(remove);
  return store;
}
