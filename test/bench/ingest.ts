import { setTimeout as delay } from 'node:timers/promises';
import type { Bench } from './bench.js';
import { readCpuMs } from './cpu.js';
import { atLeast, showMs, showRate, showRatio } from './figure.js';
import { IngestStage, ownerOf, type StandIn } from './ingest-stage.js';
import type { BareAnswer, BareQuestion } from './processes/bare-library.js';
import type { Traffic } from './processes/stand-in.js';
import { SideProcess } from './side-process.js';

/** What takes messages: the daemon, or the library alone. */
interface Taker {
  pid: number;
  phones: string[];
  /** How many messages can be read; undefined of the library, which keeps none. */
  recorded: (() => Promise<number>) | undefined;
}

/** One measured run. */
interface Run {
  perSecond: number;
  cpuMsEach: number;
  /** From the last acknowledgement until all of it can be read. */
  behindMs: number;
}

/** Sessions of the second measure. */
const SESSIONS = 50;

/** Long enough that the compilers have settled, and that everybody has written once, which is the most work. */
const WARM_UP = 1000;
const MEASURED = 4000;

/** Rounds in turns, of which the middle one counts: a busy machine moves single ones by a third. */
const ROUNDS = 3;

/** On a slow machine there are fewer rounds: the four pairs of measures are over after two minutes. Linking takes the rest. */
const ROUNDS_MS = 20_000;

/**
 * Measures how fast what WhatsApp sends becomes durable, and beside it how fast the bare library takes the same from the same
 * WhatsApp, which is in a process of its own. Both in turns, so that whatever else the machine does is in both.
 */
export async function measureIngest(bench: Bench): Promise<void> {
  const stage = await IngestStage.open(bench, 'ingest');
  const { standIn, url } = stage;
  const library = SideProcess.start<BareQuestion, BareAnswer>('bare-library');
  bench.onClose(() => library.stop());

  for (const [sessions, bound] of [
    [1, 1000],
    [SESSIONS, 5000],
  ] as const) {
    const takers = await Promise.all([linkDaemon(stage, sessions), linkLibrary(library, standIn, sessions, url)]);
    for (const traffic of ['signal', 'newsletter'] as const) {
      const [ours, bare] = await measureInTurns(standIn, takers, traffic);
      const ratio = ours.perSecond / bare.perSecond;
      const what = `${sessions} ${sessions === 1 ? 'session' : 'sessions'}, ${traffic}`;
      bench.report({
        what: `${what}: acknowledged and durable (${showMs(ours.cpuMsEach)} of processor each; readable ${showMs(ours.behindMs)} later)`,
        figure: showRate(ours.perSecond),
        must: atLeast(ours.perSecond, bound, showRate),
      });
      bench.report({
        what: `${what}: of the bare library (${showRate(bare.perSecond)}, ${showMs(bare.cpuMsEach)} of processor each)`,
        figure: showRatio(ratio),
        must: atLeast(ratio, 0.8, showRatio),
      });
    }
  }
  await library.stop();
  await stage.close();
}

/** The middle one of several rounds, of each. */
async function measureInTurns(
  standIn: StandIn,
  takers: readonly [Taker, Taker],
  traffic: Traffic,
): Promise<[Run, Run]> {
  const runs: [Run[], Run[]] = [[], []];
  for (const taker of takers) await measure(standIn, taker, traffic, WARM_UP);
  const startedAt = performance.now();
  for (let round = 0; round < ROUNDS && performance.now() - startedAt < ROUNDS_MS; round++) {
    for (const [at, taker] of takers.entries()) runs[at]?.push(await measure(standIn, taker, traffic, MEASURED));
  }
  return [middleOf(runs[0]), middleOf(runs[1])];
}

function middleOf(runs: Run[]): Run {
  const sorted = runs.sort((a, b) => a.perSecond - b.perSecond);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error('nothing was measured');
  return middle;
}

async function measure(standIn: StandIn, taker: Taker, traffic: Traffic, total: number): Promise<Run> {
  const messages = Math.ceil(total / taker.phones.length);
  const count = messages * taker.phones.length;
  await standIn.ask({ do: 'prepare', phones: taker.phones, messages, traffic });
  const had = (await taker.recorded?.()) ?? 0;
  const cpuBefore = await readCpuMs(taker.pid);
  const { ms } = await standIn.ask({ do: 'send' });
  const acknowledgedAt = performance.now();
  while (taker.recorded !== undefined && (await taker.recorded()) - had < count) await delay(5);
  const behindMs = performance.now() - acknowledgedAt;
  const cpuMsEach = ((await readCpuMs(taker.pid)) - cpuBefore) / count;
  return { perSecond: (count / ms) * 1000, cpuMsEach, behindMs };
}

async function linkDaemon(stage: IngestStage, sessions: number): Promise<Taker> {
  const { client, pid } = stage.daemon;
  const { names, phones } = await stage.linkDaemon(sessions);
  const recorded = async (): Promise<number> => {
    const answers = await Promise.all(names.map((sessionId) => client.sessions.getSession({ sessionId })));
    return answers.reduce((sum, { session }) => sum + Number(session?.messageCount ?? 0), 0);
  };
  return { pid, phones, recorded };
}

async function linkLibrary(
  library: SideProcess<BareQuestion, BareAnswer>,
  standIn: StandIn,
  sessions: number,
  url: string,
): Promise<Taker> {
  const phones: string[] = [];
  for (let n = 0; n < sessions; n++) {
    const owner = ownerOf('2', sessions, n);
    const { qr } = await library.ask({ do: 'qr', url });
    await standIn.ask({ do: 'scan', qr, owner });
    await library.ask({ do: 'login', url });
    phones.push(owner.phone);
  }
  return { pid: library.pid, phones, recorded: undefined };
}
