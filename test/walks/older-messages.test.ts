import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { required } from '../../src/cli/call-error.js';
import { type Backfill, BackfillKind, BackfillState } from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import { Source } from '../../src/gen/scrollback/v1/message_pb.js';
import { LinkState } from '../../src/gen/scrollback/v1/session_service_pb.js';
import { followBackfill } from '../support/backfill-walk.js';
import { LinkedDaemon } from '../support/linked-daemon.js';
import { runCli } from '../support/run-cli.js';
import type { Account } from '../support/whatsapp/account.js';
import { ChatsOnPhone } from '../support/whatsapp/chats-on-phone.js';
import type { Peer } from '../support/whatsapp/peer.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };
const ANNA = '491700000002@s.whatsapp.net';

let linked: LinkedDaemon;
let account: Account;
let anna: Peer;
let phone: ChatsOnPhone;
beforeAll(async () => {
  // The phone answers at once or not at all: nobody waits for the former to be late.
  const env = { SCROLLBACK_PHONE_ANSWER_SECONDS: '30', SCROLLBACK_PHONE_PAUSE_SECONDS: '0' };
  linked = await LinkedDaemon.start(undefined, { env });
});
beforeEach(async () => {
  account = await linked.link('a', owner);
  await linked.until('a', LinkState.ONLINE);
  anna = linked.whatsapp.addPerson({ phone: '491700000002', lid: '900000000000002', name: 'Anna' });
  phone = new ChatsOnPhone(account);
});
afterEach(() => linked.renew());
afterAll(() => linked.remove());

const backfills = () => linked.daemon.client.backfills;

/** The ids of the messages of a chat, oldest first. */
async function stored(chat = ANNA): Promise<string[]> {
  const ids: string[] = [];
  for await (const { messages } of linked.daemon.client.history.readMessages({ sessionId: 'a', chat, order: 2 })) {
    ids.push(...messages.map(({ key }) => key?.messageId ?? ''));
  }
  return ids;
}

/** Lets the newest message of a chat of the phone arrive, so that the session knows where it is. */
async function arrive(ids: string[], addressing: 'pn' | 'lid' = 'pn'): Promise<void> {
  const id = ids.at(-1) ?? '';
  const t = phone.secondOf(anna.jid(addressing), id);
  await account.deliver(anna, { conversation: `text of ${id}` }, { id, t, addressing });
  await expect.poll(() => stored(anna.jid(addressing)), { timeout: 10_000 }).toContain(id);
}

async function ask(value: { chat?: string; maxMessages?: number } = {}): Promise<Backfill> {
  const source = { case: 'olderMessages', value } as const;
  return required((await backfills().createBackfill({ sessionId: 'a', source })).backfill);
}

const follow = ({ backfillId }: Backfill): Promise<Backfill> => followBackfill(linked.daemon.client, backfillId);

/** Resolves when a backfill has got so many answers. */
async function answers({ backfillId }: Backfill, chunks: bigint): Promise<void> {
  for await (const { backfill } of backfills().watchBackfill({ backfillId })) if (backfill!.chunks >= chunks) return;
}

describe('older messages', () => {
  it('come from the phone, and nobody else is asked or told', async () => {
    const ids = phone.addChat(ANNA, 120);
    await arrive(ids);
    const before = account.sent.entries.length;
    const end = await follow(await ask());
    expect(end).toMatchObject({
      kind: BackfillKind.OLDER_MESSAGES,
      state: BackfillState.SUCCEEDED,
      messagesAdded: 119n,
      chats: 1n,
      chunks: 3n,
      progressPercent: 100,
      warnings: [],
    });
    expect(await stored()).toEqual(ids);
    const { messages } = await linked.daemon.client.history.listMessages({ sessionId: 'a', chat: ANNA, order: 2 });
    expect(messages[0]?.sources).toEqual([Source.ON_DEMAND]);
    const sent = account.sent.entries.slice(before);
    expect(sent.map(({ to, category }) => `${category ?? ''} ${to}`)).toEqual(
      Array(3).fill(`peer ${account.phone.jid('pn')}`),
    );
    const said = account.otherStanzas.entries.map(({ attrs }) => attrs.type);
    expect(said).not.toContain('available');
    expect(account.acknowledgements.entries.filter(({ type }) => type === 'read')).toEqual([]);
    const { backfills: all } = await backfills().listBackfills({ sessionId: 'a', kind: BackfillKind.OLDER_MESSAGES });
    expect(all.map(({ backfillId }) => backfillId)).toEqual([end.backfillId]);
  });

  it('of a chat without a number come under its LID', async () => {
    const stranger = linked.whatsapp.addPerson({ lid: '900000000000077', name: 'Stranger' });
    anna = stranger;
    const ids = phone.addChat(stranger.jid('lid'), 60);
    await arrive(ids, 'lid');
    expect(await follow(await ask({ chat: stranger.jid('lid') }))).toMatchObject({ messagesAdded: 59n });
    expect(await stored(stranger.jid('lid'))).toEqual(ids);
  });

  it('go on after kill -9 where they were', async () => {
    const ids = phone.addChat(ANNA, 400);
    await arrive(ids);
    const backfill = await ask();
    await answers(backfill, 2n);
    await linked.daemon.kill9();
    await linked.daemon.restart();
    const end = await follow(backfill);
    expect(end.state).toBe(BackfillState.SUCCEEDED);
    expect(await stored()).toEqual(ids);
  });

  it('wait for a link that is cut, and go on with the next', async () => {
    const ids = phone.addChat(ANNA, 200);
    await arrive(ids);
    phone.onQuestion = (number) => {
      if (number === 2) linked.whatsapp.cutAll();
    };
    const states = new Set<BackfillState>();
    const { backfillId } = await ask();
    for await (const { backfill } of backfills().watchBackfill({ backfillId })) states.add(backfill!.state);
    expect([...states]).toContain(BackfillState.WAITING);
    expect([...states]).toContain(BackfillState.SUCCEEDED);
    expect(await stored()).toEqual(ids);
  });

  it('come from a phone that keeps silent and then answers', async () => {
    await linked.restartWith({ SCROLLBACK_PHONE_ANSWER_SECONDS: '3' });
    await linked.until('a', LinkState.ONLINE);
    const ids = phone.addChat(ANNA, 30);
    await arrive(ids);
    phone.silent = (number) => number === 1;
    expect(await follow(await ask())).toMatchObject({ state: BackfillState.SUCCEEDED, warnings: [] });
    expect(await stored()).toEqual(ids);
  });

  it('are found by another message when the phone has lost the oldest one', async () => {
    const ids = phone.addChat(ANNA, 30);
    await arrive(ids.slice(0, -1));
    await arrive(ids);
    phone.lost.add(ids.at(-2) ?? '');
    expect(await follow(await ask())).toMatchObject({ messagesAdded: 28n });
    expect(await stored()).toEqual(ids);
  });

  it('are not asked for any more within two seconds after the backfill was cancelled', async () => {
    const ids = phone.addChat(ANNA, 30);
    await arrive(ids);
    phone.silent = () => true;
    const backfill = await ask();
    await expect.poll(() => phone.asked.length).toBe(1);
    const { backfill: end } = await backfills().cancelBackfill({ backfillId: backfill.backfillId });
    expect(end?.state).toBe(BackfillState.CANCELLED);
    expect(phone.asked).toHaveLength(1);
    expect(await follow(await ((phone.silent = () => false), ask()))).toMatchObject({ messagesAdded: 29n });
  });

  it('are asked for by one backfill at a time, and only over a link that is connected', async () => {
    await arrive(phone.addChat(ANNA, 3));
    phone.silent = () => true;
    const { backfillId } = await ask();
    await expect(ask()).rejects.toMatchObject({ reason: 'BACKFILL_RUNNING', metadata: { backfill_id: backfillId } });
    await backfills().cancelBackfill({ backfillId });
    await expect(ask({ chat: 'status@broadcast' })).rejects.toMatchObject({ reason: 'INVALID_ARGUMENT' });
    await linked.daemon.client.sessions.unlinkSession({ sessionId: 'a' });
    await expect(ask()).rejects.toMatchObject({ reason: 'LINK_NOT_CONNECTED', code: 9 });
  });

  it('end in a failure that says what to do when the session is unlinked', async () => {
    await arrive(phone.addChat(ANNA, 3));
    phone.silent = () => true;
    const backfill = await ask();
    await linked.daemon.client.sessions.unlinkSession({ sessionId: 'a' });
    const end = await follow(backfill);
    expect(end.state).toBe(BackfillState.FAILED);
    expect(end.error?.message).toMatch(/link/i);
  });

  it('are asked for on the command line', async () => {
    await arrive(phone.addChat(ANNA, 60));
    const args = ['older', '--session', 'a', '--chat', '+49 170 0000002', '--max', '20'];
    const { code, stdout } = await runCli(args, { address: linked.daemon.address });
    expect(code).toBe(0);
    expect(stdout).toMatch(/kind +older-messages\n/);
    expect(stdout).toMatch(/added +20\n/);
  });
});

describe('an outage', () => {
  it('is asked about from what came after it back to where it began, on the command line, too', async () => {
    const ids = phone.addChat(ANNA, 100);
    await arrive(ids.slice(0, 1));
    // The session was away, and WhatsApp kept nothing for it.
    await arrive(ids.slice(0, 90));
    const at = (index: number) => ({ seconds: BigInt(phone.secondOf(ANNA, ids[index] ?? '')) });
    const gap = { sessionId: 'a', from: at(0), to: at(89) };
    const { backfill } = await linked.daemon.client.sessions.reconcileSession(gap);
    expect(backfill?.kind).toBe(BackfillKind.RECONCILIATION);
    expect(await follow(required(backfill))).toMatchObject({ messagesAdded: 88n, messagesUpdated: 1n, chunks: 2n });
    expect(await stored()).toEqual(ids.slice(0, 90));
    const args = ['reconcile', '--session', 'a', '--from', '2020-09-13', '--to', '2020-09-14'];
    const { code, stdout } = await runCli(args, { address: linked.daemon.address });
    expect(code).toBe(0);
    expect(stdout).toMatch(/kind +reconciliation\n/);
  });
});
