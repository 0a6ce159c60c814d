import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Chat } from '../../src/gen/scrollback/v1/history_service_pb.js';
import { GroupRank } from '../../src/gen/scrollback/v1/history_service_pb.js';
import { LinkState } from '../../src/gen/scrollback/v1/session_service_pb.js';
import { LinkedDaemon } from '../support/linked-daemon.js';
import { runCli } from '../support/run-cli.js';
import type { Account } from '../support/whatsapp/account.js';
import type { Group } from '../support/whatsapp/groups.js';
import type { Peer } from '../support/whatsapp/peer.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };

let linked: LinkedDaemon;
let account: Account;
let anna: Peer;
/** The groups that WhatsApp was asked for, one after the other. */
let asked: (string | undefined)[];
beforeAll(async () => {
  linked = await LinkedDaemon.start();
});
beforeEach(async () => {
  account = await linked.link('a', owner);
  await linked.until('a', LinkState.ONLINE);
  anna = linked.whatsapp.addPerson({ phone: '491700000002', lid: '900000000000002', name: 'Anna' });
  asked = [];
  refuse(() => undefined);
});
afterEach(() => linked.renew());
afterAll(() => linked.remove());

/** Decides what becomes of questions for groups, and counts them. */
function refuse(how: (jid: string | undefined) => number | 'silence' | undefined): void {
  account.refuses = ({ attrs }) => {
    if (attrs.xmlns !== 'w:g2') return undefined;
    asked.push(attrs.to);
    return how(attrs.to);
  };
}

function newGroup(subject: string): Group {
  const { phone } = account;
  return linked.whatsapp.groups.create({ subject, creator: anna, members: [phone], addressing: 'lid' });
}

/** Somebody writes to a group; resolves when WhatsApp may forget it. */
async function write({ jid: chat }: Group): Promise<void> {
  await account.acknowledged(await account.deliver(anna, { conversation: 'hello' }, { chat, addressing: 'lid' }));
}

/** Resolves to a group's chat as soon as it is as it should be. */
async function until({ jid }: Group, isReached: (chat: Chat) => boolean): Promise<Chat> {
  const { history } = linked.daemon.client;
  for (;;) {
    const { chats } = await history.listChats({ sessionId: 'a' });
    const chat = chats.find((one) => one.jid === jid);
    if (chat !== undefined && isReached(chat)) return chat;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const named = (group: Group): Promise<Chat> => until(group, ({ name }) => name !== '');

describe('a group that is known from a message alone', () => {
  it('gets its subject and its members by one question, however many messages come', async () => {
    const chess = newGroup('Chess');
    for (let n = 0; n < 5; n++) await write(chess);
    expect((await named(chess)).name).toBe('Chess');
    await until(chess, ({ messageCount }) => messageCount === 5n);
    const { client, address } = linked.daemon;
    const { groups } = await client.history.listGroups({ sessionId: 'a' });
    expect(groups.map(({ jid, subject }) => [jid, subject])).toEqual([[chess.jid, 'Chess']]);
    expect(groups[0]?.members.map(({ jid, fromMe, rank }) => [jid, fromMe, rank])).toEqual([
      [account.phone.jid('pn'), true, GroupRank.MEMBER],
      [anna.jid('pn'), false, GroupRank.SUPERADMIN],
    ]);
    expect((await runCli(['chats', '--session', 'a'], { address })).stdout).toContain('Chess');

    await linked.daemon.kill9();
    await linked.daemon.restart();
    await linked.until('a', LinkState.ONLINE);
    await write(chess);
    const go = newGroup('Go');
    await write(go);
    await named(go);
    expect(asked).toEqual([chess.jid, go.jid]);
  });

  it('is recorded and acknowledged while WhatsApp does not answer, and asked again after a lost connection', async () => {
    refuse(() => 'silence');
    const chess = newGroup('Chess');
    await write(chess);
    while (asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await write(chess);
    expect((await until(chess, ({ messageCount }) => messageCount === 2n)).name).toBe('');
    refuse(() => undefined);
    linked.whatsapp.cutAll();
    await named(chess);
    expect(asked).toEqual([chess.jid, chess.jid]);
  });

  it('that does not tell its name is not asked for again, neither by more messages nor after a restart', async () => {
    const chess = newGroup('Chess');
    refuse((jid) => (jid === chess.jid ? 403 : undefined));
    const [go, hex] = [newGroup('Go'), newGroup('Hex')];
    await write(chess);
    await write(go);
    await named(go);
    await write(chess);
    await linked.daemon.kill9();
    await linked.daemon.restart();
    await linked.until('a', LinkState.ONLINE);
    await write(chess);
    await write(hex);
    await named(hex);
    expect(asked).toEqual([chess.jid, go.jid, hex.jid]);
  });
});
