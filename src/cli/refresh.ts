import type { Command } from 'commander';
import { followCreated } from './backfills.js';
import type { ClientOptions } from './run.js';
import { runClient, withClientOptions } from './run.js';

interface RefreshOptions extends ClientOptions {
  session: string;
}

/** Adds `scrollback refresh`. */
export function addRefresh(program: Command): void {
  withClientOptions(
    program
      .command('refresh')
      .summary("fetch a linked session's contacts and groups from WhatsApp")
      .description(
        'Fetches the address book and all groups with their members from WhatsApp, by the link of a session that is connected, ' +
          'and brings what is stored up to date. Shows how it goes and what was found; Ctrl-C leaves it to the daemon. With ' +
          '--json prints the backfill at every change.',
      )
      .requiredOption('--session <id>', 'the session')
      .addHelpText('after', '\nExample:\n  $ scrollback refresh --session alice'),
  ).action(({ session: sessionId, ...options }: RefreshOptions) =>
    runClient(options, async (run) => {
      const source = { case: 'directory', value: {} } as const;
      const answer = await run.connection.backfills.createBackfill({ sessionId, source }, { signal: run.signal });
      await followCreated(run, answer.backfill);
    }),
  );
}
