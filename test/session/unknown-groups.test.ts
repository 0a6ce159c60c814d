import { mkdir } from 'node:fs/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DomainError } from '../../src/domain/fault.js';
import type { LinkState } from '../../src/domain/link.js';
import { LinkLost } from '../../src/domain/link-lost.js';
import type { LiveEvent } from '../../src/domain/live-event.js';
import type { LinkConnection } from '../../src/session/link/link.js';
import { type AskedLink, UnknownGroups } from '../../src/session/link/unknown-groups.js';
import type { Session } from '../../src/session/session.js';
import { Wakeup } from '../../src/store/wakeup.js';
import { FakeLinks } from '../support/fake-links.js';
import { aKey, aLiveMessage, recordAll } from '../support/live-events.js';

const ANNA = '491700000002@s.whatsapp.net';
const HOUR = 60 * 60_000;

let fake: FakeLinks;
let session: Session;
let nowMs: number;
let asked: string[];
/** What becomes of a question. */
let answer: (jid: string) => Promise<LiveEvent[]>;
let link: AskedLink & { status: LinkState; connection: LinkConnection | undefined; changes: Wakeup };
let groups: UnknownGroups;
beforeEach(async () => {
  fake = await FakeLinks.open();
  session = fake.session('a');
  await mkdir(session.directory);
  nowMs = 1_800_000_000_000;
  asked = [];
  answer = (jid) => Promise.resolve(told(jid));
  link = {
    status: { state: 'online', attempts: 0 },
    view: viewOf(() => link.status),
    connection: newConnection(),
    changes: new Wakeup(),
  };
  groups = newGroups();
});
afterEach(async () => {
  await groups.close();
  await fake.close();
});

const viewOf = (status: () => LinkState): AskedLink['view'] => ({
  get status() {
    return status();
  },
});

const told = (jid: string): LiveEvent[] => [
  { type: 'group', group: { jid, subject: `subject of ${jid}`, createMs: 0, members: [], asOfMs: nowMs } },
];

function newConnection(): LinkConnection {
  const fetchGroup = (jid: string): Promise<LiveEvent[]> => {
    asked.push(jid);
    return answer(jid);
  };
  // Safety: nothing else is asked of it here.
  return { fetchGroup } as unknown as LinkConnection;
}

function newGroups(): UnknownGroups {
  const inboxReader = { openVote: () => undefined };
  return new UnknownGroups(session, link, {
    now: () => nowMs,
    log: pino({ level: 'silent' }),
    inboxReader,
    pauseMs: 1,
  });
}

const messageIn = (jid: string): LiveEvent => aLiveMessage(aKey(jid, 'A', { sender: ANNA }));

/** Somebody writes to groups, which is recorded and then noted. */
async function write(...jids: string[]): Promise<void> {
  const events = jids.map(messageIn);
  await session.use((store) => recordAll(store, events));
  groups.note(events);
}

const nameOf = (jid: string): Promise<string | undefined> =>
  session.use(async (store) => (await store.getChat(jid))?.name);

const refusal = (code: number): Promise<never> => Promise.reject(new DomainError({ reason: 'WHATSAPP_REFUSED', code }));

describe('a group whose subject is not known', () => {
  it('is asked for once, and never when the subject is known or it is no group', async () => {
    await session.use((store) => recordAll(store, told('2@g.us')));
    await write('1@g.us', '1@g.us', '2@g.us', ANNA, '1@newsletter');
    await write('1@g.us');
    await groups.idle();
    expect(asked).toEqual(['1@g.us']);
    expect(await nameOf('1@g.us')).toBe('subject of 1@g.us');
    await write('1@g.us', '2@g.us');
    groups = newGroups();
    await write('1@g.us', '2@g.us');
    await groups.idle();
    expect(asked).toEqual(['1@g.us']);
  });

  it('is asked for after the one before was answered', async () => {
    let answerFirst = (_events: LiveEvent[]): void => undefined;
    answer = () => new Promise((resolve) => (answerFirst = resolve));
    await write('1@g.us', '2@g.us');
    while (asked.length === 0) await new Promise(setImmediate);
    // More than what a second question would need.
    await session.commit(() => Promise.resolve());
    expect(asked).toEqual(['1@g.us']);
    answer = (jid) => Promise.resolve(told(jid));
    answerFirst([]);
    await groups.idle();
    expect(asked).toEqual(['1@g.us', '2@g.us']);
  });

  it('is asked for again after hours when it was refused or told nothing, also by another process', async () => {
    answer = () => refusal(403);
    await write('1@g.us');
    await groups.idle();
    answer = () => Promise.resolve([]);
    await write('1@g.us', '2@g.us');
    await groups.idle();
    expect(asked).toEqual(['1@g.us', '2@g.us']);
    groups = newGroups();
    nowMs += 5 * HOUR;
    await write('1@g.us', '2@g.us');
    await groups.idle();
    expect(asked).toHaveLength(2);
    answer = (jid) => Promise.resolve(told(jid));
    nowMs += 12 * HOUR;
    await write('1@g.us', '2@g.us');
    await groups.idle();
    expect(asked.slice(2)).toEqual(['1@g.us', '2@g.us']);
    expect(await nameOf('2@g.us')).toBe('subject of 2@g.us');
  });

  it.each([
    ['too often', () => refusal(429)],
    ['nothing', () => Promise.reject(new DomainError({ reason: 'WHATSAPP_SILENT' }))],
  ])('is not asked for, like all others, for a while after WhatsApp said: %s', async (_, silence) => {
    answer = silence;
    await write('1@g.us', '2@g.us');
    await groups.idle();
    await write('3@g.us');
    await groups.idle();
    expect(asked).toEqual(['1@g.us']);
    answer = (jid) => Promise.resolve(told(jid));
    nowMs += HOUR;
    await write('1@g.us', '2@g.us', '3@g.us');
    await groups.idle();
    expect(asked).toEqual(['1@g.us', '2@g.us', '3@g.us']);
  });

  it('is asked for once more by the next connection when the first one was lost, and not a third time', async () => {
    answer = () => Promise.reject(new LinkLost('lost'));
    await write('1@g.us');
    while (asked.length === 0) await new Promise(setImmediate);
    link.status = { state: 'backing-off', attempts: 1, retryAtMs: 0, code: 428 };
    link.connection = undefined;
    link.changes.wake();
    await write('1@g.us');
    link.connection = newConnection();
    link.status = { state: 'online', attempts: 0 };
    link.changes.wake();
    await groups.idle();
    await write('1@g.us');
    await groups.idle();
    expect(asked).toEqual(['1@g.us', '1@g.us']);
  });

  it('waits until the link is online, and is forgotten when it will not be', async () => {
    link.status = { state: 'syncing', attempts: 0 };
    await write('1@g.us');
    link.status = { state: 'logged-out', code: 401 };
    link.connection = undefined;
    link.changes.wake();
    await groups.idle();
    link.status = { state: 'syncing', attempts: 0 };
    link.connection = newConnection();
    await write('2@g.us');
    await session.commit(() => Promise.resolve());
    expect(asked).toEqual([]);
    link.status = { state: 'online', attempts: 0 };
    link.changes.wake();
    await groups.idle();
    expect(asked).toEqual(['2@g.us']);
  });

  it('waits among a bounded number of others', async () => {
    const others = Array.from({ length: 500 }, (_, n) => messageIn(`1000${String(n)}@g.us`));
    await session.use((store) => recordAll(store, [messageIn('1@g.us')]));
    groups.note([...others, messageIn('1@g.us')]);
    await groups.idle();
    expect(asked).toEqual([]);
    groups.note([messageIn('1@g.us')]);
    await groups.idle();
    expect(asked).toEqual(['1@g.us']);
  });

  it('is not asked for, nor recorded, when the link is stopped under the question', async () => {
    let answerLate = (_events: LiveEvent[]): void => undefined;
    answer = () => new Promise((resolve) => (answerLate = resolve));
    await write('1@g.us', '2@g.us');
    while (asked.length === 0) await new Promise(setImmediate);
    await groups.close();
    answerLate(told('1@g.us'));
    await write('3@g.us');
    await groups.idle();
    expect([asked, await nameOf('1@g.us')]).toEqual([['1@g.us'], '']);
  });
});
