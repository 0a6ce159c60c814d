import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { Session } from '../gen/scrollback/v1/session_service_pb.js';
import { LinkState, MediaPolicy, SessionSchema, SessionState } from '../gen/scrollback/v1/session_service_pb.js';
import { required } from './call-error.js';
import { Failure } from './failure.js';
import { defaultLimit, parseLimit, readPages } from './limit.js';
import { formatEnum, formatTime, Table } from './print.js';
import type { ClientOptions, Run } from './run.js';
import { runClient, standsForGroup, withClientOptions } from './run.js';
import { visible } from './terminal-text.js';

interface ListOptions extends ClientOptions {
  limit: number;
}

interface CreateOptions extends ClientOptions {
  name: string;
  media?: MediaWord;
}

interface UpdateOptions extends ClientOptions {
  name?: string;
  media?: MediaWord;
}

type MediaWord = keyof typeof mediaPolicies;

const mediaPolicies = {
  none: MediaPolicy.NONE,
  'on-demand': MediaPolicy.ON_DEMAND,
  all: MediaPolicy.ALL,
} as const;

interface DeleteOptions extends ClientOptions {
  yes?: true;
}

/** Adds `scrollback sessions` with its own commands. */
export function addSessions(program: Command): void {
  const sessions = program
    .command('sessions')
    .summary('list, show, create, change and delete sessions')
    .description(
      'A session is one WhatsApp account with its whole history. Without a command, lists them, with the options of list.',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ scrollback sessions
  $ scrollback sessions create alice --name 'Alice, sales'
  $ scrollback sessions get alice --json
  $ scrollback sessions update alice --media all
  $ scrollback sessions delete alice`,
    );
  withClientOptions(
    standsForGroup(sessions.command('list', { isDefault: true }), 'sessions')
      .description('Lists sessions in ascending order of their ids.')
      .option('--limit <n>', 'how many at most; 0 for all', parseLimit, defaultLimit),
  ).action((options: ListOptions) => runClient(options, (run) => listSessions(run, options)));
  withClientOptions(
    sessions.command('get').alias('show').description('Shows a session.').argument('<id>', 'the session'),
  ).action((sessionId: string, options: ClientOptions) =>
    runClient(options, async (run) => {
      const { session } = await run.connection.sessions.getSession({ sessionId }, { signal: run.signal });
      await printSessions(run, [required(session)], newTable());
    }),
  );
  withClientOptions(
    sessions
      .command('create')
      .description('Creates a session.')
      .argument('<id>', '1 to 63 of a-z 0-9 - _')
      .option('--name <name>', 'a name for people', '')
      .addOption(mediaOption().default('on-demand')),
  ).action((sessionId: string, options: CreateOptions) =>
    runClient(options, async (run) => {
      const request = { sessionId, displayName: options.name, mediaPolicy: policyOf(options) };
      const { session } = await run.connection.sessions.createSession(request, { signal: run.signal });
      await printSessions(run, [required(session)], newTable());
    }),
  );
  withClientOptions(
    sessions
      .command('update')
      .description('Changes the name or the media policy of a session, and leaves the rest as it is.')
      .argument('<id>', 'the session')
      .option('--name <name>', 'a name for people')
      .addOption(mediaOption()),
  ).action((sessionId: string, options: UpdateOptions) =>
    runClient(options, async (run) => {
      const { name: displayName } = options;
      const named = displayName === undefined ? {} : { displayName };
      const request = { sessionId, mediaPolicy: policyOf(options), ...named };
      const { session } = await run.connection.sessions.updateSession(request, { signal: run.signal });
      await printSessions(run, [required(session)], newTable());
    }),
  );
  withClientOptions(
    sessions
      .command('delete')
      .description('Deletes a session with its history. This cannot be undone.')
      .argument('<id>', 'the session')
      .option('--yes', 'do not ask'),
  ).action((sessionId: string, options: DeleteOptions) =>
    runClient(options, (run) => deleteSession(run, sessionId, options)),
  );
}

function mediaOption(): Option {
  return new Option('--media <policy>', 'which files of messages it fetches').choices(Object.keys(mediaPolicies));
}

function policyOf({ media }: { media?: MediaWord }): MediaPolicy {
  return media === undefined ? MediaPolicy.UNSPECIFIED : mediaPolicies[media];
}

async function listSessions(run: Run, { limit }: ListOptions): Promise<void> {
  const { connection, output, signal } = run;
  const table = newTable();
  let count = 0;
  const pages = readPages(limit, async (page) => {
    const answer = await connection.sessions.listSessions(page, { signal });
    return { items: answer.sessions, nextPageToken: answer.nextPageToken };
  });
  for await (const sessions of pages) {
    count += sessions.length;
    await printSessions(run, sessions, table);
  }
  if (count === 0 && !output.json) output.note('no sessions: `scrollback import FILE --session ID` makes one');
}

async function deleteSession(run: Run, sessionId: string, { yes }: DeleteOptions): Promise<void> {
  const { connection, output, signal } = run;
  if (yes !== true) {
    if (!process.stdin.isTTY || !process.stderr.isTTY)
      throw new Failure('deleting cannot be undone: confirm with --yes');
    const { session } = await connection.sessions.getSession({ sessionId }, { signal });
    const { messageCount } = required(session);
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    try {
      const question = `Delete session ${visible(sessionId)} with its ${String(messageCount)} messages for good? Type its id: `;
      const answer = await terminal.question(question, { signal });
      if (answer.trim() !== sessionId) throw new Failure('nothing was deleted');
    } finally {
      terminal.close();
    }
  }
  await connection.sessions.deleteSession({ sessionId }, { signal });
  output.note(`deleted session ${visible(sessionId)}`);
}

function newTable(): Table {
  return new Table([
    { title: 'SESSION' },
    { title: 'STATE' },
    { title: 'LINK' },
    { title: 'MESSAGES', align: 'right' },
    { title: 'CHATS', align: 'right' },
    { title: 'REVISION', align: 'right' },
    { title: 'CREATED' },
    { title: 'NAME' },
  ]);
}

async function printSessions({ output }: Run, sessions: Session[], table: Table): Promise<void> {
  if (output.json) return output.resources(SessionSchema, sessions);
  const cellsOf = (session: Session): string[] => [
    visible(session.sessionId),
    formatEnum(SessionState, session.state),
    session.link === undefined ? '-' : formatEnum(LinkState, session.link.state),
    String(session.messageCount),
    String(session.chatCount),
    String(session.revision),
    formatTime(session.createTime),
    visible(session.displayName || session.ownerName),
  ];
  await output.lines(table.layOut(sessions.map(cellsOf)));
}
