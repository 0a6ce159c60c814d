import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { create } from '@bufbuild/protobuf';
import type { WatchMessagesResponse } from '../gen/scrollback/v1/history_service_pb.js';
import { WatchMessagesResponseSchema } from '../gen/scrollback/v1/history_service_pb.js';
import { MessageSchema } from '../gen/scrollback/v1/message_pb.js';
import { required } from './call-error.js';
import type { FilterOptions } from './message-filter.js';
import { filterOf, withFilter } from './message-filter.js';
import { formatMessage } from './message-line.js';
import type { Output } from './print.js';
import { resumeStream } from './resume.js';
import type { ClientOptions, Run } from './run.js';
import { runClient, withClientOptions } from './run.js';
import { visible } from './terminal-text.js';

/** How often in a row a watch tries to reach the daemon again: some five minutes. */
const maxAttempts = 80;

interface WatchOptions extends ClientOptions, FilterOptions {
  after?: bigint;
}

/** Adds `scrollback watch`. */
export function addWatch(program: Command): void {
  withClientOptions(
    withFilter(program.command('watch').summary('print messages as they are stored and changed'))
      .description(
        'Prints what is stored and changed from now on, until Ctrl-C: "+" for a new message, "~" for a changed one, "-" ' +
          'for one that is gone. Goes on without a gap when the daemon restarts. With --json a line is a Message, or a ' +
          'WatchMessagesResponse with one key in "removed".',
      )
      .option('--after <revision>', 'begin after this revision; 0 for everything (default: now)', parseRevision)
      .addHelpText(
        'after',
        `
Examples:
  $ scrollback watch --session alice
  $ scrollback watch --session alice --chat 120363041234567890@g.us
  $ scrollback watch --session alice --after 0 --json`,
      ),
  ).action((options: WatchOptions) => runClient(options, (run) => watchMessages(run, options)));
}

async function watchMessages({ connection, output, signal }: Run, options: WatchOptions): Promise<void> {
  const filter = filterOf(options);
  const { sessionId } = filter;
  const now = async (): Promise<bigint> =>
    required((await connection.sessions.getSession({ sessionId }, { signal })).session).revision;
  const afterRevision = options.after ?? (await now());
  const open = (resumeToken: string) =>
    connection.history.watchMessages({ ...filter, afterRevision, resumeToken }, { signal });
  const onLost = (): void => output.note('the daemon went away: waiting for it');
  for await (const frame of resumeStream(open, { maxAttempts, onLost, signal })) {
    await printFrame(output, frame, { withChat: options.chat === undefined });
  }
}

async function printFrame(output: Output, frame: WatchMessagesResponse, view: { withChat: boolean }): Promise<void> {
  if (output.json) {
    await output.resources(MessageSchema, frame.messages);
    const removals = frame.removed.map((key) => create(WatchMessagesResponseSchema, { removed: [key] }));
    return output.resources(WatchMessagesResponseSchema, removals);
  }
  await output.lines([
    ...frame.messages.map((message) => {
      const mark = message.createRevision === message.revision ? '+' : '~';
      return `${mark} ${formatMessage(message, view)}`;
    }),
    ...frame.removed.map(({ chatJid, messageId }) => `- ${visible(chatJid)}  ${visible(messageId)}  gone`),
  ]);
}

function parseRevision(text: string): bigint {
  if (!/^\d{1,19}$/.test(text)) throw new InvalidArgumentError('It is a whole number.');
  return BigInt(text);
}
