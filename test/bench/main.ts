import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { measureAgain } from './again.js';
import { Bench, type BenchOptions } from './bench.js';
import { measureChat } from './chat.js';
import { tableOf } from './figure.js';
import { measureGrowth } from './growth.js';
import { measureHistory } from './history.js';
import { measureImport } from './import.js';
import { measureIngest } from './ingest.js';
import { measureLatency } from './latency.js';
import { measureLinks } from './links.js';
import { measureRead } from './read.js';
import { measureStuck } from './stuck.js';

/** The measures in their order: the first fills the session that the next ones use. */
const measures: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  import: measureImport,
  again: measureAgain,
  read: measureRead,
  chat: measureChat,
  stuck: measureStuck,
  growth: measureGrowth,
  links: measureLinks,
  history: measureHistory,
  ingest: measureIngest,
  latency: measureLatency,
};

/** What the bounds are stated for. */
const STATED_MESSAGES = 1_000_000;

const usage = `Usage: npm run bench [-- MEASURE…] [-- --messages N] [-- --keep-dir DIR]
Measures, and asserts nothing. MEASURE is one or more of ${Object.keys(measures).join(', ')}; all of them unless said.
  --messages N    messages of a backup (default ${STATED_MESSAGES}); growth imports five of them
  --keep-dir DIR  keeps the synthetic backups and their keys there, and uses those that are there
`;

/** What is to be done; undefined when the arguments make no sense. */
function readArguments(): (BenchOptions & { wanted: string[] }) | undefined {
  try {
    const { values, positionals } = parseArgs({
      options: { messages: { type: 'string' }, 'keep-dir': { type: 'string' } },
      allowPositionals: true,
    });
    const messages = Number(values.messages ?? STATED_MESSAGES);
    if (!Number.isSafeInteger(messages) || messages < 1) return undefined;
    if (positionals.some((name) => !Object.hasOwn(measures, name))) return undefined;
    const wanted = Object.keys(measures).filter((name) => positionals.length === 0 || positionals.includes(name));
    return { messages, keepDirectory: values['keep-dir'], wanted };
  } catch {
    return undefined;
  }
}

/** What the figures were measured on. */
function describeMachine(): string {
  const parts = [
    `${availableParallelism()} cores`,
    cpus()[0]?.model ?? 'unknown processor',
    `Node ${process.versions.node}`,
    `${(totalmem() / 1e9).toFixed(0)} GB`,
    `load ${loadavg()[0]?.toFixed(1) ?? '?'} before`,
    new Date().toISOString().slice(0, 10),
  ];
  return parts.join(', ');
}

async function run(bench: Bench, wanted: readonly string[]): Promise<void> {
  for (const name of wanted) {
    console.log(`\n${name}`);
    await measures[name]?.(bench);
  }
}

async function main(): Promise<void> {
  const options = readArguments();
  if (options === undefined) {
    process.stderr.write(usage);
    process.exitCode = 2;
    return;
  }
  const machine = describeMachine();
  console.log(`${machine}; ${options.messages} messages a backup`);
  if (options.messages !== STATED_MESSAGES) console.log(`What must be is stated for ${STATED_MESSAGES} messages.`);
  const bench = await Bench.open(options);
  const aborter = new AbortController();
  const stopped = new Promise<void>((resolve) => aborter.signal.addEventListener('abort', () => resolve()));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => aborter.abort());
  try {
    await Promise.race([run(bench, options.wanted), stopped]);
  } catch (error) {
    // Ctrl-C reaches the processes of a measure, too, and maybe before this one.
    await Promise.race([stopped, delay(SIGNAL_LAG_MS)]);
    if (!aborter.signal.aborted) console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
  if (aborter.signal.aborted) process.exitCode = 130;
  await bench.close();
  if (bench.figures.length > 0) console.log(`\n${machine}\n\n${tableOf(bench.figures)}`);
  // A measure that was stopped half-way still waits for processes that are gone.
  process.exit();
}

/** Longer than a signal takes to reach all processes of a terminal. */
const SIGNAL_LAG_MS = 200;

await main();
