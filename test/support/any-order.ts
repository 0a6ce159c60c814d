import fc from 'fast-check';
import type { LiveEvent } from '../../src/domain/live-event.js';
import type { HistoryStore } from '../../src/store/history-store.js';
import { importDrafts } from './history.js';
import { recordAll } from './live-events.js';
import type { MessageDraft } from './page-builder.js';

/** Brings everything into a history, in the order of one try and in commits of its sizes. */
export type Bring = (store: HistoryStore) => Promise<void>;

/** Calls `check` with live events and messages of a backup as they stand, one by one, and then in orders and commits of chance. */
export async function inAnyOrder(
  live: LiveEvent[],
  backup: MessageDraft[],
  check: (bring: Bring) => Promise<void>,
): Promise<void> {
  type Step = { live: LiveEvent } | { backup: MessageDraft };
  const steps: Step[] = [...live.map((event) => ({ live: event })), ...backup.map((draft) => ({ backup: draft }))];
  const run = (order: Step[], sizes: number[]): Promise<void> =>
    check(async (store) => {
      for (let at = 0, n = 0; at < order.length; n++) {
        const some = order.slice(at, (at += sizes[n % sizes.length]!));
        const drafts = some.flatMap((step) => ('backup' in step ? [step.backup] : []));
        const events = some.flatMap((step) => ('live' in step ? [step.live] : []));
        if (events.length > 0) await recordAll(store, events);
        if (drafts.length > 0) await importDrafts(store, drafts);
      }
    });
  await run(steps, [1]);
  await fc.assert(
    fc.asyncProperty(
      fc.shuffledSubarray(steps, { minLength: steps.length }),
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
      run,
    ),
    { numRuns: 60 },
  );
}
