import { cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Order } from '../../src/gen/scrollback/v1/history_service_pb.js';
import type { Bench } from './bench.js';
import { sharedSession } from './bench.js';
import { listChats } from './chats.js';
import { atLeast, quantile, showRate, showRatio, showSeconds } from './figure.js';
import type { RawServerAnswer, RawServerQuestion } from './processes/raw-server.js';
import type { ReaderAnswer, ReaderQuestion } from './processes/reader.js';
import { SideProcess } from './side-process.js';

/** Everybody reads once to warm up, then so often, in turns; the figure is the median. */
const ROUNDS = 3;

const orders = { 'newest first': Order.NEWEST_FIRST, 'oldest first': Order.OLDEST_FIRST } as const;

/** Messages a second, and how long one reading took, in ms. */
interface Reading {
  rate: number;
  ms: number;
}

/** Measures ReadMessages against what LevelDB and gRPC can do at all: both servers run and are read from in turns. */
export async function measureRead(bench: Bench): Promise<void> {
  await bench.imported();
  // A database has one owner: the raw server gets a copy, made while nobody writes.
  await bench.stopDaemon();
  const historyPath = join(bench.directory, 'raw');
  await cp(await findHistory(bench), historyPath, { recursive: true });
  const rawServer = SideProcess.start<RawServerQuestion, RawServerAnswer>('raw-server');
  bench.onClose(() => rawServer.stop());
  const { address: rawAddress } = await rawServer.ask({ historyPath });
  const { client, address } = await bench.daemon();
  const chats = await listChats(client, sharedSession);
  const messages = chats.reduce((sum, { messageCount }) => sum + Number(messageCount), 0);
  const largest = chats.reduce((a, b) => (a.messageCount >= b.messageCount ? a : b));

  for (const [name, order] of Object.entries(orders)) {
    const whole = { address, sessionId: sharedSession, chat: '', order, decode: true };
    const raw = { ...whole, decode: false };
    const ceiling = { ...raw, address: rawAddress };
    const [read, readRaw, readCeiling] = await readInTurns(bench, [whole, raw, ceiling], messages);
    bench.report({
      what: `ReadMessages, ${messages} messages, ${name}, generated client`,
      figure: show(read),
      must: atLeast(read?.rate ?? NaN, 200_000, showRate),
    });
    bench.report({ what: `ReadMessages, ${name}, a client that does not decode`, figure: show(readRaw) });
    bench.report({ what: `raw ceiling, 500 a page, ${name}`, figure: show(readCeiling) });
    const ratio = (read?.rate ?? NaN) / (readCeiling?.rate ?? NaN);
    bench.report({
      what: `ReadMessages : raw ceiling, ${name}`,
      figure: showRatio(ratio),
      aim: atLeast(ratio, 0.7, showRatio),
    });
    const ofChat = { ...whole, chat: largest.jid };
    const [readChat] = await readInTurns(bench, [ofChat], Number(largest.messageCount));
    bench.report({ what: `ReadMessages, largest chat (${largest.messageCount}), ${name}`, figure: show(readChat) });
  }
  await rawServer.stop();
}

/** Has a process read for each question, one after the other, in several rounds. All of them read the same messages. */
async function readInTurns(
  bench: Bench,
  questions: readonly ReaderQuestion[],
  messages: number,
): Promise<(Reading | undefined)[]> {
  const readers = questions.map((question) => {
    const process = SideProcess.start<ReaderQuestion, ReaderAnswer>('reader');
    bench.onClose(() => process.stop());
    const times: number[] = [];
    return { process, question, times };
  });
  for (let round = 0; round <= ROUNDS; round++) {
    for (const { process, question, times } of readers) {
      const answer = await process.ask(question);
      if (question.decode && answer.messages !== messages) {
        throw new Error(`${answer.messages} messages were read instead of ${messages}`);
      }
      if (round > 0) times.push(answer.ms);
    }
  }
  for (const { process } of readers) await process.stop();
  return readers.map(({ times }) => {
    const ms = quantile(times, 0.5);
    return { rate: (messages / ms) * 1000, ms };
  });
}

function show(reading: Reading | undefined): string {
  return reading === undefined ? '' : `${showRate(reading.rate)} (${showSeconds(reading.ms)})`;
}

/** The database of the shared session, which must be the only one. */
async function findHistory(bench: Bench): Promise<string> {
  const sessions = join(bench.dataDirectory, 'sessions');
  const [first, ...others] = await readdir(sessions);
  if (first === undefined || others.length > 0) throw new Error('the raw ceiling needs exactly one session');
  return join(sessions, first, 'history');
}
