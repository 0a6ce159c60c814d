import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { Direction } from '../gen/scrollback/v1/history_service_pb.js';
import { MessageKind } from '../gen/scrollback/v1/message_pb.js';
import { formatEnum } from './print.js';

/** Options that choose messages. */
export interface FilterOptions {
  session: string;
  chat?: string;
  kind?: number[];
  direction?: 'in' | 'out';
}

/** Adds the options that choose messages. */
export function withFilter(command: Command): Command {
  return command
    .requiredOption('--session <id>', 'the session')
    .option('--chat <chat>', 'only this chat: a phone number or any JID (default: the whole account)')
    .option('--kind <kinds>', 'only these kinds, separated by commas: text,image,voice…', enumParser(MessageKind))
    .addOption(new Option('--direction <direction>', 'only this direction').choices(['in', 'out']));
}

/** Turns the options into the fields that ReadMessages and WatchMessages share. */
export function filterOf({ session, chat, kind, direction }: FilterOptions): {
  sessionId: string;
  chat: string;
  kinds: number[];
  direction: Direction;
} {
  const directions = { in: Direction.INCOMING, out: Direction.OUTGOING };
  return {
    sessionId: session,
    chat: chat ?? '',
    kinds: kind ?? [],
    direction: direction === undefined ? Direction.UNSPECIFIED : directions[direction],
  };
}

/** Parses words of an enum, separated by commas, into its numbers; an option may also be repeated. */
export function enumParser(names: Readonly<Record<string | number, string | number>>) {
  const numbers = new Map<string, number>();
  for (const number of Object.values(names)) {
    if (typeof number === 'number' && number !== 0) numbers.set(wordOf(names, number), number);
  }
  return (text: string, before: number[] = []): number[] => [
    ...before,
    ...text.split(',').map((word) => {
      const number = numbers.get(word.trim().toLowerCase());
      if (number === undefined) throw new InvalidArgumentError(`The kinds are: ${[...numbers.keys()].join(', ')}.`);
      return number;
    }),
  ];
}

function wordOf(names: Readonly<Record<string | number, string | number>>, number: number): string {
  return formatEnum({ [number]: String(names[number]) }, number);
}
