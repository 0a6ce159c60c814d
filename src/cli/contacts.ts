import type { Command } from 'commander';
import type { Contact } from '../gen/scrollback/v1/history_service_pb.js';
import { ContactSchema } from '../gen/scrollback/v1/history_service_pb.js';
import { defaultLimit, parseLimit, readPages } from './limit.js';
import { Table } from './print.js';
import type { ClientOptions, Run } from './run.js';
import { runClient, withClientOptions } from './run.js';
import { visible } from './terminal-text.js';

interface ContactsOptions extends ClientOptions {
  session: string;
  limit: number;
}

/** Adds `scrollback contacts`. */
export function addContacts(program: Command): void {
  withClientOptions(
    program
      .command('contacts')
      .summary('list the people that a session knows')
      .description('Lists people in ascending order of their addresses.')
      .requiredOption('--session <id>', 'the session')
      .option('--limit <n>', 'how many at most; 0 for all', parseLimit, defaultLimit)
      .addHelpText(
        'after',
        `
Examples:
  $ scrollback contacts --session alice
  $ scrollback contacts --session alice --limit 0 --json`,
      ),
  ).action((options: ContactsOptions) => runClient(options, (run) => printContacts(run, options)));
}

async function printContacts({ connection, output, signal }: Run, options: ContactsOptions): Promise<void> {
  const { session: sessionId, limit } = options;
  const table = new Table([{ title: 'CONTACT' }, { title: 'NAME' }, { title: 'ALSO' }]);
  let count = 0;
  const pages = readPages(limit, async (page) => {
    const { contacts, nextPageToken } = await connection.history.listContacts({ sessionId, ...page }, { signal });
    return { items: contacts, nextPageToken };
  });
  for await (const contacts of pages) {
    count += contacts.length;
    if (output.json) await output.resources(ContactSchema, contacts);
    else await output.lines(table.layOut(contacts.map(cellsOf)));
  }
  if (count === 0 && !output.json) output.note('no contacts');
}

function cellsOf({ jid, name, pushName, username, maskedNumber, alternateJids }: Contact): string[] {
  const bestName = name || pushName || username || maskedNumber;
  return [visible(jid), visible(bestName), alternateJids.map(visible).join(' ')];
}
