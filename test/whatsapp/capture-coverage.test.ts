import { proto } from '@whiskeysockets/baileys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { notePairing } from '../../src/store/coverage.js';
import { CapturedHistory, CapturedLink } from '../support/captured-link.js';
import { closeCaptured } from '../support/captured-stage.js';
import { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };
const ANNA = '491700000002@s.whatsapp.net';
const START_S = 1_600_000_000;
const { HistorySyncType } = proto.HistorySync;
const { COMPLETE_BUT_MORE_MESSAGES_REMAIN_ON_PRIMARY: MORE, COMPLETE_AND_NO_MORE_MESSAGE_REMAIN_ON_PRIMARY: NO_MORE } =
  proto.Conversation.EndOfHistoryTransferType;

let whatsapp: LoopbackWhatsApp;
let history: CapturedHistory;
let link: CapturedLink;
beforeEach(async () => {
  whatsapp = await LoopbackWhatsApp.listen({ claimsPreKeys: true });
  history = await CapturedHistory.open(whatsapp);
  await history.store.commit((commit) => notePairing(commit, 1, false));
  link = await CapturedLink.link(whatsapp, history, owner);
});
afterEach(() => closeCaptured({ whatsapp, history, link }));

/** A chunk with a message of Anna for each second. */
function chunk(
  from: number,
  to: number,
  more: proto.IConversation = { id: ANNA },
  syncType = HistorySyncType.FULL,
): proto.IHistorySync {
  const messages = Array.from({ length: to - from + 1 }, (_, n) => ({
    message: {
      key: { remoteJid: ANNA, fromMe: false, id: `H${String(from + n)}` },
      message: { conversation: `history ${String(from + n)}` },
      messageTimestamp: START_S + from + n,
    },
  }));
  return { syncType, conversations: [{ ...more, id: ANNA, messages: messages.reverse() }] };
}

async function push(content: proto.IHistorySync, by: 'inline' | 'media' = 'inline'): Promise<void> {
  await link.account.acknowledged(await link.account.pushHistory(content, by));
  await history.recorded();
}

/** Stretches in seconds after the start; `B` for the beginning, `now` for a time that is no message's. */
async function covered(): Promise<unknown[]> {
  const { stretches } = await history.store.getCoverage(ANNA);
  return stretches.map(({ fromMs, toMs, source }) => {
    const toS = toMs / 1000 - START_S;
    return [fromMs === 0 ? 'B' : fromMs / 1000 - START_S, toS > 1000 ? 'now' : toS, source];
  });
}

describe('a chunk of history', () => {
  it('covers from its oldest to its newest message', async () => {
    await push(chunk(10, 20));
    expect(await covered()).toEqual([[10, 20, 3]]);
  });

  it('that has the last thing that happened in its chat covers up to its announcement', async () => {
    const { INITIAL_BOOTSTRAP, FULL } = HistorySyncType;
    await push(chunk(10, 20, { id: ANNA, conversationTimestamp: START_S + 21 }, INITIAL_BOOTSTRAP));
    expect(await covered()).toEqual([[10, 20, 3]]);
    await push(chunk(1, 2, { id: ANNA, conversationTimestamp: START_S + 2 }, FULL));
    expect(await covered()).toEqual([
      [1, 2, 3],
      [10, 20, 3],
    ]);
    await push(chunk(10, 20, { id: ANNA, conversationTimestamp: START_S + 20 }, INITIAL_BOOTSTRAP));
    expect(await covered()).toEqual([
      [1, 2, 3],
      [10, 'now', 3],
    ]);
  });

  it('is one with the others when the phone says that it has sent them all', async () => {
    await push(chunk(30, 40));
    await push(chunk(10, 20, { id: ANNA, endOfHistoryTransferType: MORE }), 'media');
    await expect.poll(covered, { timeout: 10_000 }).toEqual([[10, 40, 3]]);
  });

  it('covers from the beginning when the phone says that it has nothing older', async () => {
    await push(chunk(30, 40));
    await push(chunk(10, 20, { id: ANNA, endOfHistoryTransferType: NO_MORE }));
    expect(await covered()).toEqual([['B', 40, 3]]);
  });

  it('stands for itself when another one is lost', async () => {
    await push(chunk(30, 40));
    whatsapp.media.failNext(404);
    await push(chunk(22, 28), 'media');
    await expect.poll(() => history.drain.history.counts.gone, { timeout: 10_000 }).toBe(1);
    await push(chunk(10, 20, { id: ANNA, endOfHistoryTransferType: NO_MORE }));
    expect(await covered()).toEqual([
      [10, 20, 3],
      [30, 40, 3],
    ]);
  });

  it('that was asked for is a page by itself', async () => {
    await push(chunk(10, 20, { id: ANNA, endOfHistoryTransferType: MORE }, HistorySyncType.ON_DEMAND));
    expect(await covered()).toEqual([[10, 20, 4]]);
    await push(chunk(1, 9, { id: ANNA, endOfHistoryTransferType: NO_MORE }, HistorySyncType.ON_DEMAND));
    expect(await covered()).toEqual([['B', 20, 4]]);
  });

  it('says nothing of a time that is still to come', async () => {
    const ahead = Math.floor(Date.now() / 1000) + 86_400 - START_S;
    await push(chunk(ahead, ahead));
    expect(await covered()).toEqual([]);
  });
});
