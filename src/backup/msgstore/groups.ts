import { isGroup, parseJid } from '../../domain/jid.js';
import type { Addresses } from './addresses.js';
import { jidOfRow } from './mappings.js';
import { chatJidRowId, type ImportFile } from './import-file.js';
import type { RowReader } from './keyset.js';
import { notSupported, type Row, type Table } from './schema.js';
import { hashText, SideIndexReader } from './side-index.js';
import { legacyChatJids } from './survey-chats.js';
import { legacyChatTable, legacyMemberTable } from './legacy-tables.js';
import { chatTable, jidTable, memberTable, pastMemberTable } from './tables.js';
import type { DirectoryGroup } from '../task.js';
import { textOf, timeOf, wholeOf } from './value.js';

/** Chosen with room to spare: WhatsApp's largest groups have 1,024 members, communities some thousand. */
const MAX_GROUPS = 100_000;
const MAX_MEMBERS = 100_000;

const ranks = ['member', 'admin', 'superadmin'] as const;

type Member = DirectoryGroup['members'][number];
type PastMember = DirectoryGroup['pastMembers'][number];

/** What is known of a group before its members are read. */
interface Group {
  jid: string;
  /** Rows of `jid` with this address. */
  rowIds: number[];
  subject: string;
  createMs: number;
  /** False for an address that nothing but `jid` has, until members are found. */
  isChat: boolean;
}

/** The groups of a file, in the order of their JIDs, which is the same each time it is read. */
export class Groups {
  readonly list: readonly Group[];
  private readonly addresses: Addresses;
  private readonly members: Rows;
  private readonly pastMembers: Rows;
  private readonly legacyMembers: Rows;

  constructor(file: ImportFile) {
    this.addresses = file.addresses;
    this.members = new Rows(file, memberTable);
    this.pastMembers = new Rows(file, pastMemberTable);
    this.legacyMembers = new Rows(file, legacyMemberTable);
    this.list = listGroups(file);
  }

  /** Reads a group with its members; undefined for an address that is no chat and has no members. */
  read(group: Group): DirectoryGroup | undefined {
    const members = new Map<string, Member>();
    const pastMembers = new Map<string, PastMember>();
    for (const rowId of group.rowIds) {
      for (const row of this.members.of(rowId)) this.addMember(members, this.memberOf(row));
      for (const row of this.pastMembers.of(rowId)) this.addPastMember(pastMembers, row);
    }
    for (const row of this.legacyMembers.of(hashText(group.jid))) {
      if (parseJid(textOf(row[legacyMemberTable.at.gjid])) === group.jid) {
        this.addMember(members, this.legacyMemberOf(row));
      }
    }
    if (!group.isChat && members.size === 0 && pastMembers.size === 0) return undefined;
    return {
      jid: group.jid,
      subject: group.subject,
      createMs: group.createMs,
      members: [...members.values()].sort(byJid),
      pastMembers: [...pastMembers.values()].sort(byJid),
    };
  }

  private memberOf(row: Row): Member | undefined {
    const at = memberTable.at;
    const address = this.addresses.known(wholeOf(row[at.user_jid_row_id]));
    return (
      address && {
        jid: address.jid,
        rank: ranks[wholeOf(row[at.rank])] ?? 'member',
        pending: wholeOf(row[at.pending]) !== 0,
        joinMs: timeOf(row[at.add_timestamp]),
        label: textOf(row[at.label]),
        fromMe: false,
      }
    );
  }

  private legacyMemberOf(row: Row): Member | undefined {
    const at = legacyMemberTable.at;
    // The owner has no address of their own here.
    const fromMe = row[at.jid] === '';
    const jid = fromMe ? '' : this.addresses.ofText(textOf(row[at.jid]))?.jid;
    if (jid === undefined) return undefined;
    const rank = ranks[wholeOf(row[at.admin])] ?? 'member';
    return { jid, rank, pending: wholeOf(row[at.pending]) !== 0, joinMs: 0, label: '', fromMe };
  }

  /** Somebody who is listed twice, by phone and by LID, is one: with the higher rank, and otherwise as listed first. */
  private addMember(members: Map<string, Member>, member: Member | undefined): void {
    if (member === undefined) return;
    const known = members.get(member.jid);
    if (known === undefined) members.set(member.jid, member);
    else if (ranks.indexOf(member.rank) > ranks.indexOf(known.rank)) known.rank = member.rank;
  }

  private addPastMember(pastMembers: Map<string, PastMember>, row: Row): void {
    const at = pastMemberTable.at;
    const jid = this.addresses.known(wholeOf(row[at.user_jid_row_id]))?.jid;
    if (jid === undefined) return;
    const leaveMs = timeOf(row[at.timestamp]);
    const known = pastMembers.get(jid);
    if (known !== undefined && known.leaveMs > leaveMs) return;
    pastMembers.set(jid, { jid, leaveMs, leftVoluntarily: wholeOf(row[at.is_leave]) !== 0 });
  }
}

/** The rows of a table by their parent, one after the other: a group may have more than fit a list. */
class Rows {
  private readonly rows: RowReader | undefined;
  private readonly index: SideIndexReader | undefined;

  constructor(file: ImportFile, table: Table<string>) {
    const index = file.indexes.get(table.name);
    this.index = index && new SideIndexReader(index);
    this.rows = index && file.keyset.rows(table);
  }

  *of(parent: number): Generator<Row, void, undefined> {
    const rowIds = this.index?.rowsOf(parent) ?? [];
    if (rowIds.length > MAX_MEMBERS) throw notSupported('a group has too many members');
    for (const rowId of rowIds) {
      const row = this.rows?.get(rowId);
      if (row !== undefined) yield row;
    }
  }
}

function listGroups(file: ImportFile): Group[] {
  const { keyset } = file;
  const groups = new Map<string, Group>();
  const groupOf = (jid: string): Group => {
    let group = groups.get(jid);
    if (group === undefined) {
      if (groups.size >= MAX_GROUPS) throw notSupported('the backup has too many groups');
      groups.set(jid, (group = { jid, rowIds: [], subject: '', createMs: 0, isChat: false }));
    }
    return group;
  };
  const describe = (jid: string | undefined, subject = '', createMs = 0): void => {
    if (jid === undefined || !isGroup(jid)) return;
    const group = groupOf(jid);
    group.isChat = true;
    group.subject ||= subject;
    group.createMs ||= createMs;
  };
  keyset.each(jidTable, (rowId, row) => {
    const jid = jidOfRow(row);
    if (jid !== undefined && isGroup(jid)) groupOf(jid).rowIds.push(rowId);
  });
  keyset.each(chatTable, (_, row) => {
    const at = chatTable.at;
    const jid = file.addresses.known(chatJidRowId(row))?.jid;
    describe(jid, textOf(row[at.subject]), timeOf(row[at.created_timestamp]));
  });
  keyset.each(legacyChatTable, (_, row) => {
    const at = legacyChatTable.at;
    describe(parseJid(textOf(row[at.key_remote_jid])), textOf(row[at.subject]), timeOf(row[at.creation]));
  });
  for (const jid of legacyChatJids(keyset)) describe(jid);
  keyset.each(legacyMemberTable, (_, row) => {
    describe(parseJid(textOf(row[legacyMemberTable.at.gjid])));
  });
  return [...groups.values()].sort(byJid);
}

function byJid(a: { jid: string }, b: { jid: string }): number {
  return a.jid < b.jid ? -1 : a.jid > b.jid ? 1 : 0;
}
