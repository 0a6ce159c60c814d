import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { Command } from 'commander';
import type { Coverage } from '../gen/scrollback/v1/history_service_pb.js';
import { CoverageSchema } from '../gen/scrollback/v1/history_service_pb.js';
import { Source } from '../gen/scrollback/v1/message_pb.js';
import { required } from './call-error.js';
import { formatEnum, formatTime, Table } from './print.js';
import type { ClientOptions, Run } from './run.js';
import { runClient, withClientOptions } from './run.js';

interface CoverageOptions extends ClientOptions {
  session: string;
  chat?: string;
}

/** Adds `scrollback coverage`. */
export function addCoverage(program: Command): void {
  withClientOptions(
    program
      .command('coverage')
      .summary('show which times are known to be complete, and the gaps')
      .description(
        'Lists the stretches of time of which everything is stored, who says so, and the gaps between them, in order of time.',
      )
      .requiredOption('--session <id>', 'the session')
      .option('--chat <chat>', 'of this chat: a phone number or any JID (default: what holds for every chat)')
      .addHelpText(
        'after',
        `
Examples:
  $ scrollback coverage --session alice
  $ scrollback coverage --session alice --chat +491701234567 --json`,
      ),
  ).action((options: CoverageOptions) => runClient(options, (run) => printCoverage(run, options)));
}

async function printCoverage({ connection, output, signal }: Run, options: CoverageOptions): Promise<void> {
  const { session: sessionId, chat = '' } = options;
  const answer = await connection.history.getCoverage({ sessionId, chat }, { signal });
  const coverage = required(answer.coverage);
  if (output.json) return output.resources(CoverageSchema, [coverage]);
  const table = new Table([{ title: 'FROM' }, { title: 'TO' }, { title: 'KNOWN BY' }]);
  await output.lines(table.layOut(rowsOf(coverage)));
  const { length } = coverage.gaps;
  const count = length === 0 ? 'no gaps' : length === 1 ? '1 gap' : `${String(length)} gaps`;
  output.note(
    coverage.stretches.length + length === 0 ? 'nothing is known' : `${count} until ${formatTime(coverage.asOfTime)}`,
  );
}

function rowsOf({ stretches, gaps }: Coverage): string[][] {
  const known = stretches.map((stretch) => ({ ...stretch, by: formatEnum(Source, stretch.source) }));
  const all = [...known, ...gaps.map((gap) => ({ ...gap, by: '(gap)' }))];
  return all
    .map((row) => ({ ...row, startMs: row.fromTime === undefined ? 0 : timestampMs(row.fromTime) }))
    .sort((a, b) => a.startMs - b.startMs)
    .map(({ fromTime, toTime, by }) => [
      fromTime === undefined ? 'the beginning' : formatTime(fromTime),
      formatTime(toTime),
      by,
    ]);
}
