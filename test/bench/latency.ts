import type { Bench } from './bench.js';
import { allOf, atMost, quantile, showMs } from './figure.js';
import { IngestStage } from './ingest-stage.js';
import type { WatcherAnswer, WatcherQuestion } from './processes/watcher.js';
import { SideProcess } from './side-process.js';

const PER_SECOND = 500;
const WARM_UP = 2000;
const MEASURED = 5000;

/**
 * Measures how long a message takes from the moment when WhatsApp writes it to its socket until it has come, durable and recorded, to a client
 * that follows the session. WhatsApp, the daemon and the client are three processes.
 */
export async function measureLatency(bench: Bench): Promise<void> {
  const stage = await IngestStage.open(bench, 'latency');
  const { standIn, daemon } = stage;
  const { phones, names } = await stage.linkDaemon(1);
  const watcher = SideProcess.start<WatcherQuestion, WatcherAnswer>('watcher');
  bench.onClose(() => watcher.stop());
  await watcher.ask({ do: 'watch', address: daemon.address, sessionId: names[0] ?? '' });

  const run = async (messages: number): Promise<number[]> => {
    await standIn.ask({ do: 'prepare', phones, messages, traffic: 'signal' });
    const collected = watcher.ask({ do: 'collect', count: messages });
    const { sentAtMs } = await standIn.ask({ do: 'send', perSecond: PER_SECOND });
    const { texts, atMs } = await collected;
    // The text ends with the number of its message.
    return texts.map((text, at) => (atMs[at] ?? NaN) - (sentAtMs[Number(text.split(' ').at(-1))] ?? NaN));
  };
  await run(WARM_UP);
  const latencies = await run(MEASURED);
  const p50 = quantile(latencies, 0.5);
  const p99 = quantile(latencies, 0.99);
  bench.report({
    what: `from WhatsApp's socket to a client that follows, at ${PER_SECOND} messages/s: p50, p99 (worst ${showMs(Math.max(...latencies))})`,
    figure: `${showMs(p50)}, ${showMs(p99)}`,
    must: allOf({ p50: atMost(p50, 10, showMs), p99: atMost(p99, 50, showMs) }),
  });
  await watcher.stop();
  await stage.close();
}
