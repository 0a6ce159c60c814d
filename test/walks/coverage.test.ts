import { setTimeout as delay } from 'node:timers/promises';
import { proto } from '@whiskeysockets/baileys';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Coverage } from '../../src/gen/scrollback/v1/history_service_pb.js';
import { LinkState } from '../../src/gen/scrollback/v1/session_service_pb.js';
import { Source } from '../../src/gen/scrollback/v1/message_pb.js';
import { required } from '../../src/cli/call-error.js';
import { digitsOf, importWhole } from '../support/backfill-walk.js';
import { makeBytes } from '../support/backup-bytes.js';
import { LinkedDaemon } from '../support/linked-daemon.js';
import { rootKey } from '../support/small-backup.js';
import type { Account } from '../support/whatsapp/account.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };
const ANNA = '491700000002@s.whatsapp.net';
const ANNA_LID = '900000000000002@lid';
const { ONLINE, BACKING_OFF, LOGGED_OUT } = LinkState;
const { BACKUP, LIVE, HISTORY_SYNC } = Source;
const HOUR = 3_600_000;

let linked: LinkedDaemon;
let account: Account;
beforeAll(async () => {
  linked = await LinkedDaemon.start();
});
afterEach(() => linked.renew());
afterAll(() => linked.remove());

async function link(): Promise<void> {
  account = await linked.link('a', owner);
  await linked.until('a', ONLINE);
}

/** A backup whose newest row is about from `endMs`. */
async function importUntil(endMs: number): Promise<void> {
  const { crypt15 } = await makeBytes({ messages: 60, chats: 4, seed: 7, startMs: endMs - 60 * 60_000 });
  await importWhole(linked.daemon.client, 'a', crypt15, digitsOf(rootKey));
}

async function coverageOf(chat = ''): Promise<Coverage> {
  return required((await linked.daemon.client.history.getCoverage({ sessionId: 'a', chat })).coverage);
}

/** Stretches and gaps in ms; `from` is 0 for the beginning. */
function inMs({ stretches, gaps }: Coverage): {
  stretches: { from: number; to: number; source: Source }[];
  gaps: { from: number; to: number }[];
} {
  const ends = ({ fromTime, toTime }: Coverage['gaps'][number] | Coverage['stretches'][number]) => ({
    from: fromTime === undefined ? 0 : timestampMs(fromTime),
    to: timestampMs(required(toTime)),
  });
  return {
    stretches: stretches.map((stretch) => ({ ...ends(stretch), source: stretch.source })),
    gaps: gaps.map(ends),
  };
}

async function read(chat = ''): Promise<ReturnType<typeof inMs>> {
  return inMs(await coverageOf(chat));
}

describe('the coverage of a linked session', () => {
  it('has a gap between a backup and the link, which a later backup fills', async () => {
    const beforeMs = Date.now();
    await link();
    await importUntil(beforeMs - 5 * HOUR);
    const first = await read();
    expect(first.stretches).toMatchObject([{ from: 0, source: BACKUP }, { source: LIVE }]);
    const [backup, live] = first.stretches;
    expect(first.gaps).toEqual([{ from: backup?.to, to: live?.from }]);
    expect(live?.from).toBeGreaterThanOrEqual(beforeMs);
    const { chats } = await linked.daemon.client.history.listChats({ sessionId: 'a' });
    // Channels and status updates end with the backup.
    expect(new Set(chats.map(({ gaps }) => gaps))).toEqual(new Set([1]));

    await importUntil(Date.now() + HOUR);
    const filled = await read();
    expect(filled.gaps).toEqual([]);
    // A backup of the future covers no time that is still to come.
    expect(filled.stretches[0]?.to).toBeLessThanOrEqual(Date.now());
    const again = await linked.daemon.client.history.listChats({ sessionId: 'a' });
    expect(again.chats.every(({ gaps }) => gaps === 0)).toBe(true);
  });

  it('goes on over a cut, for what was sent meanwhile has come', async () => {
    await link();
    const anna = linked.whatsapp.addPerson({ phone: '491700000002', name: 'Anna' });
    linked.whatsapp.refuseUpgrades(503, { times: 2 });
    linked.whatsapp.cutAll();
    await linked.until('a', BACKING_OFF);
    const [during] = (await read()).stretches;
    const sentMs = Date.now();
    await account.deliver(anna, { conversation: 'while it was away' });
    await linked.until('a', ONLINE);
    const { stretches, gaps } = await read();
    expect(gaps).toEqual([]);
    expect(stretches).toMatchObject([{ from: during?.from, source: LIVE }]);
    expect(during?.to).toBeLessThanOrEqual(sentMs);
    expect(stretches[0]?.to).toBeGreaterThanOrEqual(sentMs);
    await expect.poll(async () => (await coverageOf(ANNA)).firstMessageTime, { timeout: 10_000 }).toBeDefined();
    expect((await read(ANNA)).gaps).toEqual([]);
  });

  it('claims nothing after kill -9 that was not durable; the next connection fills it', async () => {
    await link();
    await linked.daemon.stop();
    await linked.daemon.restart();
    await linked.until('a', ONLINE);
    const anna = linked.whatsapp.addPerson({ phone: '491700000002', name: 'Anna' });
    const id = await account.deliver(anna, { conversation: 'durable, and not claimed' });
    await account.acknowledged(id);
    const before = (await read()).stretches;
    await linked.daemon.kill9();

    linked.whatsapp.refuseUpgrades(503, { times: 1 });
    await linked.daemon.restart();
    await linked.until('a', BACKING_OFF);
    const after = await read();
    expect(after.stretches).toHaveLength(1);
    // Up to the orderly stop, before the message came.
    expect(after.stretches[0]?.to).toBeLessThan(before[0]?.to ?? 0);
    expect(after.gaps).toMatchObject([{ from: after.stretches[0]?.to }]);

    await linked.until('a', ONLINE);
    const { stretches, gaps } = await read();
    expect(stretches).toMatchObject([{ from: before[0]?.from }]);
    expect(stretches[0]?.to).toBeGreaterThanOrEqual(before[0]?.to ?? Infinity);
    expect(gaps).toEqual([]);
  });

  it('has a gap between a log-out and the next pairing', async () => {
    await link();
    const [first] = (await read()).stretches;
    account.unlink();
    await linked.until('a', LOGGED_OUT);
    const outMs = Date.now();
    await importUntil(outMs - 5 * HOUR);
    // A gap is made of time: what is no longer than a second is none.
    await delay(1500);
    const againMs = Date.now();
    account = await linked.linkAgain('a', owner);
    await linked.until('a', ONLINE);
    const { stretches, gaps } = await read();
    expect(stretches).toMatchObject([{ source: BACKUP }, { from: first?.from, source: LIVE }, { source: LIVE }]);
    expect(gaps).toHaveLength(2);
    expect(gaps[1]?.from).toBeLessThanOrEqual(outMs);
    expect(gaps[1]?.to).toBeGreaterThanOrEqual(againMs);
  });

  it('knows from history sync what the phone says of a chat, under its LID and, once that is known, its number', async () => {
    await link();
    const nowS = Math.floor(Date.now() / 1000);
    const messages = [nowS - 60, nowS - 3600].map((messageTimestamp, n) => ({
      message: {
        key: { remoteJid: ANNA_LID, fromMe: false, id: `H${String(n)}` },
        message: { conversation: `history ${String(n)}` },
        messageTimestamp,
      },
    }));
    const { RECENT, PUSH_NAME } = proto.HistorySync.HistorySyncType;
    const conversation = {
      id: ANNA_LID,
      messages,
      conversationTimestamp: nowS - 60,
      endOfHistoryTransferType:
        proto.Conversation.EndOfHistoryTransferType.COMPLETE_AND_NO_MORE_MESSAGE_REMAIN_ON_PRIMARY,
    };
    await account.pushHistory({ syncType: RECENT, conversations: [conversation] }, 'media');
    const byLid = async () => (await read(ANNA_LID)).stretches;
    await expect.poll(byLid, { timeout: 10_000 }).toMatchObject([{ from: 0, source: HISTORY_SYNC }, { source: LIVE }]);
    const { stretches, gaps } = await read(ANNA_LID);
    expect(gaps).toEqual([]);
    expect(stretches[0]?.to).toBeGreaterThanOrEqual(nowS * 1000);
    expect((await read(ANNA)).stretches).toMatchObject([{ source: LIVE }]);

    const phoneNumberToLidMappings = [{ pnJid: ANNA, lidJid: ANNA_LID }];
    await account.pushHistory({ syncType: PUSH_NAME, phoneNumberToLidMappings });
    await expect.poll(async () => (await coverageOf(ANNA_LID)).chatJid, { timeout: 10_000 }).toBe(ANNA);
    // While a chunk waits, as the one with the number may still do, each stands for itself.
    for (const chat of [ANNA, ANNA_LID]) {
      const known = async () => (await read(chat)).stretches;
      await expect
        .poll(known, { timeout: 10_000 })
        .toMatchObject([{ from: 0, source: HISTORY_SYNC }, { source: LIVE }]);
    }
  });
});
