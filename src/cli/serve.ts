import type { Command } from 'commander';

/** Adds `scrollback serve`. */
export function addServe(program: Command): void {
  program
    .command('serve')
    .summary('run the daemon')
    .description(
      'Runs the daemon until SIGTERM or Ctrl-C. Its settings come from the environment: SCROLLBACK_LISTEN (default ' +
        '127.0.0.1:50051; also unix:/PATH), SCROLLBACK_DATA_DIR (default ./data), SCROLLBACK_DROP_DIR and the limits ' +
        'that the README lists.',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ scrollback serve
  $ SCROLLBACK_LISTEN=unix:/run/scrollback/socket SCROLLBACK_DATA_DIR=/var/lib/scrollback scrollback serve`,
    )
    .action(async () => {
      // Imported here only: the clients do not wait for the daemon's modules to load.
      const { runDaemon } = await import('../main.js');
      await runDaemon();
      // All is closed and synced; only timers of the WhatsApp library may be left, which would hold the process for half a minute.
      process.exit();
    });
}
