import { createHash } from 'node:crypto';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { Backfill } from '../gen/scrollback/v1/backfill_service_pb.js';
import { BackfillSchema } from '../gen/scrollback/v1/backfill_service_pb.js';
import { BackupFile } from './backup-file.js';
import { describeBackfill, failureOf } from './backfill-report.js';
import { ensureSession } from './ensure-session.js';
import { Interrupted } from './failure.js';
import type { ImportPlan, Origin } from './import-run.js';
import { describeResume, ImportRun } from './import-run.js';
import { KeySource } from './key-prompt.js';
import { Progress } from './progress.js';
import type { ClientOptions, Run } from './run.js';
import { runClient, withClientOptions } from './run.js';
import { visible } from './terminal-text.js';

interface ImportOptions extends ClientOptions {
  session: string;
  keyFile?: string;
  drop?: true;
  chunk: number;
}

/** Adds `scrollback import`. */
export function addImport(program: Command): void {
  withClientOptions(
    program
      .command('import')
      .summary('import an encrypted backup into a session')
      .description(
        'Imports a backup (crypt15, crypt14, crypt12 or a plain msgstore.db) into a session, which is created when it is ' +
          'new. Asks for the 64-digit key on the terminal, without showing it; a plain msgstore.db needs none. An import ' +
          'that was interrupted goes on where it stopped when the same command is run again. Importing a backup twice ' +
          'adds nothing twice.',
      )
      .argument('<file>', 'the backup; with --drop its name in the drop directory of the daemon')
      .requiredOption('--session <id>', 'the session')
      .option('--key-file <path>', 'a file with the key: the digits, encrypted_backup.key or key; - for standard input')
      .option('--drop', 'the file lies in the drop directory of the daemon ($SCROLLBACK_DROP_DIR there)')
      .option('--chunk <kib>', 'KiB in one upload message, 16 to 3072', parseChunkKib, 512)
      .addHelpText(
        'after',
        `
Examples:
  $ scrollback import msgstore.db.crypt15 --session alice
  $ scrollback import msgstore.db.crypt15 --session alice --key-file alice.key
  $ pass show whatsapp/alice | scrollback import msgstore.db.crypt15 --session alice --key-file -
  $ scrollback import big.crypt15 --session alice --drop`,
      ),
  ).action((file: string, options: ImportOptions) => runClient(options, (run) => importBackup(run, file, options)));
}

async function importBackup(run: Run, path: string, options: ImportOptions): Promise<void> {
  if (options.drop === true) {
    const fingerprint = createHash('sha256').update(path).digest('hex').slice(0, 16);
    return importFrom(run, { kind: 'drop', fileName: path, fingerprint }, options);
  }
  const file = await BackupFile.open(path);
  try {
    await importFrom(run, { kind: 'upload', file }, options);
  } finally {
    await file.close();
  }
}

async function importFrom(run: Run, origin: Origin, options: ImportOptions): Promise<void> {
  const { connection, output, signal } = run;
  const key = new KeySource(options.keyFile, signal);
  const plan: ImportPlan = {
    sessionId: options.session,
    origin,
    key: () => key.read(),
    needsKey: origin.kind === 'upload' ? origin.file.isEncrypted : key.isGiven,
    chunkBytes: options.chunk * 1024,
  };
  const progress = new Progress(process.stderr, () => performance.now());
  const work = new ImportRun(plan, connection, progress, signal);
  let backfill: Backfill;
  try {
    const { isNew } = await ensureSession(connection, options.session, signal);
    if (isNew) output.note(`created session ${visible(options.session)}`);
    const { isResumed } = await work.begin();
    if (isResumed) output.note(`going on with backfill ${work.backfill?.backfillId ?? ''} of the same file`);
    backfill = await work.finish();
  } catch (error) {
    progress.end();
    if (error instanceof Interrupted) output.note(describeResume(work.backfill));
    throw error;
  }
  progress.end();
  if (output.json) await output.resources(BackfillSchema, [backfill]);
  const failure = failureOf(backfill);
  if (failure !== undefined) throw failure;
  if (!output.json) await output.lines(describeBackfill(backfill));
}

function parseChunkKib(text: string): number {
  const kib = Number(text);
  if (!/^\d+$/.test(text) || kib < 16 || kib > 3072) throw new InvalidArgumentError('It is a number from 16 to 3072.');
  return kib;
}
