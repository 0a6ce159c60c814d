import type { Command } from 'commander';
import type { Group, GroupMember, PastGroupMember } from '../gen/scrollback/v1/history_service_pb.js';
import { GroupRank, GroupSchema } from '../gen/scrollback/v1/history_service_pb.js';
import { defaultLimit, parseLimit, readPages } from './limit.js';
import { formatEnum, formatTime, Table } from './print.js';
import type { ClientOptions, Run } from './run.js';
import { runClient, withClientOptions } from './run.js';
import { visible } from './terminal-text.js';

interface GroupsOptions extends ClientOptions {
  session: string;
  limit: number;
  members?: true;
}

/** Adds `scrollback groups`. */
export function addGroups(program: Command): void {
  withClientOptions(
    program
      .command('groups')
      .summary('list the groups of a session')
      .description('Lists groups in ascending order of their addresses. With --json the members are always there.')
      .requiredOption('--session <id>', 'the session')
      .option('--members', 'also list the members with their ranks, and who left')
      .option('--limit <n>', 'how many groups at most; 0 for all', parseLimit, defaultLimit)
      .addHelpText(
        'after',
        `
Examples:
  $ scrollback groups --session alice
  $ scrollback groups --session alice --members --limit 0`,
      ),
  ).action((options: GroupsOptions) => runClient(options, (run) => printGroups(run, options)));
}

async function printGroups({ connection, output, signal }: Run, options: GroupsOptions): Promise<void> {
  const { session: sessionId, limit, members } = options;
  const table = new Table([{ title: 'GROUP' }, { title: 'MEMBERS', align: 'right' }, { title: 'SUBJECT' }]);
  let count = 0;
  const pages = readPages(limit, async (page) => {
    const { groups, nextPageToken } = await connection.history.listGroups({ sessionId, ...page }, { signal });
    return { items: groups, nextPageToken };
  });
  for await (const groups of pages) {
    count += groups.length;
    if (output.json) await output.resources(GroupSchema, groups);
    else if (members === true) await output.lines(groups.flatMap(describeGroup));
    else await output.lines(table.layOut(groups.map(cellsOf)));
  }
  if (count === 0 && !output.json) output.note('no groups');
}

function cellsOf(group: Group): string[] {
  return [visible(group.jid), String(group.members.length), visible(group.subject)];
}

function describeGroup(group: Group): string[] {
  return [
    `${visible(group.jid)}  ${visible(group.subject)}`,
    ...group.members.map(describeMember),
    ...group.pastMembers.map(describePastMember),
  ];
}

function describeMember(member: GroupMember): string {
  const name = member.fromMe && member.jid === '' ? 'me' : visible(member.jid);
  const remarks = [member.pending ? 'pending' : '', visible(member.label)].filter((remark) => remark !== '');
  return `  ${formatEnum(GroupRank, member.rank).padEnd(10)}  ${[name, ...remarks].join('  ')}`;
}

function describePastMember(member: PastGroupMember): string {
  const how = member.leftVoluntarily ? 'left' : 'removed';
  return `  ${how.padEnd(10)}  ${visible(member.jid)}  ${formatTime(member.leaveTime)}`;
}
