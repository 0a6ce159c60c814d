import { setTimeout as delay } from 'node:timers/promises';
import { DomainError } from '../../domain/fault.js';
import type { LiveEvent } from '../../domain/live-event.js';
import { type BackfillRecord, ImportStage } from '../../gen/scrollback/store/v1/record_pb.js';
import { backfillOf } from './backfill.js';
import type { LinkConnection } from '../link/link.js';
import type { LinkRun } from './link-run.js';
import { setCheckpoint, startOf } from '../backup/run-context.js';

/**
 * Fetches the people and then the groups of the account, and records them as if they had just been told. After a restart or a cut it goes
 * on with the part that was not over; that part is asked for again from its beginning, for WhatsApp has no other way, and its counts do
 * not fall meanwhile.
 */
export async function fillDirectory(run: LinkRun): Promise<void> {
  if (startOf(run.backfill.record, ImportStage.CONTACTS) !== undefined) await fillContacts(run);
  await fillGroups(run);
}

async function fillContacts(run: LinkRun): Promise<void> {
  const { events, complete } = await paced(run, (connection) => connection.fetchContacts());
  const people = new Set<string>();
  for (let at = 0; at < events.length; at += EVENTS_PER_COMMIT) {
    const some = events.slice(at, at + EVENTS_PER_COMMIT);
    for (const event of some) if (event.type === 'contact') people.add(event.contact.jid);
    await record(run, some, (draft) => {
      const shown = backfillOf(draft);
      shown.contacts = larger(shown.contacts, people.size);
    });
  }
  await run.save((draft) => {
    const shown = backfillOf(draft);
    shown.contacts = BigInt(people.size);
    shown.progressPercent = CONTACTS_PERCENT;
    if (!complete) shown.warnings.push(NO_KEY);
    setCheckpoint(draft, ImportStage.GROUPS, 0);
    return Promise.resolve();
  });
}

async function fillGroups(run: LinkRun): Promise<void> {
  const groups = await paced(run, (connection) => connection.fetchGroups());
  let members = 0;
  for (let from = 0, to: number; from < groups.length; from = to) {
    to = from;
    const some: LiveEvent[] = [];
    while (to < groups.length && some.length < EVENTS_PER_COMMIT) some.push(...(groups[to++] ?? []));
    for (const event of some) if (event.type === 'group') members += event.group.members.length;
    const done = to;
    await record(run, some, (draft) => {
      const shown = backfillOf(draft);
      const isLast = done === groups.length;
      shown.groups = isLast ? BigInt(done) : larger(shown.groups, done);
      shown.groupMembers = isLast ? BigInt(members) : larger(shown.groupMembers, members);
      const percent = CONTACTS_PERCENT + Math.floor(((100 - CONTACTS_PERCENT) * done) / groups.length);
      shown.progressPercent = Math.max(shown.progressPercent ?? 0, percent);
    });
  }
}

/** Records what was fetched together with the counts of it. */
function record(run: LinkRun, events: LiveEvent[], count: (draft: BackfillRecord) => void): Promise<void> {
  return run.save(async (draft, commit, store) => {
    // Nobody votes in a directory.
    await store.recordLive(commit, events, () => undefined);
    count(draft);
  });
}

/** Asks again, after growing pauses, while WhatsApp says that it is asked too often, or nothing. */
async function paced<T>(run: LinkRun, question: (connection: LinkConnection) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await question(await run.connection());
    } catch (error) {
      if (!mayPass(error) || attempt === MAX_ATTEMPTS) throw error;
      const pauseMs = FIRST_PAUSE_MS * 2 ** (attempt - 1);
      await run.waitFor(delay(pauseMs, undefined, { signal: run.signal }));
    }
  }
}

function mayPass(error: unknown): boolean {
  if (!(error instanceof DomainError)) return false;
  const { fault } = error;
  return fault.reason === 'WHATSAPP_SILENT' || (fault.reason === 'WHATSAPP_REFUSED' && isMomentary(fault.code));
}

/** 429 is "too often". */
function isMomentary(code: number): boolean {
  return code === 429 || code >= 500;
}

function larger(count: bigint, other: number): bigint {
  return count > BigInt(other) ? count : BigInt(other);
}

const NO_KEY =
  'WhatsApp has not given this device the key to the address book yet; refresh again when the phone has been online';

/** A commit of some milliseconds. */
const EVENTS_PER_COMMIT = 1000;

/** Two parts that cannot be compared beforehand. */
const CONTACTS_PERCENT = 50;

/** With the last pause it has taken more than a minute: an account that is limited then stays so for long. Chosen, not measured. */
const MAX_ATTEMPTS = 5;
const FIRST_PAUSE_MS = 5000;
