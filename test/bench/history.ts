import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { proto } from '@whiskeysockets/baileys';
import { LinkState } from '../../src/gen/scrollback/v1/session_service_pb.js';
import { LinkedDaemon } from '../support/linked-daemon.js';
import type { Bench } from './bench.js';
import { atMost, quantile, showMegabytes, showMs, showRate } from './figure.js';
import { readMemory, resetPeak } from './memory.js';

const MESSAGES = 100_000;
const CHATS = 200;

/** Half of what a person notices. Chosen. */
const STALL_MS = 50;

/**
 * Measures what a large chunk of history costs the others of the daemon: how long it answers nobody while it records one. Asked is for
 * something that lies in memory, so that the longest answer is the longest stall of the event loop, and a round trip.
 */
export async function measureHistory(bench: Bench): Promise<void> {
  const linked = await LinkedDaemon.start({ claimsPreKeys: true }, { dataDirectory: join(bench.directory, 'history') });
  bench.onClose(() => linked.remove());
  const { daemon, whatsapp } = linked;
  const account = await linked.link('s', { phone: '491700000001', lid: '900000000000001' });
  await linked.until('s', LinkState.ONLINE);
  await resetPeak(daemon.pid);
  const { resident: before } = await readMemory(daemon.pid);

  const startedAt = performance.now();
  const id = await account.pushHistory(largeChunk(), 'media');
  const pushedAt = performance.now();
  await account.acknowledged(id);
  const answersMs: number[] = [];
  while (!daemon.log.includes(`"added":${MESSAGES}`)) {
    const askedAt = performance.now();
    await daemon.client.sessions.getSession({ sessionId: 's' });
    answersMs.push(performance.now() - askedAt);
    await delay(1);
  }
  const tookMs = performance.now() - pushedAt;
  const { peak } = await readMemory(daemon.pid);
  bench.say(`  a chunk of ${MESSAGES} messages, made in ${showMs(pushedAt - startedAt)}`);
  const stallMs = Math.max(...answersMs);
  bench.report({
    what: `a chunk of ${MESSAGES} messages: longest time without an answer (p50 ${showMs(quantile(answersMs, 0.5))}, p99 ${showMs(quantile(answersMs, 0.99))})`,
    figure: showMs(stallMs),
    aim: atMost(stallMs, STALL_MS, showMs),
  });
  bench.report({
    what: `the same chunk: recorded (${showMegabytes(before)} → at most ${showMegabytes(peak)})`,
    figure: showRate((MESSAGES / tookMs) * 1000),
  });
  await linked.remove();
  if (whatsapp.errors.length > 0) throw new Error(whatsapp.errors.join('; '));
}

function largeChunk(): proto.IHistorySync {
  const conversations = Array.from({ length: CHATS }, (_, chat) => {
    const id = `4917${String(chat).padStart(8, '0')}@s.whatsapp.net`;
    const messages = Array.from({ length: MESSAGES / CHATS }, (_none, n) => ({
      msgOrderId: n,
      message: {
        key: { remoteJid: id, fromMe: n % 3 === 0, id: `3EB0${String(chat * MESSAGES + n).padStart(16, '0')}` },
        message: {
          extendedTextMessage: { text: `message ${String(n)} of chat ${String(chat)}, neither long nor short` },
        },
        messageTimestamp: 1_600_000_000 + n * 60 + chat,
      },
    }));
    return { id, messages: messages.reverse(), unreadCount: 1 };
  });
  return { syncType: proto.HistorySync.HistorySyncType.RECENT, chunkOrder: 1, progress: 50, conversations };
}
