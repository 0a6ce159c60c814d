import type { Bench } from './bench.js';
import { sharedSession } from './bench.js';
import { LastMessages, listChats } from './chats.js';
import { atMost, quantile, showMegabytes, showMs, showRatio } from './figure.js';
import { readMemory, resetPeak } from './memory.js';
import type { StuckAnswer, StuckQuestion } from './processes/stuck-readers.js';
import { SideProcess } from './side-process.js';

const STREAMS = 1000;

/** Fifty streams on each. */
const CONNECTIONS = 20;

const CALLS = 2000;

/** The server ends a stream that does not read after 30 s: until then it holds what it holds. */
const OBSERVED_MS = 20_000;

const kinds: Readonly<Record<StuckQuestion['by'], string>> = {
  http2: `${STREAMS} streams that never read`,
  'grpc-js': `${STREAMS} paused calls of grpc-js, which takes 16 frames of each`,
};

/** Measures what streams that never read cost the daemon and a client that reads. */
export async function measureStuck(bench: Bench): Promise<void> {
  await bench.imported();
  await measureKind(bench, 'http2');
  await measureKind(bench, 'grpc-js');
}

async function measureKind(bench: Bench, by: StuckQuestion['by']): Promise<void> {
  // A daemon that has worked has memory to spare, which would hide what the streams take.
  await bench.stopDaemon();
  const { client: connection, address, pid } = await bench.daemon();
  const healthy = new LastMessages(connection, sharedSession, await listChats(connection, sharedSession));
  await healthy.calls(CALLS);
  const before = await healthy.calls(CALLS);
  const { resident } = await readMemory(pid);
  await resetPeak(pid);
  const readers = SideProcess.start<StuckQuestion, StuckAnswer>('stuck-readers');
  bench.onClose(() => readers.stop());
  const startedAt = performance.now();
  // The healthy client calls on while the streams are being opened.
  const opening = readers.ask({ address, sessionId: sharedSession, by, streams: STREAMS, connections: CONNECTIONS });
  opening.catch(() => undefined);
  const during: number[] = [];
  while (performance.now() - startedAt < OBSERVED_MS) during.push(await healthy.call());
  const { answered } = await opening;
  const { peak, resident: after } = await readMemory(pid);
  await readers.stop();
  if (answered !== STREAMS) throw new Error(`only ${answered} of ${STREAMS} streams were answered`);
  const growth = peak - resident;
  bench.report({
    what: `${kinds[by]}: growth of the daemon`,
    figure: `${showMegabytes(growth)} (from ${showMegabytes(resident)}; ${showMegabytes(after)} after 20 s)`,
    must: atMost(growth, 256e6, showMegabytes),
  });
  const ratio = quantile(during, 0.99) / quantile(before, 0.99);
  const figures = [before, during].map((ms) => showMs(quantile(ms, 0.99)));
  bench.report({
    what: `${kinds[by]}: p99 of a healthy client (${during.length} calls)`,
    figure: `${figures.join(' → ')} (${showRatio(ratio)})`,
    must: atMost(ratio, 2, showRatio),
  });
}
