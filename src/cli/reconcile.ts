import type { Command } from 'commander';
import { followCreated } from './backfills.js';
import type { ClientOptions, Run } from './run.js';
import { runClient, withClientOptions } from './run.js';
import type { Instant } from './time-argument.js';
import { parseTime, timeForms } from './time-argument.js';

interface ReconcileOptions extends ClientOptions {
  session: string;
  from?: Instant;
  to?: Instant;
}

/** Adds `scrollback reconcile`. */
export function addReconcile(program: Command): void {
  const nowMs = Date.now();
  withClientOptions(
    program
      .command('reconcile')
      .summary("ask a linked session's phone for what it missed in an outage")
      .description(
        'Asks the phone of a session that is connected for the messages of a gap: in each chat with a person or a group it ' +
          'goes back from the first message that is known after the gap to the beginning of it. Messages that are there ' +
          'already are not added again. The phone must be on and online; nobody else notices. Shows how it goes and what ' +
          'was found; Ctrl-C leaves it to the daemon. With --json prints the backfill at every change.',
      )
      .requiredOption('--session <id>', 'the session')
      .option('--from <time>', 'when the gap began; without both: the latest that `coverage` shows', (text) =>
        parseTime(text, 'from', nowMs),
      )
      .option('--to <time>', 'when it ended', (text) => parseTime(text, 'to', nowMs))
      .addHelpText(
        'after',
        `
Times are ${timeForms}.

Examples:
  $ scrollback reconcile --session alice
  $ scrollback reconcile --session alice --from 2026-02-01 --to 2026-02-16T08:00:00Z`,
      ),
  ).action((options: ReconcileOptions) => runClient(options, (run) => reconcile(run, options)));
}

async function reconcile(run: Run, { session: sessionId, from, to }: ReconcileOptions): Promise<void> {
  const answer = await run.connection.sessions.reconcileSession(
    { sessionId, ...(from && { from }), ...(to && { to }) },
    { signal: run.signal },
  );
  await followCreated(run, answer.backfill);
}
