import type { Command } from 'commander';
import { LinkState, SessionSchema } from '../gen/scrollback/v1/session_service_pb.js';
import { required } from './call-error.js';
import type { ClientOptions, Run } from './run.js';
import { runClient, withClientOptions } from './run.js';
import { visible } from './terminal-text.js';

interface UnlinkOptions extends ClientOptions {
  session: string;
}

/** Adds `scrollback unlink`. */
export function addUnlink(program: Command): void {
  withClientOptions(
    program
      .command('unlink')
      .summary('take a session off its WhatsApp account')
      .description('Takes the device of a session off the WhatsApp account and forgets it. The history is kept.')
      .requiredOption('--session <id>', 'the session')
      .addHelpText(
        'after',
        `
Examples:
  $ scrollback unlink --session alice`,
      ),
  ).action((options: UnlinkOptions) => runClient(options, (run) => unlinkSession(run, options)));
}

async function unlinkSession(
  { connection, output, signal }: Run,
  { session: sessionId }: UnlinkOptions,
): Promise<void> {
  const before = required((await connection.sessions.getSession({ sessionId }, { signal })).session).link?.state;
  const { session, loggedOut } = await connection.sessions.unlinkSession({ sessionId }, { signal });
  if (output.json) return output.resources(SessionSchema, [required(session)]);
  const wasLinked = before !== undefined && !WITHOUT_DEVICE.includes(before);
  await output.lines([`session ${visible(sessionId)} ${wasLinked ? 'is not linked any more' : 'was not linked'}`]);
  if (wasLinked && !loggedOut) {
    output.note('WhatsApp could not be told: remove the device on the phone, under Linked devices');
  }
}

const WITHOUT_DEVICE: readonly LinkState[] = [
  LinkState.UNSPECIFIED,
  LinkState.UNLINKED,
  LinkState.AWAITING_SCAN,
  LinkState.LOGGED_OUT,
];
