import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { mkdir } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { coverageSource, type Stretch } from '../../src/domain/coverage.js';
import type { LiveEvent } from '../../src/domain/live-event.js';
import { LinkLost } from '../../src/domain/link-lost.js';
import { PhoneCheckpointSchema } from '../../src/gen/scrollback/store/v1/record_pb.js';
import type { Backfill } from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import { Source } from '../../src/gen/scrollback/v1/message_pb.js';
import { backfillOf, LiveBackfill, newRecord } from '../../src/session/backfill/backfill.js';
import { LinkRun } from '../../src/session/backfill/link-run.js';
import { askForOlder } from '../../src/session/backfill/older-messages.js';
import { Phone } from '../../src/session/backfill/phone.js';
import type { Session } from '../../src/session/session.js';
import type { SessionLink } from '../../src/session/link/session-link.js';
import { type FakeConnection, FakeLinks } from '../support/fake-links.js';
import { readAll } from '../support/history.js';
import { recordAll } from '../support/live-events.js';
import { ANSWER_MS, phoneMessage, ScriptedPhone, SINCE_MS } from '../support/scripted-phone.js';

const ANNA = '491700000002@s.whatsapp.net';
const ANNA_LID = '900000000000002@lid';
const BEN = '491700000003@s.whatsapp.net';
const GROUP = '120363000000000001@g.us';

type Asked = MessageInitShape<typeof PhoneCheckpointSchema>;

let fake: FakeLinks;
let session: Session;
let link: SessionLink;
let connection: FakeConnection;
let phone: ScriptedPhone;
let backfill: LiveBackfill;
beforeEach(async () => {
  fake = await FakeLinks.open();
  session = fake.session('a');
  await mkdir(session.directory);
  link = fake.links.of(session);
  link.resume();
  phone = new ScriptedPhone(session, link.inbox.drain.history.answers);
  await connect(1);
});
afterEach(() => fake.close());

/** The link comes up. */
async function connect(number: number): Promise<void> {
  connection = await fake.connection(number);
  connection.ask = (question) => phone.ask(question);
  connection.open();
}

/** The session knows these messages of a chat of the phone already. */
async function know(chat: string, ids: string[], as = chat): Promise<void> {
  const there = phone.chats.get(chat);
  await session.use((store) =>
    recordAll(
      store,
      ids.map((id) => phoneMessage(as, id, there)),
    ),
  );
}

/** A chat of the phone of which the session knows the newest message. */
async function addChat(jid: string, count: number, more = {}): Promise<string[]> {
  const { ids } = phone.addChat(jid, count, more);
  await know(jid, ids.slice(-1));
  return ids;
}

function begin(checkpoint: Asked): void {
  const shown = { sessionId: 'a', kind: 'older-messages', state: 'importing', requestId: '' } as const;
  const record = newRecord(shown, fake.nowMs);
  record.phone = create(PhoneCheckpointSchema, checkpoint);
  const describeFault = (): never => {
    throw new Error('nothing fails here');
  };
  backfill = new LiveBackfill(record, { now: () => fake.nowMs, describeFault });
}

function asker(): Phone {
  return new Phone(link, { answerMs: ANSWER_MS, pauseMs: 0 }, () => 0.5, phone.sleep);
}

/** Works on the backfill until it ends or the connection is lost. */
async function work(lost?: LinkRun): Promise<LinkRun> {
  const run = new LinkRun({ backfill, session, link, lost: lost?.used });
  await askForOlder(run, asker());
  return run;
}

/** Asks for everything that a checkpoint says; returns what the backfill then shows. */
async function ask(checkpoint: Asked = {}): Promise<Backfill> {
  begin(checkpoint);
  await work();
  return shown();
}

function shown(): Backfill {
  const now = backfillOf(backfill.record);
  const skipped = now.rowsSkipped.reduce((sum, { count }) => sum + count, 0n);
  expect(now.messagesAdded + now.messagesUpdated + now.messagesUnchanged + skipped).toBe(now.rowsRead);
  return now;
}

const stored = async (chat: string): Promise<string[]> =>
  session.use(async (store) => (await readAll(store, { chat })).map(({ key }) => key?.messageId ?? ''));

const covered = async (chat: string): Promise<Stretch[]> =>
  session.use(async (store) =>
    (await store.getCoverage(chat)).stretches.filter(({ source }) => source === coverageSource.onDemand),
  );

const asked = (): string[] => phone.asked.map(({ before, count }) => `${before.messageId} ${String(count)}`);

describe('older messages', () => {
  it('come page by page, each before the oldest that is known, until the phone twice has nothing', async () => {
    const ids = await addChat(ANNA, 111);
    const end = await ask();
    expect(await stored(ANNA)).toEqual(ids);
    const user = '491700000002';
    expect(asked()).toEqual([`${user}-110 50`, `${user}-60 50`, `${user}-10 50`, `${user}-0 50`, `${user}-1 50`]);
    expect(phone.asked[0]).toEqual({
      chatJid: ANNA,
      before: { messageId: `${user}-110`, fromMe: false, sentMs: SINCE_MS + 110_000 },
      count: 50,
    });
    expect(end).toMatchObject({ messagesAdded: 110n, messagesUnchanged: 1n, chats: 1n, chunks: 5n, warnings: [] });
    const [oldest] = await session.use((store) => readAll(store, { chat: ANNA }));
    expect(oldest?.sources).toEqual([Source.ON_DEMAND]);
  });

  it('end when the phone says that there is nothing older', async () => {
    const ids = await addChat(ANNA, 60, { tellsStart: true });
    expect(await ask()).toMatchObject({ messagesAdded: 59n, chunks: 2n });
    expect(await stored(ANNA)).toEqual(ids);
    expect(await covered(ANNA)).toEqual([{ fromMs: 0, toMs: SINCE_MS + 59_000, source: coverageSource.onDemand }]);
  });

  it('cover what lies between the oldest of them and the message before which they came', async () => {
    await addChat(ANNA, 200);
    await ask({ maxMessages: 70 });
    const [stretch, ...others] = await covered(ANNA);
    expect(stretch).toEqual({ fromMs: SINCE_MS + 129_000, toMs: SINCE_MS + 199_000, source: coverageSource.onDemand });
    expect(others).toEqual([]);
  });

  it('end with the page that reaches a time', async () => {
    const ids = await addChat(ANNA, 200);
    await ask({ untilMs: BigInt(SINCE_MS + 120_000) });
    expect(await stored(ANNA)).toEqual(ids.slice(99));
  });

  it('end after so many', async () => {
    const ids = await addChat(ANNA, 200);
    expect(await ask({ maxMessages: 70 })).toMatchObject({ messagesAdded: 70n });
    expect(await stored(ANNA)).toEqual(ids.slice(129));
    expect(asked().map((question) => question.split(' ')[1])).toEqual(['50', '20']);
  });

  it('are not asked for when the time is reached already', async () => {
    await addChat(ANNA, 10);
    expect(await ask({ untilMs: BigInt(SINCE_MS + 9000) })).toMatchObject({ chunks: 0n, chats: 1n });
    expect(asked()).toEqual([]);
  });

  it.each(['silence', 'nothing'])('are found by the next message when one gets %s', async (kind) => {
    const { ids, lost } = phone.addChat(ANNA, 30, { tellsStart: true });
    await know(ANNA, ids.slice(-3));
    lost.add('491700000002-27');
    phone.before = ({ before }) => (kind === 'silence' && lost.has(before.messageId) ? 'silence' : undefined);
    await ask();
    expect(await stored(ANNA)).toEqual(ids);
    expect(asked().slice(0, 2)).toEqual(['491700000002-27 50', '491700000002-28 50']);
  });

  it('are found by what somebody wrote before notices', async () => {
    const { ids } = phone.addChat(GROUP, 5, { tellsStart: true });
    const [notice] = ids.slice(-2).map((id) => phoneMessage(GROUP, id, phone.chats.get(GROUP)));
    if (notice?.type === 'message') notice.message.content = { ...notice.message.content, kind: 15 };
    const events: LiveEvent[] = notice === undefined ? [] : [notice];
    await session.use((store) => recordAll(store, events));
    await know(GROUP, ids.slice(-1));
    await ask();
    expect(asked()).toEqual([`${ids.at(-1) ?? ''} 50`]);
  });

  it('of a chat that the phone knows by its LID only are asked for under it, once it is known to be', async () => {
    const { ids } = phone.addChat(ANNA_LID, 120, { tellsStart: true });
    await know(ANNA_LID, ids.slice(-1), ANNA);
    await session.use((store) => recordAll(store, [{ type: 'lid-mapping', lid: ANNA_LID, phone: ANNA }]));
    await ask();
    expect(await stored(ANNA)).toEqual(ids);
    expect(phone.asked.map(({ chatJid }) => chatJid)).toEqual([ANNA, ANNA_LID, ANNA_LID, ANNA_LID]);
  });

  it('of a chat whose number is not known are asked for under its LID', async () => {
    const ids = await addChat(ANNA_LID, 20, { tellsStart: true });
    await ask();
    expect(await stored(ANNA_LID)).toEqual(ids);
  });

  it('that were deleted here are no reason to ask for ever', async () => {
    const ids = await addChat(ANNA, 60);
    phone.before = ({ before }) => {
      // The same page again and again, whatever it is asked.
      before.messageId = ids.at(-1) ?? '';
      return undefined;
    };
    expect(await ask()).toMatchObject({ chunks: 3n, messagesAdded: 50n, messagesUnchanged: 100n });
  });

  it('are asked for in each chat with a person or a group, and in no other', async () => {
    for (const jid of [ANNA, GROUP, 'status@broadcast', '120363000000000002@newsletter', '1@broadcast']) {
      await addChat(jid, 3, { tellsStart: true });
    }
    expect(await ask()).toMatchObject({ chats: 2n, messagesAdded: 4n, progressPercent: 99 });
    expect(phone.asked.map(({ chatJid }) => chatJid)).toEqual([GROUP, ANNA].sort());
  });

  it('are asked for in all of many chats', async () => {
    const jids = Array.from({ length: 66 }, (_, n) => `49170${String(1_000_000 + n)}@s.whatsapp.net`);
    for (const jid of jids) phone.addChat(jid, 2, { tellsStart: true });
    const events = jids.map((jid) => phoneMessage(jid, `${jid.split('@')[0] ?? ''}-1`, phone.chats.get(jid)));
    await session.use((store) => recordAll(store, events));
    expect(await ask()).toMatchObject({ chats: 66n, messagesAdded: 66n });
  });

  it('of a chat of which nothing is known cannot be asked for, which is said', async () => {
    const { warnings } = await ask({ chats: [BEN], listed: true, chatsTotal: 1 });
    expect(warnings).toEqual(['of 1 chats no message is known, so that the phone could not be asked']);
  });
});

describe('a silent phone', () => {
  it('is asked again, then about the next chat, and once more at the end', async () => {
    const anna = await addChat(ANNA, 10, { tellsStart: true });
    const ben = await addChat(BEN, 10, { tellsStart: true });
    let silences = 0;
    phone.before = ({ chatJid }) => (chatJid === ANNA && silences++ < 3 ? 'silence' : undefined);
    expect(await ask()).toMatchObject({ chats: 2n, warnings: [] });
    expect([await stored(ANNA), await stored(BEN)]).toEqual([anna, ben]);
    expect(phone.asked.map(({ chatJid }) => chatJid)).toEqual([ANNA, ANNA, ANNA, BEN, ANNA]);
  });

  it('that never answers about a chat leaves a warning', async () => {
    await addChat(ANNA, 10);
    await addChat(BEN, 10, { tellsStart: true });
    phone.before = ({ chatJid }) => (chatJid === ANNA ? 'silence' : undefined);
    expect((await ask()).warnings).toEqual([`the phone did not answer about ${ANNA}`]);
    expect(phone.asked).toHaveLength(7);
  });

  it('that never answers at all is a failure', async () => {
    await addChat(ANNA, 10);
    phone.before = () => 'silence';
    await expect(ask()).rejects.toMatchObject({ fault: { reason: 'PHONE_SILENT', sessionId: 'a' } });
    expect(phone.asked).toHaveLength(6);
  });

  it('is left alone for a while after three chats, and at last for good', async () => {
    const states = new Set<string>();
    for (let n = 0; n < 20; n++) await addChat(`4917000001${String(n).padStart(2, '0')}@s.whatsapp.net`, 2);
    phone.before = () => {
      states.add(backfill.state);
      return 'silence';
    };
    begin({});
    const watching = (async () => {
      for (;;) {
        const change = backfill.changes.next(AbortSignal.timeout(5000));
        if (backfill.state === 'waiting') return;
        await change;
      }
    })();
    await expect(work()).rejects.toMatchObject({ fault: { reason: 'PHONE_SILENT' } });
    await watching;
    // Three chats, then one after each of six pauses.
    expect(new Set(phone.asked.map(({ chatJid }) => chatJid)).size).toBe(9);
    expect([...states]).toEqual(['importing']);
  });

  it('that answers late is not misunderstood', async () => {
    const ids = await addChat(ANNA, 80, { tellsStart: true });
    phone.before = (question, number) => {
      if (number === 1) return 'silence';
      // The first answer comes with the second question's, and again later.
      if (number < 4) void phone.answer({ ...question, before: phone.asked[0]?.before ?? question.before }, 'Q1');
      return undefined;
    };
    await ask();
    expect(await stored(ANNA)).toEqual(ids);
  });

  it('and one that cannot be asked at the moment are the same', async () => {
    const ids = await addChat(ANNA, 10, { tellsStart: true });
    phone.before = (_question, number) => (number === 1 ? 'unsent' : undefined);
    await ask();
    expect(await stored(ANNA)).toEqual(ids);
  });
});

describe('a lost connection', () => {
  it('lets the next one go on after the page before', async () => {
    const ids = await addChat(ANNA, 200, { tellsStart: true });
    phone.before = (_question, number) => {
      if (number !== 3) return undefined;
      phone.timesOut = false;
      queueMicrotask(() => connection.end({ cause: 'transient', code: 428 }));
      return 'silence';
    };
    begin({ maxMessages: 150 });
    const run = new LinkRun({ backfill, session, link, lost: undefined });
    const lost = askForOlder(run, asker());
    await expect(lost).rejects.toBeInstanceOf(LinkLost);
    expect(shown()).toMatchObject({ messagesAdded: 100n, chunks: 2n });
    const again = work(run);
    await connect(2);
    await again;
    expect(await stored(ANNA)).toEqual(ids.slice(49));
    expect(shown()).toMatchObject({ messagesAdded: 150n, chunks: 3n });
  });
});

describe('two backfills', () => {
  it('ask the phone one after the other', async () => {
    phone.timesOut = false;
    phone.before = () => 'silence';
    const connection = link.connection;
    if (connection === undefined) throw new Error('the link is not connected');
    const ask = (chatJid: string, signal: AbortSignal) => {
      const before = { messageId: 'A', fromMe: false, sentMs: SINCE_MS };
      return asker().ask(connection, { chatJid, before, count: 1 }, new Set([chatJid]), signal);
    };
    const [first, second] = [new AbortController(), new AbortController()];
    const asking = [ask(ANNA, first.signal), ask(BEN, second.signal)];
    const ended = Promise.allSettled(asking);
    // The second one has had its turns by then, if it needed none.
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect(phone.asked.map(({ chatJid }) => chatJid)).toEqual([ANNA]);
    first.abort();
    await expect.poll(() => phone.asked.map(({ chatJid }) => chatJid)).toEqual([ANNA, BEN]);
    second.abort();
    expect((await ended).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});

describe('a cancelled backfill', () => {
  it('stops to wait for the phone at once', async () => {
    await addChat(ANNA, 10);
    phone.timesOut = false;
    phone.before = () => {
      queueMicrotask(() => backfill.stopTasks());
      return 'silence';
    };
    begin({});
    const run = new LinkRun({ backfill, session, link, lost: undefined });
    await expect(askForOlder(run, asker())).rejects.toThrow();
    expect(phone.asked).toHaveLength(1);
  });
});

describe('a reconciliation', () => {
  const at = (second: number): bigint => BigInt(SINCE_MS + 1000 * second);

  it('goes back from what is known after the gap to where it began', async () => {
    const { ids } = phone.addChat(ANNA, 400);
    await know(ANNA, [...ids.slice(50, 100), ...ids.slice(300)]);
    expect(await ask({ untilMs: at(99), fromMs: at(300) })).toMatchObject({ messagesAdded: 200n });
    expect(await stored(ANNA)).toEqual(ids.slice(50));
    expect(asked()[0]).toBe('491700000002-300 50');
    expect(phone.asked).toHaveLength(5);
  });

  it('goes back from the newest message when none is known after the gap', async () => {
    const { ids } = phone.addChat(ANNA, 100);
    await know(ANNA, [...ids.slice(0, 10), ...ids.slice(80, 90)]);
    await ask({ untilMs: at(9), fromMs: at(200) });
    expect(asked()[0]).toBe('491700000002-87 50');
    expect(await stored(ANNA)).toEqual(ids.slice(0, 90));
  });

  it('leaves chats alone in which nothing is known since', async () => {
    await addChat(ANNA, 10);
    await addChat(BEN, 100, { tellsStart: true });
    await ask({ untilMs: at(50), fromMs: at(60) });
    expect(new Set(phone.asked.map(({ chatJid }) => chatJid))).toEqual(new Set([BEN]));
  });

  it('goes on where it was after a lost connection', async () => {
    const { ids } = phone.addChat(ANNA, 400);
    await know(ANNA, [...ids.slice(0, 100), ...ids.slice(300)]);
    phone.before = (_question, number) => {
      if (number !== 3) return undefined;
      phone.timesOut = false;
      queueMicrotask(() => connection.end({ cause: 'transient', code: 428 }));
      return 'silence';
    };
    begin({ untilMs: at(99), fromMs: at(300) });
    const run = new LinkRun({ backfill, session, link, lost: undefined });
    await expect(askForOlder(run, asker())).rejects.toBeInstanceOf(LinkLost);
    const again = work(run);
    await connect(2);
    await again;
    expect(await stored(ANNA)).toEqual(ids);
    expect(asked().slice(2, 4)).toEqual(['491700000002-200 50', '491700000002-200 50']);
  });
});
