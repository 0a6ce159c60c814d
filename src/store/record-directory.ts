import { create, fromBinary } from '@bufbuild/protobuf';
import { isGroup, isPerson } from '../domain/jid.js';
import type {
  LiveChat,
  LiveContact,
  LiveGroup,
  LiveGroupChange,
  LiveLabelling,
  LivePastMembers,
} from '../domain/live-event.js';
import { type GroupRecord, GroupRecordSchema } from '../gen/scrollback/store/v1/record_pb.js';
import {
  type Group,
  type GroupMember,
  GroupMemberSchema,
  GroupRank,
  GroupSchema,
  PastGroupMemberSchema,
} from '../gen/scrollback/v1/history_service_pb.js';
import { labelChat } from './chat-labels.js';
import type { Commit } from './commit.js';
import { nameRank } from './chat-settings.js';
import { loadChat, putChat, putGroup, timeOf } from './directory.js';
import { keyspace, textKey } from './keyspaces.js';
import { putContact } from './people.js';

/** Records what the link tells of people, chats and groups: states, of which the newest counts. */
export class LiveDirectory {
  readonly #numbers = new Map<string, number>();
  /** The push names of this commit, and when they were last told: each message bears one. */
  readonly #pushNames = new Map<string, LiveContact>();

  constructor(
    private readonly commit: Commit,
    private readonly resolve: (jid: string) => Promise<string>,
  ) {}

  /** The number of a chat, which is made when it is new. */
  async chatNumber(jid: string): Promise<number> {
    const known = this.#numbers.get(jid);
    if (known !== undefined) return known;
    const canonical = await this.resolve(jid);
    const chat = { ...nothingOf(canonical), alternateJids: canonical === jid ? [] : [jid] };
    const number = await putChat(this.commit, chat, 0);
    this.#numbers.set(jid, number);
    return number;
  }

  /** False for who is known to be no admin of a group; nobody is one of what is no group. */
  async mayLead(jid: string, person: string): Promise<boolean> {
    if (!isGroup(jid)) return false;
    const members = await this.#allMembers(jid);
    const isAdmin = ({ rank }: GroupMember): boolean => rank === GroupRank.ADMIN || rank === GroupRank.SUPERADMIN;
    return members.length === 0 || members.some((member) => member.jid === person && isAdmin(member));
  }

  /** True when a source has told who is in a group. */
  async knowsMembers(jid: string): Promise<boolean> {
    return (await this.#allMembers(jid)).length > 0;
  }

  async contact(told: LiveContact): Promise<void> {
    const { jid, name, pushName, username, asOfMs } = told;
    if (name !== '' || username !== '' || pushName === '') return this.#contact(told);
    const known = this.#pushNames.get(`${jid} ${pushName}`);
    if (known === undefined || known.asOfMs < asOfMs) this.#pushNames.set(`${jid} ${pushName}`, told);
  }

  /** Writes what was gathered; the last call of a commit. */
  async finish(): Promise<void> {
    for (const told of this.#pushNames.values()) await this.#contact(told);
    this.#pushNames.clear();
  }

  async #contact({ jid, name, pushName, username, asOfMs }: LiveContact): Promise<void> {
    const canonical = await this.resolve(jid);
    const alternateJids = canonical === jid ? [] : [jid];
    const told = { jid: canonical, alternateJids, bookName: name, pushName, username, maskedNumber: '' };
    await putContact(this.commit, told, asOfMs);
  }

  async chat(chat: LiveChat): Promise<void> {
    const canonical = await this.resolve(chat.jid);
    const name = isPerson(canonical) ? '' : (chat.name ?? '');
    const facts = {
      jid: canonical,
      alternateJids: canonical === chat.jid ? [] : [chat.jid],
      name,
      nameRank: name === '' ? nameRank.none : nameRank.subject,
      createMs: chat.createMs ?? 0,
      settings: chat,
    };
    this.#numbers.set(chat.jid, await putChat(this.commit, facts, chat.asOfMs));
  }

  async labelChat(told: LiveLabelling): Promise<void> {
    await this.chatNumber(told.chatJid);
    const record = await loadChat(this.commit, await this.resolve(told.chatJid));
    if (record !== undefined) await labelChat(this.commit, record, told);
  }

  async group({ jid, subject, createMs, members, asOfMs }: LiveGroup): Promise<void> {
    if (!isGroup(jid)) return;
    const record = await this.#load(jid);
    const past = record?.group?.pastMembers ?? [];
    // Who is known to have left after this state was made is not there any more.
    const left = past.filter(({ leaveTime: time }) => !isState(record) && secondsOf(time) * 1000 > asOfMs);
    const list: GroupMember[] = [];
    for (const { jid: person, fromMe, rank } of members) {
      const member = await this.#member(person, fromMe, RANKS[rank]);
      if (!left.some((gone) => gone.jid === member.jid)) list.push(member);
    }
    const pastMembers = past.filter((gone) => !list.some((member) => member.jid === gone.jid));
    await this.#save({ jid, subject, createMs, members: list, pastMembers }, asOfMs);
    if (subject !== '') await this.chat({ jid, name: subject, asOfMs });
  }

  async change({ jid, subject, change, members, asOfMs }: LiveGroupChange): Promise<void> {
    if (!isGroup(jid)) return;
    const record = await this.#load(jid);
    // Members are a state: what is older than the state that is known is in it. Changes arrive in order; they bear whole seconds of
    // WhatsApp's clock, and the state may bear ours.
    const knownMs = Number(record?.asOfMs ?? 0n);
    if (asOfMs < knownMs - CLOCK_TOLERANCE_MS) return;
    const group = record?.group ?? create(GroupSchema, { jid });
    for (const { jid: member, fromMe } of members) await this.#changeMember(group, change, member, fromMe, asOfMs);
    if (change === 'subject') group.subject = subject;
    const { members: list, pastMembers, createTime } = group;
    const createMs = secondsOf(createTime) * 1000;
    const changed = { jid, subject: group.subject, createMs, members: list, pastMembers };
    const changedMs = Math.max(asOfMs, knownMs + 1);
    await this.#save(changed, isState(record) ? changedMs : NO_STATE);
    if (change === 'subject') await this.chat({ jid, name: subject, asOfMs: isState(record) ? changedMs : asOfMs });
  }

  /** Adds who left before: of each one the last time counts, and who is a member is not past. */
  async pastMembers({ jid, members }: LivePastMembers): Promise<void> {
    if (!isGroup(jid)) return;
    const record = await this.#load(jid);
    const group = record?.group ?? create(GroupSchema, { jid });
    const past = new Map(group.pastMembers.map((member) => [member.jid, member]));
    for (const { jid: member, leaveMs, leftVoluntarily } of members) {
      const canonical = await this.resolve(member);
      const known = past.get(canonical);
      if (group.members.some((present) => present.jid === canonical)) continue;
      if (known !== undefined && secondsOf(known.leaveTime) >= Math.floor(leaveMs / 1000)) continue;
      past.set(canonical, create(PastGroupMemberSchema, { jid: canonical, leftVoluntarily, ...leaveTime(leaveMs) }));
    }
    const createMs = secondsOf(group.createTime) * 1000;
    const { subject, members: present } = group;
    const changed = { jid, subject, createMs, members: present, pastMembers: [...past.values()] };
    await this.#save(changed, isState(record) ? Number(record.asOfMs) + 1 : NO_STATE);
  }

  async #changeMember(
    group: Group,
    change: LiveGroupChange['change'],
    jid: string,
    fromMe: boolean,
    asOfMs: number,
  ): Promise<void> {
    const canonical = await this.resolve(jid);
    const known = group.members.find((member) => member.jid === canonical);
    const others = group.members.filter((member) => member.jid !== canonical);
    if (change === 'remove' || change === 'leave') {
      group.members = others;
      const gone = create(PastGroupMemberSchema, {
        jid: canonical,
        leftVoluntarily: change === 'leave',
        ...leaveTime(asOfMs),
      });
      group.pastMembers = [...group.pastMembers.filter((past) => past.jid !== canonical), gone];
      return;
    }
    const member = known ?? (await this.#member(canonical, fromMe, GroupRank.MEMBER));
    if (change === 'promote') member.rank = GroupRank.ADMIN;
    if (change === 'demote') member.rank = GroupRank.MEMBER;
    group.members = [...others, member];
    if (change === 'add') group.pastMembers = group.pastMembers.filter((past) => past.jid !== canonical);
  }

  /** The members of a group; none when only changes are known of it. */
  async #allMembers(jid: string): Promise<GroupMember[]> {
    const record = await this.#load(jid);
    return isState(record) ? (record.group?.members ?? []) : [];
  }

  async #load(jid: string): Promise<GroupRecord | undefined> {
    const value = await this.commit.overlay.get(textKey(keyspace.group, jid));
    return value === undefined ? undefined : fromBinary(GroupRecordSchema, value);
  }

  async #member(jid: string, fromMe: boolean, rank: GroupRank): Promise<GroupMember> {
    return create(GroupMemberSchema, { jid: await this.resolve(jid), rank, fromMe });
  }

  async #save(
    group: Pick<Group, 'jid' | 'subject' | 'members' | 'pastMembers'> & { createMs: number },
    asOfMs: number,
  ): Promise<void> {
    const { jid, subject, createMs } = group;
    const createTime = timeOf(createMs);
    const members = byJid(group.members);
    const pastMembers = byJid(group.pastMembers);
    const made = { jid, subject, members, pastMembers, ...(createTime === undefined ? {} : { createTime }) };
    await putGroup(this.commit, create(GroupSchema, made), asOfMs);
  }
}

/** False for a group of which no source has told all members: what changes tell is there until one does, of whatever time. */
export function isState(record: GroupRecord | undefined): record is GroupRecord {
  return record !== undefined && record.asOfMs > BigInt(NO_STATE);
}

function byJid<T extends { jid: string }>(people: T[]): T[] {
  return [...people].sort((a, b) => (a.jid < b.jid ? -1 : a.jid > b.jid ? 1 : 0));
}

/** Whole seconds since 1970; 0 for none. */
function secondsOf(time: ReturnType<typeof timeOf>): number {
  return Number(time?.seconds ?? 0n);
}

function leaveTime(ms: number): { leaveTime?: NonNullable<ReturnType<typeof timeOf>> } {
  const time = timeOf(ms);
  return time === undefined ? {} : { leaveTime: time };
}

function nothingOf(jid: string): Parameters<typeof putChat>[1] {
  return {
    jid,
    alternateJids: [],
    name: '',
    nameRank: nameRank.none,
    createMs: 0,
    settings: {},
  };
}

/** The time of a group that is known by changes alone: older than every state. */
const NO_STATE = 0;

/** How far the clocks of WhatsApp and of this machine may be apart. */
const CLOCK_TOLERANCE_MS = 60_000;

const RANKS = { member: GroupRank.MEMBER, admin: GroupRank.ADMIN, superadmin: GroupRank.SUPERADMIN } as const;
