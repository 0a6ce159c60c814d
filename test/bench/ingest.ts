import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { Daemon } from '../support/daemon.js';
import type { Owner } from '../support/whatsapp/loopback-whatsapp.js';
import type { Bench } from './bench.js';
import { readCpuMs } from './cpu.js';
import { atLeast, showMs, showRate, showRatio } from './figure.js';
import type { BareAnswer, BareQuestion } from './processes/bare-library.js';
import type { StandInAnswer, StandInQuestion, Traffic } from './processes/stand-in.js';
import { SideProcess } from './side-process.js';

type StandIn = SideProcess<StandInQuestion, StandInAnswer>;

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

const trustModule = fileURLToPath(new URL('../support/whatsapp/trust-loopback.js', import.meta.url));

/** Sessions of the second measure. */
const SESSIONS = 50;

/** Long enough that the compilers have settled, short enough that three rounds of it are a minute. */
const WARM_UP = 1000;
const MEASURED = 6000;

/** Rounds in turns, of which the middle one counts: a busy machine moves single ones by a third. */
const ROUNDS = 3;

/**
 * Measures how fast what WhatsApp sends becomes durable, and beside it how fast the bare library takes the same from the same
 * WhatsApp, which is in a process of its own. Both in turns, so that whatever else the machine does is in both.
 */
export async function measureIngest(bench: Bench): Promise<void> {
  const standIn = SideProcess.start<StandInQuestion, StandInAnswer>('stand-in');
  bench.onClose(() => standIn.stop());
  const { url, environment } = await standIn.ask({ do: 'listen' });
  const daemon = await Daemon.start({
    dataDirectory: join(bench.directory, 'ingest'),
    env: { ...environment, NODE_OPTIONS: `--import=${trustModule}`, SCROLLBACK_WHATSAPP_URL: url },
  });
  bench.onClose(() => daemon.remove());
  const library = SideProcess.start<BareQuestion, BareAnswer>('bare-library');
  bench.onClose(() => library.stop());

  for (const [sessions, bound] of [
    [1, 1000],
    [SESSIONS, 5000],
  ] as const) {
    const takers = [
      await linkDaemon(daemon, standIn, sessions),
      await linkLibrary(library, standIn, sessions, url),
    ] as const;
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
  const { errors } = await standIn.ask({ do: 'listen' });
  if (errors.length > 0) throw new Error(errors.join('\n'));
  await daemon.remove();
}

/** The middle one of several rounds, of each. */
async function measureInTurns(
  standIn: StandIn,
  takers: readonly [Taker, Taker],
  traffic: Traffic,
): Promise<[Run, Run]> {
  const runs: [Run[], Run[]] = [[], []];
  for (const taker of takers) await measure(standIn, taker, traffic, WARM_UP);
  for (let round = 0; round < ROUNDS; round++) {
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

async function linkDaemon({ client, pid }: Daemon, standIn: StandIn, sessions: number): Promise<Taker> {
  const names: string[] = [];
  const phones: string[] = [];
  for (let n = 0; n < sessions; n++) {
    const sessionId = `of-${sessions}-${n}`;
    const owner = ownerOf('1', sessions, n);
    await client.sessions.createSession({ sessionId });
    let scanned: Promise<StandInAnswer> | undefined;
    for await (const { offer } of client.sessions.linkSession({ sessionId })) {
      if (offer.case === 'qrCode') scanned ??= standIn.ask({ do: 'scan', qr: offer.value.payload, owner });
    }
    await scanned;
    names.push(sessionId);
    phones.push(owner.phone);
  }
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

function ownerOf(kind: string, sessions: number, n: number): Owner {
  const digits = `${String(sessions).padStart(3, '0')}${String(n).padStart(3, '0')}`;
  return { phone: `4917${kind}${digits}`, lid: `90000${kind}${digits}`, name: 'Owner' };
}
