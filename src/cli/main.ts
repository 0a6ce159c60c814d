#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addBackfills } from './backfills.js';
import { addChats } from './chats.js';
import { addContacts } from './contacts.js';
import { addCoverage } from './coverage.js';
import { describeOutputProblem, exitCodeOf, Interrupted } from './failure.js';
import { addGroups } from './groups.js';
import { addImport } from './import.js';
import { addLabels } from './labels.js';
import { addLink } from './link.js';
import { addMedia } from './media.js';
import { addMessages } from './messages.js';
import { addReconcile } from './reconcile.js';
import { addRefresh } from './refresh.js';
import { addOlder } from './older.js';
import { addServe } from './serve.js';
import { addSessions } from './sessions.js';
import { visible } from './terminal-text.js';
import { addUnlink } from './unlink.js';
import { addWatch } from './watch.js';

/** The command line `scrollback`. Exit codes: 0 done, 1 failed, 2 typed wrongly, 128 + n stopped by signal n. */
const program = new Command('scrollback')
  .description('Keeps the WhatsApp history of many accounts and streams it over gRPC.')
  .version(readVersion())
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'scrollback: ')) })
  .addHelpText(
    'after',
    `
Environment:
  SCROLLBACK_ADDRESS  the daemon that the commands talk to (default 127.0.0.1:50051; also unix:/PATH)

Examples:
  $ scrollback serve
  $ scrollback import msgstore.db.crypt15 --session alice
  $ scrollback messages --session alice --limit 20`,
  );

addServe(program);
addImport(program);
addMessages(program);
addWatch(program);
addMedia(program);
addChats(program);
addCoverage(program);
addContacts(program);
addGroups(program);
addLabels(program);
addSessions(program);
addBackfills(program);
addLink(program);
addUnlink(program);
addRefresh(program);
addOlder(program);
addReconcile(program);

// A reader that has seen enough (`| head`) is no failure; a disk that is full is one.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`scrollback: ${describeOutputProblem(error)}\n`);
  process.exit(1);
});

// What is told beside the result (progress, hints) may have no reader, or no room: the work goes on.
process.stderr.on('error', () => undefined);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    process.exitCode = exitCodeOf(error);
    if (!(error instanceof Interrupted)) {
      process.stderr.write(`scrollback: ${visible(error instanceof Error ? error.message : String(error))}\n`);
    }
  }
}

function readVersion(): string {
  // From dist/src/cli/ to the root of the package.
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  const parsed: unknown = JSON.parse(text);
  const hasVersion = typeof parsed === 'object' && parsed !== null && 'version' in parsed;
  return hasVersion && typeof parsed.version === 'string' ? parsed.version : 'unknown';
}
