import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { followCreated } from './backfills.js';
import type { ClientOptions, Run } from './run.js';
import { runClient, withClientOptions } from './run.js';
import type { Instant } from './time-argument.js';
import { parseTime, timeForms } from './time-argument.js';

interface OlderOptions extends ClientOptions {
  session: string;
  chat?: string;
  until?: Instant;
  max?: number;
}

/** Adds `scrollback older`. */
export function addOlder(program: Command): void {
  const nowMs = Date.now();
  withClientOptions(
    program
      .command('older')
      .summary("ask a linked session's phone for older messages")
      .description(
        'Asks the phone of a session that is connected for messages that are older than those that are known, in one chat or ' +
          'in all with a person or a group, 50 at a time and with pauses. The phone must be on and online; nobody else ' +
          'notices. Shows how it goes and what was found; Ctrl-C leaves it to the daemon. With --json prints the backfill ' +
          'at every change.',
      )
      .requiredOption('--session <id>', 'the session')
      .option('--chat <address>', 'only this chat: a JID, or a phone number with its country code')
      .option('--until <time>', 'go back to this time (default: as far as the phone does)', (text) =>
        parseTime(text, 'from', nowMs),
      )
      .option('--max <n>', 'end a chat after so many messages that were not known; 0 for all (default: 0)', parseMax)
      .addHelpText(
        'after',
        `
Times are ${timeForms}.

Examples:
  $ scrollback older --session alice --until 2024-01-01
  $ scrollback older --session alice --chat '+49 170 1234567' --max 500`,
      ),
  ).action((options: OlderOptions) => runClient(options, (run) => askForOlder(run, options)));
}

async function askForOlder(run: Run, { session: sessionId, chat = '', until, max = 0 }: OlderOptions): Promise<void> {
  const value = { chat, maxMessages: max, ...(until === undefined ? {} : { untilTime: until }) };
  const source = { case: 'olderMessages', value } as const;
  const answer = await run.connection.backfills.createBackfill({ sessionId, source }, { signal: run.signal });
  await followCreated(run, answer.backfill);
}

function parseMax(text: string): number {
  const max = Number(text);
  if (!/^\d+$/.test(text) || max >= 2 ** 32) throw new InvalidArgumentError('It is a whole number, and 0 means all.');
  return max;
}
