import type { Command } from 'commander';
import { LabelSchema } from '../gen/scrollback/v1/history_service_pb.js';
import { Table } from './print.js';
import type { ClientOptions, Run } from './run.js';
import { runClient, withClientOptions } from './run.js';
import { visible } from './terminal-text.js';

interface LabelsOptions extends ClientOptions {
  session: string;
}

/** Adds `scrollback labels`. */
export function addLabels(program: Command): void {
  withClientOptions(
    program
      .command('labels')
      .summary("list the labels of a session's owner")
      .description('Lists the labels that the owner has for chats and messages, in ascending order of their ids.')
      .requiredOption('--session <id>', 'the session')
      .addHelpText(
        'after',
        `
Examples:
  $ scrollback labels --session alice
  $ scrollback labels --session alice --json`,
      ),
  ).action((options: LabelsOptions) => runClient(options, (run) => printLabels(run, options)));
}

async function printLabels({ connection, output, signal }: Run, { session: sessionId }: LabelsOptions): Promise<void> {
  const { labels } = await connection.history.listLabels({ sessionId }, { signal });
  if (output.json) return output.resources(LabelSchema, labels);
  if (labels.length === 0) return output.note('no labels');
  const table = new Table([{ title: 'LABEL' }, { title: 'NAME' }]);
  await output.lines(table.layOut(labels.map(({ labelId, name }) => [visible(labelId), visible(name)])));
}
