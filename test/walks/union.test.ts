import { proto } from '@whiskeysockets/baileys';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LinkState } from '../../src/gen/scrollback/v1/session_service_pb.js';
import { type Message, Source } from '../../src/gen/scrollback/v1/message_pb.js';
import { importWhole } from '../support/backfill-walk.js';
import { Follower } from '../support/follower.js';
import { LinkedDaemon } from '../support/linked-daemon.js';
import { readAllMessages, revisionOf, sentMsOf } from '../support/read-history.js';
import {
  backupOf,
  chunkOf,
  type Friend,
  idOf,
  isOwn,
  jidOf,
  lineOf,
  messagesOf,
  secondsOf,
  textOf,
  type Told,
  unionOf,
} from '../support/shared-chats.js';
import type { Account } from '../support/whatsapp/account.js';
import type { Peer } from '../support/whatsapp/peer.js';

const { RECENT, FULL, ON_DEMAND } = proto.HistorySync.HistorySyncType;

const anna: Friend = { name: 'Anna', phone: '491700000011', lid: '900000000000011' };
const carl: Friend = { name: 'Carl', lid: '900000000000012' };
const dora: Friend = { name: 'Dora', phone: '491700000013' };
const FRIENDS = [anna, carl, dora];

/** What each source tells; all overlap. */
const PARTS = {
  backup: { source: Source.BACKUP, messages: messagesOf(FRIENDS, 0, 24) },
  inline: { source: Source.HISTORY_SYNC, messages: messagesOf(FRIENDS, 8, 30) },
  download: { source: Source.HISTORY_SYNC, messages: messagesOf(FRIENDS, 18, 40) },
  live: { source: Source.LIVE, messages: messagesOf(FRIENDS, 34, 48) },
  demand: { source: Source.ON_DEMAND, messages: messagesOf(FRIENDS, 2, 12) },
} satisfies Record<string, Told>;
type Part = keyof typeof PARTS;
const ALL = Object.values(PARTS);

/** `mapping` is when the number of Anna's LID becomes known. */
type Step = Part | 'mapping';

/** By which address a part calls who has two. */
type Forms = Record<Part, 'phone' | 'lid'>;
const BY_PHONE: Forms = { backup: 'phone', inline: 'phone', download: 'phone', live: 'phone', demand: 'phone' };
const BY_LID: Forms = { backup: 'lid', inline: 'lid', download: 'lid', live: 'lid', demand: 'lid' };
const MIXED: Forms = { backup: 'phone', inline: 'lid', download: 'phone', live: 'lid', demand: 'lid' };
const OTHERWISE: Forms = { backup: 'lid', inline: 'phone', download: 'lid', live: 'phone', demand: 'lid' };

/** Steps in brackets come at the same time. */
const ORDERS: [name: string, forms: Forms, steps: (Step | Step[])[]][] = [
  ['by number, the backup last', BY_PHONE, ['live', 'inline', 'download', 'demand', 'backup']],
  ['by LID, and no number is ever told', BY_LID, ['demand', 'backup', 'live', 'download', 'inline']],
  ['by LID, the number is told last', BY_LID, ['inline', ['backup', 'live'], 'demand', 'download', 'mapping']],
  ['in both ways, the number is told last', MIXED, ['backup', 'download', 'live', 'inline', 'demand', 'mapping']],
  [
    'in both ways, the number is told between',
    OTHERWISE,
    ['live', 'demand', 'mapping', 'backup', 'inline', 'download'],
  ],
  ['all at once', MIXED, [['download', 'backup', 'live', 'mapping', 'inline', 'demand']]],
];

let linked: LinkedDaemon;
const peers = new Map<Friend, Peer>();
beforeAll(async () => {
  linked = await LinkedDaemon.start();
  for (const friend of FRIENDS) peers.set(friend, linked.whatsapp.addPerson(friend));
});
afterAll(async () => {
  await linked.remove();
  expect(linked.whatsapp.errors).toEqual([]);
});

async function give(sessionId: string, account: Account, step: Step, forms: Forms): Promise<void> {
  if (step === 'mapping') {
    const phoneNumberToLidMappings = [{ pnJid: jidOf(anna, 'phone'), lidJid: jidOf(anna, 'lid') }];
    const chunk = { syncType: RECENT, chunkOrder: 9, progress: 60, conversations: [], phoneNumberToLidMappings };
    await account.acknowledged(await account.pushHistory(chunk, 'inline'));
    return;
  }
  const { messages } = PARTS[step];
  const form = forms[step];
  if (step === 'backup') {
    await importWhole(linked.daemon.client, sessionId, backupOf(messages, form));
  } else if (step === 'live') {
    for (const message of messages) {
      const peer = peers.get(message.friend);
      if (peer === undefined) throw new Error('nobody');
      const inForm = jidOf(message.friend, form).endsWith('@lid') ? ('lid' as const) : ('pn' as const);
      const options = { id: idOf(message), t: secondsOf(message), addressing: inForm, tellsOther: false };
      const own = isOwn(message);
      const author = own ? account.phone : peer;
      const content = { conversation: textOf(message) };
      await account.acknowledged(await account.deliver(author, content, own ? { ...options, chat: peer } : options));
    }
  } else {
    const type = { inline: RECENT, download: FULL, demand: ON_DEMAND }[step];
    const by = step === 'download' ? 'media' : 'inline';
    const requestId = step === 'demand' ? 'request' : undefined;
    await account.acknowledged(await account.pushHistory(chunkOf(messages, form, type), by, requestId));
  }
}

const linesOf = (messages: readonly Message[]): string[] =>
  messages
    .map((message) => {
      const { key, text, sources } = message;
      const { chatJid: chat = '', senderJid: sender = '', messageId: id = '' } = key ?? {};
      return lineOf({ chat, sender, id, ms: sentMsOf(message), text, sources });
    })
    .sort();

test.each(ORDERS)('a history is the union of its sources, each message once: %s', async (name, forms, steps) => {
  const sessionId = `s${String(ORDERS.findIndex(([one]) => one === name))}`;
  const { client } = linked.daemon;
  const account = await linked.link(sessionId, {
    phone: `4917100000${sessionId.slice(1)}`,
    lid: `80000000000000${sessionId.slice(1)}`,
    name: 'Owner',
  });
  await linked.until(sessionId, LinkState.ONLINE);
  const followers = [new Follower(), new Follower(jidOf(anna, 'lid')), new Follower(jidOf(anna, 'phone'))];
  for (const step of steps) {
    await Promise.all([step].flat().map((one) => give(sessionId, account, one, forms)));
    const revision = await revisionOf(client, sessionId);
    for (const follower of followers) await follower.followTo(client, sessionId, revision);
  }
  const known = steps.flat().includes('mapping') || forms === BY_PHONE;
  const union = unionOf(ALL, known ? [anna, dora] : [dora]);
  const read = async (): Promise<string[]> => linesOf(await readAllMessages(client, sessionId));
  await expect.poll(read, { timeout: 60_000 }).toEqual(union);
  // What is logged again, because chats were united, comes in steps: then the copies are behind for a moment.
  const differences = async (): Promise<unknown[]> => {
    const messages = await readAllMessages(client, sessionId);
    const revision = await revisionOf(client, sessionId);
    for (const follower of followers) await follower.followTo(client, sessionId, revision);
    const addresses = [jidOf(anna, 'lid'), jidOf(anna, 'phone')];
    const ofAnna = messages.filter(({ key }) => addresses.includes(key?.chatJid ?? ''));
    const [all, byLid, byPhone] = followers;
    return [
      all?.differenceTo(messages),
      known && forms === BY_PHONE ? undefined : byLid?.differenceTo(ofAnna),
      known ? byPhone?.differenceTo(ofAnna) : undefined,
    ];
  };
  await expect.poll(differences, { timeout: 60_000 }).toEqual([undefined, undefined, undefined]);
});
