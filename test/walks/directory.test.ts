import { chatModificationToAppPatch } from '@whiskeysockets/baileys';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Backfill } from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import { BackfillKind, BackfillState } from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import { GroupRank } from '../../src/gen/scrollback/v1/history_service_pb.js';
import { LinkState } from '../../src/gen/scrollback/v1/session_service_pb.js';
import { followBackfill, getBackfill } from '../support/backfill-walk.js';
import { LinkedDaemon } from '../support/linked-daemon.js';
import { runCli } from '../support/run-cli.js';
import type { Account } from '../support/whatsapp/account.js';
import type { Peer } from '../support/whatsapp/peer.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };
const isGroupQuery = ({ attrs }: { attrs: Record<string, string> }): boolean => attrs.xmlns === 'w:g2';

let linked: LinkedDaemon;
let account: Account;
let anna: Peer;
let ben: Peer;
beforeAll(async () => {
  linked = await LinkedDaemon.start();
});
beforeEach(async () => {
  account = await linked.link('a', owner);
  await linked.until('a', LinkState.ONLINE);
  const { whatsapp } = linked;
  anna = whatsapp.addPerson({ phone: '491700000002', lid: '900000000000002', name: 'Anna' });
  ben = whatsapp.addPerson({ phone: '491700000003', lid: '900000000000003', name: 'Ben' });
  await account.acknowledged(await account.shareAppStateKey());
  for (const [jid, fullName] of [
    [anna.jid('pn'), 'Anna Ames'],
    [ben.jid('pn'), 'Ben Burns'],
  ] as const) {
    const change = chatModificationToAppPatch({ contact: { fullName } }, jid);
    await account.acknowledged(await account.changeAppState(change));
  }
  const { phone } = account;
  whatsapp.groups.create({ subject: 'One', creator: anna, members: [phone, ben], id: '1203630000000001' });
  whatsapp.groups.create({
    subject: 'Two',
    creator: phone,
    members: [anna],
    id: '1203630000000002',
    addressing: 'lid',
  });
  whatsapp.groups.create({ subject: 'Three', creator: ben, members: [phone], id: '1203630000000003' });
});
afterEach(() => linked.renew());
afterAll(() => linked.remove());

const source = { case: 'directory', value: {} } as const;

/** What the three groups and the two people come to. */
const whole = {
  kind: BackfillKind.DIRECTORY,
  state: BackfillState.SUCCEEDED,
  contacts: 2n,
  groups: 3n,
  groupMembers: 7n,
  rowsRead: 0n,
  progressPercent: 100,
  warnings: [],
};

async function createDirectory(sessionId = 'a'): Promise<Backfill> {
  const { backfill } = await linked.daemon.client.backfills.createBackfill({ sessionId, source });
  if (backfill === undefined) throw new Error('no backfill');
  return backfill;
}

/** The subjects of all groups. */
async function subjects(): Promise<string[]> {
  const { groups } = await linked.daemon.client.history.listGroups({ sessionId: 'a' });
  return groups.map(({ subject }) => subject).sort();
}

/** Follows a backfill until it is in a state. */
async function until(backfillId: string, state: BackfillState): Promise<Backfill> {
  for await (const { backfill } of linked.daemon.client.backfills.watchBackfill({ backfillId })) {
    if (backfill?.state === state) return backfill;
  }
  throw new Error(`it never was ${BackfillState[state]}`);
}

describe('a directory backfill', () => {
  it('fetches people and groups with their members, and is listed with its counts', async () => {
    const { client, address } = linked.daemon;
    expect(await subjects()).toEqual([]);
    const made = await createDirectory();
    const done = await followBackfill(client, made.backfillId);
    expect(done).toMatchObject(whole);
    const { groups } = await client.history.listGroups({ sessionId: 'a' });
    const two = groups.find(({ subject }) => subject === 'Two');
    expect(two?.members.map(({ jid, fromMe, rank }) => [jid, fromMe, rank])).toEqual([
      [`${owner.phone}@s.whatsapp.net`, true, GroupRank.SUPERADMIN],
      [anna.jid('pn'), false, GroupRank.MEMBER],
    ]);
    expect(await subjects()).toEqual(['One', 'Three', 'Two']);
    const { contacts } = await client.history.listContacts({ sessionId: 'a' });
    const names = contacts.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['Anna Ames', 'Ben Burns']));

    const { stdout, code } = await runCli(['refresh', '--session', 'a'], { address });
    expect([code, stdout.split('\n')[2]]).toEqual([0, 'kind           directory']);
    const kind = BackfillKind.DIRECTORY;
    const listed = (await client.backfills.listBackfills({ sessionId: 'a', kind })).backfills;
    expect(listed).toMatchObject([whole, { ...whole, backfillId: made.backfillId }]);
    const which = { case: 'sessionId', value: 'a' } as const;
    expect((await client.backfills.getBackfill({ which, kind })).backfill).toEqual(listed[0]);
  });

  it('is the only one of its session, and goes on after kill -9 with what it had', async () => {
    account.refuses = (query) => (isGroupQuery(query) ? 429 : undefined);
    const { backfillId } = await createDirectory();
    const waiting = await until(backfillId, BackfillState.WAITING);
    expect(waiting).toMatchObject({ contacts: 2n, groups: 0n, progressPercent: 50 });
    await expect(createDirectory()).rejects.toMatchObject({
      reason: 'BACKFILL_RUNNING',
      metadata: { backfill_id: backfillId },
    });
    await linked.daemon.kill9();
    account.refuses = () => undefined;
    await linked.daemon.restart();
    expect(await getBackfill(linked.daemon.client, backfillId)).toMatchObject({ contacts: 2n });
    expect(await followBackfill(linked.daemon.client, backfillId)).toMatchObject({ ...whole, backfillId });
    expect(await subjects()).toEqual(['One', 'Three', 'Two']);
  });

  it('goes on when the connection was cut in the middle', async () => {
    const cut = linked.whatsapp.cut('receiving', isGroupQuery);
    const { backfillId } = await createDirectory();
    await cut;
    expect(await followBackfill(linked.daemon.client, backfillId)).toMatchObject(whole);
  });

  it('can be cancelled while it waits, and fails when the session is unlinked', async () => {
    const { client } = linked.daemon;
    account.refuses = (query) => (isGroupQuery(query) ? 429 : undefined);
    const { backfillId } = await createDirectory();
    await until(backfillId, BackfillState.WAITING);
    const { backfill } = await client.backfills.cancelBackfill({ backfillId });
    expect(backfill).toMatchObject({ state: BackfillState.CANCELLED, contacts: 2n });

    const next = await createDirectory();
    await until(next.backfillId, BackfillState.WAITING);
    await client.sessions.unlinkSession({ sessionId: 'a' });
    const failed = await followBackfill(client, next.backfillId);
    expect(failed.state).toBe(BackfillState.FAILED);
    expect(failed.error?.message).toContain('session a is not connected to WhatsApp (unlinked)');
    await expect(createDirectory()).rejects.toMatchObject({
      reason: 'LINK_NOT_CONNECTED',
      metadata: { session_id: 'a', state: 'unlinked' },
    });
  });
});
