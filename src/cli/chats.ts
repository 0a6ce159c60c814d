import type { Command } from 'commander';
import type { Chat } from '../gen/scrollback/v1/history_service_pb.js';
import { ChatKind, ChatSchema } from '../gen/scrollback/v1/history_service_pb.js';
import { defaultLimit, parseLimit, readPages } from './limit.js';
import { enumParser } from './message-filter.js';
import { formatEnum, formatTime, Table } from './print.js';
import type { ClientOptions, Run } from './run.js';
import { runClient, withClientOptions } from './run.js';
import { visible } from './terminal-text.js';

interface ChatsOptions extends ClientOptions {
  session: string;
  limit: number;
  kind?: number[];
}

/** Adds `scrollback chats`. */
export function addChats(program: Command): void {
  withClientOptions(
    program
      .command('chats')
      .summary('list the chats of a session')
      .description('Lists chats, the one with the newest message first.')
      .requiredOption('--session <id>', 'the session')
      .option('--kind <kinds>', 'only these kinds, separated by commas: direct,group…', enumParser(ChatKind))
      .option('--limit <n>', 'how many at most; 0 for all', parseLimit, defaultLimit)
      .addHelpText(
        'after',
        `
Examples:
  $ scrollback chats --session alice
  $ scrollback chats --session alice --kind group --limit 0 --json`,
      ),
  ).action((options: ChatsOptions) => runClient(options, (run) => printChats(run, options)));
}

async function printChats({ connection, output, signal }: Run, options: ChatsOptions): Promise<void> {
  const { session: sessionId, kind: kinds = [], limit } = options;
  const table = new Table([
    { title: 'LAST MESSAGE' },
    { title: 'MESSAGES', align: 'right' },
    { title: 'KIND' },
    { title: 'CHAT' },
    { title: 'NAME' },
  ]);
  let count = 0;
  const pages = readPages(limit, async (page) => {
    const { chats, nextPageToken } = await connection.history.listChats({ sessionId, kinds, ...page }, { signal });
    return { items: chats, nextPageToken };
  });
  for await (const chats of pages) {
    count += chats.length;
    if (output.json) await output.resources(ChatSchema, chats);
    else await output.lines(table.layOut(chats.map(cellsOf)));
  }
  if (count === 0 && !output.json) output.note('no chats');
}

function cellsOf(chat: Chat): string[] {
  return [
    formatTime(chat.lastMessageTime),
    String(chat.messageCount),
    formatEnum(ChatKind, chat.kind),
    visible(chat.jid),
    visible(chat.name),
  ];
}
