import type { Command } from 'commander';
import { Option } from 'commander';
import type { Backfill } from '../gen/scrollback/v1/backfill_service_pb.js';
import { BackfillKind, BackfillSchema, BackfillState } from '../gen/scrollback/v1/backfill_service_pb.js';
import { describeBackfill, failureOf, formatPercent } from './backfill-report.js';
import { required } from './call-error.js';
import { KeySource } from './key-prompt.js';
import { defaultLimit, parseLimit, readPages } from './limit.js';
import { formatEnum, formatTime, Table } from './print.js';
import { Progress, stepOf } from './progress.js';
import type { ClientOptions, Run } from './run.js';
import { runClient, standsForGroup, withClientOptions } from './run.js';
import { visible } from './terminal-text.js';

interface ListOptions extends ClientOptions {
  session?: string;
  kind?: keyof typeof kinds;
  limit: number;
}

/** How kinds are typed: as they are printed. */
const kinds = {
  backup: BackfillKind.BACKUP,
  'history-sync': BackfillKind.HISTORY_SYNC,
  directory: BackfillKind.DIRECTORY,
  'older-messages': BackfillKind.OLDER_MESSAGES,
  reconciliation: BackfillKind.RECONCILIATION,
} as const;

interface ResumeOptions extends ClientOptions {
  keyFile?: string;
}

/** Adds `scrollback backfills` with its own commands. */
export function addBackfills(program: Command): void {
  const backfills = program
    .command('backfills')
    .summary('list, show, watch, cancel and resume imports and other backfills')
    .description(
      'A backfill is the job that fills a session: from a backup, or with what its link fetches. Without a command, lists ' +
        'them, with the options of list.',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ scrollback backfills --session alice
  $ scrollback backfills get ID
  $ scrollback backfills watch ID
  $ scrollback backfills resume ID --key-file alice.key
  $ scrollback backfills cancel ID`,
    );
  withClientOptions(
    standsForGroup(backfills.command('list', { isDefault: true }), 'backfills')
      .description('Lists backfills, the newest first.')
      .option('--session <id>', 'only those of this session')
      .addOption(new Option('--kind <kind>', 'only those of this kind').choices(Object.keys(kinds)))
      .option('--limit <n>', 'how many at most; 0 for all', parseLimit, defaultLimit),
  ).action((options: ListOptions) => runClient(options, (run) => listBackfills(run, options)));
  addAction(backfills, 'get', 'Shows a backfill.', async ({ connection, signal }, backfillId) => {
    const which = { case: 'backfillId', value: backfillId } as const;
    return required((await connection.backfills.getBackfill({ which }, { signal })).backfill);
  }).alias('show');
  addAction(backfills, 'cancel', 'Cancels a backfill.', async ({ connection, signal }, backfillId) =>
    required((await connection.backfills.cancelBackfill({ backfillId }, { signal })).backfill),
  );
  withClientOptions(
    backfills
      .command('watch')
      .description('Follows a backfill to its end. With --json prints it at every change.')
      .argument('<id>', 'the backfill'),
  ).action((backfillId: string, options: ClientOptions) => runClient(options, (run) => watchBackfill(run, backfillId)));
  withClientOptions(
    backfills
      .command('resume')
      .description('Gives a backfill that awaits its key the key, and goes on with it.')
      .argument('<id>', 'the backfill')
      .option('--key-file <path>', 'a file with the key; - for standard input (default: asks on the terminal)'),
  ).action((backfillId: string, options: ResumeOptions) =>
    runClient(options, async (run) => {
      const key = await new KeySource(options.keyFile, run.signal).read();
      const answer = await run.connection.backfills.resumeBackfill({ backfillId, key }, { signal: run.signal });
      await printBackfill(run, required(answer.backfill));
    }),
  );
}

function addAction(
  backfills: Command,
  name: string,
  description: string,
  act: (run: Run, backfillId: string) => Promise<Backfill>,
): Command {
  return withClientOptions(backfills.command(name).description(description).argument('<id>', 'the backfill')).action(
    (backfillId: string, options: ClientOptions) =>
      runClient(options, async (run) => printBackfill(run, await act(run, backfillId))),
  );
}

async function listBackfills({ connection, output, signal }: Run, options: ListOptions): Promise<void> {
  const { session: sessionId = '', limit } = options;
  const kind = options.kind === undefined ? BackfillKind.UNSPECIFIED : kinds[options.kind];
  const table = new Table([
    { title: 'BACKFILL' },
    { title: 'SESSION' },
    { title: 'KIND' },
    { title: 'STATE' },
    { title: 'DONE', align: 'right' },
    { title: 'CREATED' },
    { title: 'ROWS', align: 'right' },
    { title: 'ADDED', align: 'right' },
    { title: 'FILE' },
  ]);
  let count = 0;
  const pages = readPages(limit, async (page) => {
    const answer = await connection.backfills.listBackfills({ sessionId, kind, ...page }, { signal });
    return { items: answer.backfills, nextPageToken: answer.nextPageToken };
  });
  for await (const backfills of pages) {
    count += backfills.length;
    if (output.json) await output.resources(BackfillSchema, backfills);
    else await output.lines(table.layOut(backfills.map(cellsOf)));
  }
  if (count === 0 && !output.json) output.note('no backfills');
}

/** Names a backfill that a command has just created, and follows it to its end. Throws the failure that it ends with. */
export async function followCreated(run: Run, created: Backfill | undefined): Promise<void> {
  const { backfillId } = required(created);
  if (!run.output.json) run.output.note(`backfill ${visible(backfillId)}`);
  await watchBackfill(run, backfillId);
}

/** Follows a backfill to its end and shows it. Throws the failure that it ends with. */
async function watchBackfill(run: Run, backfillId: string): Promise<void> {
  const { connection, output, signal } = run;
  const progress = new Progress(process.stderr, () => performance.now());
  let last: Backfill | undefined;
  try {
    for await (const frame of connection.backfills.watchBackfill({ backfillId }, { signal })) {
      last = required(frame.backfill);
      const step = stepOf(last);
      if (output.json) await output.resources(BackfillSchema, [last]);
      else if (step !== undefined) progress.show(step);
      else if (last.state === BackfillState.AWAITING_KEY) {
        progress.note(`it needs its key again: \`scrollback backfills resume ${visible(backfillId)}\``);
      }
    }
  } finally {
    progress.end();
  }
  const failure = failureOf(required(last));
  if (failure !== undefined) throw failure;
  if (!output.json && last !== undefined) await output.lines(describeBackfill(last));
}

async function printBackfill({ output }: Run, backfill: Backfill): Promise<void> {
  if (output.json) return output.resources(BackfillSchema, [backfill]);
  await output.lines(describeBackfill(backfill));
}

function cellsOf(backfill: Backfill): string[] {
  return [
    visible(backfill.backfillId),
    visible(backfill.sessionId),
    formatEnum(BackfillKind, backfill.kind),
    formatEnum(BackfillState, backfill.state),
    formatPercent(backfill),
    formatTime(backfill.createTime),
    String(backfill.rowsRead),
    String(backfill.messagesAdded),
    visible(backfill.fileName),
  ];
}
