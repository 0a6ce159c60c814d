import type { Command } from 'commander';
import { Option } from 'commander';
import { Order } from '../gen/scrollback/v1/history_service_pb.js';
import { MessageSchema } from '../gen/scrollback/v1/message_pb.js';
import { UsageError } from './failure.js';
import { defaultLimit, parseLimit } from './limit.js';
import type { FilterOptions } from './message-filter.js';
import { filterOf, withFilter } from './message-filter.js';
import { formatMessage } from './message-line.js';
import { resumeStream } from './resume.js';
import type { ClientOptions, Run } from './run.js';
import { runClient, withClientOptions } from './run.js';
import type { Instant } from './time-argument.js';
import { parseTime, timeForms } from './time-argument.js';

interface MessagesOptions extends ClientOptions, FilterOptions {
  from?: Instant;
  to?: Instant;
  limit: number;
  order: 'newest' | 'oldest';
}

/** Adds `scrollback messages`. */
export function addMessages(program: Command): void {
  const nowMs = Date.now();
  withClientOptions(
    withFilter(program.command('messages').summary('print messages of a chat or of the whole account'))
      .description(`Prints messages, the newest first. Both ends of the window are inclusive. Times are ${timeForms}.`)
      .option('--from <time>', 'only messages sent then or later', (text) => parseTime(text, 'from', nowMs))
      .option('--to <time>', 'only messages sent then or earlier', (text) => parseTime(text, 'to', nowMs))
      .option('--limit <n>', 'how many at most; 0 for all', parseLimit, defaultLimit)
      .addOption(new Option('--order <order>', 'which come first').choices(['newest', 'oldest']).default('newest'))
      .addHelpText(
        'after',
        `
Examples:
  $ scrollback messages --session alice
  $ scrollback messages --session alice --chat '+49 170 1234567' --from 2026-02-01 --to 2026-02-28
  $ scrollback messages --session alice --from 7d --kind image,video --direction in
  $ scrollback messages --session alice --limit 0 --order oldest --json > alice.jsonl`,
      ),
  ).action((options: MessagesOptions) => runClient(options, (run) => printMessages(run, options)));
}

async function printMessages({ connection, output, signal }: Run, options: MessagesOptions): Promise<void> {
  const { from, to, limit } = options;
  if (from !== undefined && to !== undefined && isAfter(from, to)) throw new UsageError('--from is after --to');
  const question = {
    ...filterOf(options),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    order: options.order === 'oldest' ? Order.OLDEST_FIRST : Order.NEWEST_FIRST,
  };
  const withChat = options.chat === undefined;
  let count = 0;
  const open = (resumeToken: string) => {
    const request = { ...question, resumeToken, limit: limit === 0 ? 0n : BigInt(limit - count) };
    return connection.history.readMessages(request, { signal });
  };
  const onLost = (): void => output.note('the daemon went away: waiting to go on');
  for await (const { messages } of resumeStream(open, { maxAttempts: 10, onLost, signal })) {
    count += messages.length;
    if (output.json) await output.resources(MessageSchema, messages);
    else await output.lines(messages.map((message) => formatMessage(message, { withChat })));
    // A stream that breaks off after its last message must not be asked for 0 more, which means all.
    if (limit !== 0 && count >= limit) break;
  }
  if (count === 0 && !output.json) output.note('no messages');
}

function isAfter(one: Instant, other: Instant): boolean {
  return one.seconds > other.seconds || (one.seconds === other.seconds && one.nanos > other.nanos);
}
