import { randomInt } from 'node:crypto';
import type { BinaryNode } from '@whiskeysockets/baileys';
import { find, node, nowSeconds } from './nodes.js';
import type { Addressing, Peer } from './peer.js';

/** The rank of a member; members without one are just members. */
export type Rank = 'admin' | 'superadmin';

/** A group as the server keeps it. */
export interface Group {
  readonly jid: string;
  /** By which names the group calls its members. */
  readonly addressing: Addressing;
  subject: string;
  readonly creation: number;
  readonly creator: Peer;
  description: string | undefined;
  /** Flags that are there or not: `announcement`, `locked`, `parent` … */
  readonly flags: Set<string>;
  ephemeralSeconds: number | undefined;
  readonly members: Map<Peer, Rank | undefined>;
}

/** What a new group is made of. */
export interface GroupPlan {
  subject: string;
  creator: Peer;
  members: Peer[];
  /** The digits of the id. */
  id?: string;
  addressing?: Addressing;
  description?: string;
  /** Seconds since 1970. */
  creation?: number;
  flags?: string[];
}

/** A change of a group that everybody in it hears of. */
export type GroupChange =
  | { change: 'create' }
  | { change: 'add' | 'remove' | 'promote' | 'demote'; members: Peer[] }
  | { change: 'subject'; subject: string }
  | { change: 'description'; description: string }
  | { change: 'ephemeral'; seconds: number }
  | { change: 'announcement' | 'locked'; on: boolean };

/** All groups of the server. */
export class Groups {
  readonly #groups = new Map<string, Group>();

  /** Founds a group; nobody is told. */
  create(plan: GroupPlan): Group {
    const group: Group = {
      jid: `${plan.id ?? `1203630${randomInt(1e10, 1e11 - 1)}`}@g.us`,
      addressing: plan.addressing ?? 'pn',
      subject: plan.subject,
      creation: plan.creation ?? nowSeconds(),
      creator: plan.creator,
      description: plan.description,
      flags: new Set(plan.flags),
      ephemeralSeconds: undefined,
      members: new Map(plan.members.map((member) => [member, undefined])),
    };
    group.members.set(plan.creator, 'superadmin');
    this.#groups.set(group.jid, group);
    return group;
  }

  /** The groups of which somebody is a member. */
  joinedBy(member: Peer): Group[] {
    return [...this.#groups.values()].filter((group) => group.members.has(member));
  }

  /** The group of an address. */
  find(jid: string | undefined): Group | undefined {
    return this.#groups.get(jid ?? '');
  }
}

/** The stanza form of a group, as queries and the notification of a new group have it. */
export function groupNode(group: Group): BinaryNode {
  const creator = group.creator.jid(group.addressing);
  const times = String(group.creation);
  const attributes = {
    id: group.jid.slice(0, group.jid.indexOf('@')),
    subject: group.subject,
    creation: times,
    creator,
    s_t: times,
    s_o: creator,
    size: String(group.members.size),
    addressing_mode: group.addressing,
  };
  const content = [...group.members].map(([member, rank]) => participantNode(group, member, rank));
  if (group.description !== undefined) content.push(descriptionNode(group, group.description));
  for (const flag of group.flags) content.push(node(flag));
  if (group.ephemeralSeconds !== undefined) content.push(ephemeralNode(group.ephemeralSeconds));
  return node('group', attributes, content);
}

/** Changes a group and returns the child of the notification that tells of it. */
export function applyGroupChange(group: Group, change: GroupChange): BinaryNode {
  switch (change.change) {
    case 'create':
      return node('create', {}, [groupNode(group)]);
    case 'add':
    case 'remove':
    case 'promote':
    case 'demote': {
      for (const member of change.members) {
        if (change.change === 'remove') group.members.delete(member);
        else group.members.set(member, change.change === 'promote' ? 'admin' : undefined);
      }
      const participants = change.members.map((member) => participantNode(group, member, undefined));
      return node(change.change, {}, participants);
    }
    case 'subject': {
      group.subject = change.subject;
      const attributes = {
        subject: change.subject,
        s_t: String(nowSeconds()),
        s_o: group.creator.jid(group.addressing),
      };
      return node('subject', attributes);
    }
    case 'description':
      group.description = change.description;
      return descriptionNode(group, change.description);
    case 'ephemeral':
      group.ephemeralSeconds = change.seconds;
      return change.seconds === 0 ? node('not_ephemeral') : ephemeralNode(change.seconds);
    case 'announcement':
    case 'locked':
      if (change.on) group.flags.add(change.change);
      else group.flags.delete(change.change);
      if (change.on) return node(change.change);
      return node(change.change === 'locked' ? 'unlocked' : 'not_announcement');
  }
}

/** Answers a query for groups: for all that the asker is in, or for one. */
export function answerGroupQuery(query: BinaryNode, asker: Peer, groups: Groups): BinaryNode[] {
  if (find(query, 'participating') !== undefined) return [node('groups', {}, groups.joinedBy(asker).map(groupNode))];
  const group = groups.find(query.attrs.to);
  if (group?.members.has(asker) === true) return [groupNode(group)];
  return [node('error', { code: '404', text: 'item-not-found' })];
}

function participantNode(group: Group, member: Peer, rank: Rank | undefined): BinaryNode {
  const other = member.otherJid(group.addressing);
  const alternative = group.addressing === 'lid' ? { phone_number: other } : { lid: other };
  return node('participant', { jid: member.jid(group.addressing), type: rank, ...alternative });
}

function descriptionNode(group: Group, text: string): BinaryNode {
  const attributes = { id: 'D1', t: String(nowSeconds()), participant: group.creator.jid(group.addressing) };
  return node('description', attributes, [node('body', {}, Buffer.from(text))]);
}

function ephemeralNode(seconds: number): BinaryNode {
  return node('ephemeral', { expiration: String(seconds) });
}
