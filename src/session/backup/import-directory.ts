import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { DirectoryContact, DirectoryGroup, ImportPlan } from '../../backup/task.js';
import type { ImportStage } from '../../gen/scrollback/store/v1/record_pb.js';
import { type Group, GroupRank, GroupSchema } from '../../gen/scrollback/v1/history_service_pb.js';
import { putBackfill } from '../../store/backfills.js';
import { putGroup } from '../../store/directory.js';
import { type PersonFacts, putContact } from '../../store/people.js';
import { backfillOf } from '../backfill/backfill.js';
import { type RunContext, setCheckpoint, startOf, taskError } from './run-context.js';

/** Imports the people or the groups of a backup, a page a commit. */
export async function importDirectory(
  { backfill, pool, commit }: RunContext,
  plan: ImportPlan,
  part: 'contacts' | 'groups',
  stage: ImportStage,
  asOfMs: number,
): Promise<void> {
  let afterId = startOf(backfill.record, stage);
  if (afterId === undefined) return;
  for (let done = false; !done;) {
    const answer = await pool.readDirectory({ control: backfill.control, plan, part, afterId, maxRows: PAGE_ROWS });
    if (!answer.ok) throw taskError(answer);
    done = answer.done;
    afterId = answer.readThroughId;
    const record = backfill.draft();
    await commit(async (building) => {
      for (const contact of answer.contacts) await putContact(building, personOf(contact), asOfMs);
      for (const group of answer.groups) await putGroup(building, groupOf(group), asOfMs);
      const shown = backfillOf(record);
      shown.contacts += BigInt(answer.contacts.length);
      shown.groups += BigInt(answer.groups.length);
      shown.groupMembers += BigInt(answer.groups.reduce((sum, group) => sum + group.members.length, 0));
      // Past the last page the next stage begins, so that a restart does not count this one again.
      setCheckpoint(record, done ? stage + 1 : stage, done ? 0 : answer.readThroughId);
      putBackfill(building, record);
    });
    backfill.publish(record);
  }
}

function personOf(contact: DirectoryContact): PersonFacts {
  const { jid, pushName, username, maskedNumber } = contact;
  return { jid, alternateJids: [...contact.alternateJids], bookName: '', pushName, username, maskedNumber };
}

function groupOf(group: DirectoryGroup): Group {
  const byJid = (a: { jid: string }, b: { jid: string }): number => (a.jid < b.jid ? -1 : a.jid > b.jid ? 1 : 0);
  return create(GroupSchema, {
    jid: group.jid,
    subject: group.subject,
    ...timeField('createTime', group.createMs),
    members: [...group.members].sort(byJid).map(({ jid, rank, pending, joinMs, label, fromMe }) => ({
      jid,
      rank: RANKS[rank],
      pending,
      label,
      fromMe,
      ...timeField('joinTime', joinMs),
    })),
    pastMembers: [...group.pastMembers].sort(byJid).map(({ jid, leaveMs, leftVoluntarily }) => ({
      jid,
      leftVoluntarily,
      ...timeField('leaveTime', leaveMs),
    })),
  });
}

/** A time for a message's init; nothing for 0. */
function timeField<K extends string>(name: K, ms: number): { [P in K]?: ReturnType<typeof timestampFromMs> } {
  // Safety: the one key is the one that the type names.
  return (ms > 0 ? { [name]: timestampFromMs(ms) } : {}) as { [P in K]?: ReturnType<typeof timestampFromMs> };
}

const RANKS = { member: GroupRank.MEMBER, admin: GroupRank.ADMIN, superadmin: GroupRank.SUPERADMIN } as const;

/** Rows of a page: people are small, groups have up to some thousand members. */
const PAGE_ROWS = 500;
