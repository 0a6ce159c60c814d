import type { Command } from 'commander';
import { resolveAddress } from './address.js';
import type { Connection } from './client.js';
import { connect } from './client.js';
import { describeFailure, Failure, Interrupted, UsageError } from './failure.js';
import { Output } from './print.js';

/** The options that every client command has. */
export interface ClientOptions {
  address?: string;
  json?: true;
}

/** What a client command works with. */
export interface Run {
  connection: Connection;
  output: Output;
  /** Aborts on Ctrl-C, with an `Interrupted`. */
  signal: AbortSignal;
}

/** Adds the options that every client command has. */
export function withClientOptions(command: Command): Command {
  return command
    .option('--json', 'print the proto3 JSON of each resource, one per line')
    .option('--address <address>', 'the daemon, HOST:PORT or unix:/PATH (default: $SCROLLBACK_ADDRESS)');
}

/**
 * Makes a command the one that its group runs without a word (`scrollback sessions`). A word that names no command of the group
 * comes to it; commander would call that too many arguments.
 */
export function standsForGroup(list: Command, group: string): Command {
  return list.allowExcessArguments().hook('preAction', (_, command) => {
    const [word] = command.args;
    if (word !== undefined) {
      throw new UsageError(`${group} has no command '${word}'; \`scrollback ${group} --help\` lists those that it has`);
    }
  });
}

/**
 * Connects, works and closes the connection. Ctrl-C aborts the signal; a second one ends the process at once. Throws
 * only `Failure`, `UsageError` and `Interrupted`, with the line to show.
 */
export async function runClient(options: ClientOptions, work: (run: Run) => Promise<void>): Promise<void> {
  const address = resolveAddress(options.address, process.env);
  const aborter = new AbortController();
  const stop = (signal: 'SIGINT' | 'SIGTERM'): void => {
    const interrupted = new Interrupted(signal);
    if (aborter.signal.aborted) process.exit(interrupted.exitCode);
    aborter.abort(interrupted);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  const connection = connect(address);
  try {
    await work({ connection, output: new Output(options.json === true), signal: aborter.signal });
  } catch (error) {
    if (error instanceof Interrupted || error instanceof UsageError) throw error;
    throw new Failure(describeFailure(error, address), { cause: error });
  } finally {
    connection.close();
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}
