import { randomBytes } from 'node:crypto';
import { toBinary } from '@bufbuild/protobuf';
import { proto } from '@whiskeysockets/baileys';
import Sqlite from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { EventAnswer, type Message, MessageSchema } from '../../src/gen/scrollback/v1/message_pb.js';
import { LinkState } from '../../src/gen/scrollback/v1/session_service_pb.js';
import { importWhole } from '../support/backfill-walk.js';
import { LinkedDaemon } from '../support/linked-daemon.js';
import { readAllMessages } from '../support/read-history.js';
import type { Account } from '../support/whatsapp/account.js';
import { answerEvent } from '../support/whatsapp/event-response.js';
import type { Group } from '../support/whatsapp/groups.js';
import type { Peer } from '../support/whatsapp/peer.js';
import { castPollVote } from '../support/whatsapp/poll-vote.js';
import { editEvent, editMessage, sealReaction } from '../support/whatsapp/sealed-edit.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };
const OWNER = '491700000001@s.whatsapp.net';
const ANNA = '491700000002@s.whatsapp.net';
const BEN = '491700000003@s.whatsapp.net';
const BEN_LID = '900000000000003@lid';
const { GOING, NOT_GOING } = proto.Message.EventResponseMessage.EventResponseType;

const POLL = { id: '3EB0AAAA00000001', secret: randomBytes(32) };
const EVENT = { id: '3EB0AAAA00000002', secret: randomBytes(32) };
const TEXT = { id: '3EB0AAAA00000003', secret: randomBytes(32) };
const OLD_TEXT = { id: '3EB0AAAA00000004', secret: randomBytes(32) };

const DAY_MS = 86_400_000;
const OLD_MS = 1_690_000_000_001;

let linked: LinkedDaemon;
let account: Account;
let anna: Peer;
let ben: Peer;
let group: Group;
beforeAll(async () => {
  linked = await LinkedDaemon.start({ claimsPreKeys: true }, { env: { SCROLLBACK_LOG_LEVEL: 'trace' } });
});
beforeEach(async () => {
  account = await linked.link('a', owner);
  await linked.until('a', LinkState.ONLINE);
  anna = linked.whatsapp.addPerson({ phone: '491700000002', name: 'Anna' });
  ben = linked.whatsapp.addPerson({ phone: '491700000003', lid: '900000000000003', name: 'Ben' });
  group = linked.whatsapp.groups.create({ subject: 'G', creator: anna, members: [account.phone, ben] });
});
afterEach(() => linked.renew());
afterAll(() => linked.remove());

/** A phone's database with a poll, an event and two texts of Anna's in the group. Nobody has voted, answered or reacted when it is made. */
function aBackup(): Buffer {
  const db = new Sqlite(':memory:');
  try {
    db.exec(`CREATE TABLE jid (_id INTEGER PRIMARY KEY, user TEXT, server TEXT);
      CREATE TABLE chat (_id INTEGER PRIMARY KEY, jid_row_id INTEGER);
      CREATE TABLE message (_id INTEGER PRIMARY KEY, chat_row_id, from_me, key_id, sender_jid_row_id, timestamp, message_type, text_data);
      CREATE TABLE message_poll (message_row_id INTEGER PRIMARY KEY, selectable_options_count INTEGER);
      CREATE TABLE message_poll_option (_id INTEGER PRIMARY KEY, message_row_id INTEGER, option_name TEXT);
      CREATE TABLE message_event (message_row_id INTEGER PRIMARY KEY, name TEXT, start_time INTEGER);
      CREATE TABLE message_secret (message_row_id INTEGER PRIMARY KEY, message_secret BLOB);
      INSERT INTO message_poll VALUES (1, 1);
      INSERT INTO message_poll_option VALUES (1, 1, 'red'), (2, 1, 'blue');
      INSERT INTO message_event VALUES (2, 'Picnic', 1800000000000);
      INSERT INTO chat VALUES (1, 1);`);
    for (const [n, jid] of [group.jid, ANNA].entries()) {
      db.prepare('INSERT INTO jid VALUES (?, ?, ?)').run(n + 1, ...jid.split('@'));
    }
    const add = db.prepare('INSERT INTO message VALUES (?, 1, 0, ?, 2, ?, ?, ?)');
    add.run(1, POLL.id, OLD_MS, 66, 'Which one?');
    add.run(2, EVENT.id, OLD_MS, 92, null);
    add.run(3, TEXT.id, OLD_MS + 2 * DAY_MS, 0, 'here');
    add.run(4, OLD_TEXT.id, OLD_MS, 0, 'old');
    add.run(5, '3EB0AAAA00000005', OLD_MS + 31 * DAY_MS, 0, 'the newest');
    for (const [n, { secret }] of [POLL, EVENT, TEXT, OLD_TEXT].entries()) {
      db.prepare('INSERT INTO message_secret VALUES (?, ?)').run(n + 1, secret);
    }
    return db.serialize();
  } finally {
    db.close();
  }
}

async function importBackup(): Promise<void> {
  await importWhole(linked.daemon.client, 'a', aBackup());
}

/** Ben, by his LID, and the owner vote and answer, Anna calls the event off; then she writes, so that one sees when all is recorded. */
async function voteAndAnswer(): Promise<void> {
  const pollKey = { remoteJid: group.jid, participant: ANNA, fromMe: false, id: POLL.id };
  const eventKey = { ...pollKey, id: EVENT.id };
  const poll = { pollKey, pollAuthor: ANNA, secret: POLL.secret };
  const event = { eventKey, eventAuthor: ANNA, secret: EVENT.secret };
  const deliver = async (author: Peer, message: proto.IMessage, addressing: 'pn' | 'lid'): Promise<void> => {
    await account.acknowledged(
      await account.deliver(author, message, { chat: group.jid, addressing, tellsOther: true }),
    );
  };
  const going = { response: GOING, timestampMs: 5000, extraGuestCount: 2 };
  await deliver(ben, { pollUpdateMessage: castPollVote({ ...poll, voter: BEN_LID, options: ['blue'] }) }, 'lid');
  await deliver(ben, { encEventResponseMessage: answerEvent({ ...event, responder: BEN, response: going }) }, 'lid');
  const own = { response: NOT_GOING, timestampMs: 6000 };
  await deliver(account.phone, { pollUpdateMessage: castPollVote({ ...poll, voter: OWNER, options: ['red'] }) }, 'pn');
  await deliver(
    account.phone,
    { encEventResponseMessage: answerEvent({ ...event, responder: OWNER, response: own }) },
    'pn',
  );
  const off = { name: 'No picnic', isCanceled: true };
  await deliver(anna, editEvent({ eventKey, author: ANNA, secret: EVENT.secret, event: off }), 'pn');
  for (const { id, secret } of [TEXT, OLD_TEXT]) {
    const sealing = { targetKey: { ...pollKey, id }, author: ANNA, secret };
    await deliver(anna, editMessage({ ...sealing, edited: { conversation: 'there' }, timestampMs: OLD_MS }), 'pn');
    const reaction = { text: '👍', senderTimestampMs: OLD_MS };
    await deliver(ben, sealReaction({ ...sealing, reactor: BEN_LID, reaction }), 'lid');
  }
  await deliver(anna, { conversation: 'and?' }, 'pn');
  await expect.poll(async () => (await read()).map(({ text }) => text), { timeout: 20_000 }).toContain('and?');
}

const read = (): Promise<Message[]> => readAllMessages(linked.daemon.client, 'a');

test.each<[string, (() => Promise<void>)[]]>([
  ['before them', [importBackup, voteAndAnswer]],
  ['after them', [voteAndAnswer, importBackup]],
  [
    'after them, when no link is left and the daemon was started anew',
    [
      voteAndAnswer,
      async () => {
        await linked.daemon.client.sessions.unlinkSession({ sessionId: 'a' });
        await linked.daemon.stop();
        await linked.daemon.restart();
      },
      importBackup,
    ],
  ],
  ['before them, and once more', [importBackup, voteAndAnswer, importBackup]],
])('votes, answers, edits and reactions are shown of what only a backup has, which comes %s', async (_, steps) => {
  for (const step of steps) await step();
  const messages = await read();
  const byId = (id: string): Message | undefined => messages.find(({ key }) => key?.messageId === id);
  expect(byId(POLL.id)?.poll).toMatchObject({
    options: [{ name: 'red' }, { name: 'blue' }],
    votes: [
      { voterJid: BEN, fromMe: false, optionIndexes: [1] },
      { voterJid: '', fromMe: true, optionIndexes: [0] },
    ],
  });
  expect(byId(EVENT.id)).toMatchObject({
    text: 'No picnic',
    event: {
      canceled: true,
      responses: [
        { responderJid: BEN, answer: EventAnswer.GOING, extraGuestCount: 2, responseTime: { seconds: 5n } },
        { responderJid: '', fromMe: true, answer: EventAnswer.NOT_GOING },
      ],
    },
  });
  expect(byId(TEXT.id)).toMatchObject({ text: 'there', reactions: [{ senderJid: BEN, emoji: '👍' }] });
  // Of what was old when the backup was made it is not kept.
  expect(byId(OLD_TEXT.id)).toMatchObject({ text: 'old', reactions: [] });
  // What opened them is told to nobody.
  const shown = Buffer.concat(messages.map((message) => toBinary(MessageSchema, message)));
  for (const { secret } of [POLL, EVENT, TEXT, OLD_TEXT]) {
    expect(shown.includes(secret)).toBe(false);
    for (const form of [secret.toString('hex'), secret.toString('base64'), secret.join(',')]) {
      expect(linked.daemon.log.includes(form)).toBe(false);
    }
  }
});
