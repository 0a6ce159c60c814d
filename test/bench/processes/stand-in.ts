import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { performance } from 'node:perf_hooks';
import type { Account } from '../../support/whatsapp/account.js';
import { LoopbackWhatsApp, type Owner } from '../../support/whatsapp/loopback-whatsapp.js';
import type { Peer } from '../../support/whatsapp/peer.js';
import { monotonicMs } from '../monotonic.js';
import { answerQuestions } from '../side-process.js';

/** How messages travel: encrypted for one device, or readable as those of channels are. */
export type Traffic = 'signal' | 'newsletter';

/** What the WhatsApp of a measure is to do. */
export type StandInQuestion =
  | { do: 'listen' }
  | { do: 'scan'; qr: string; owner: Owner }
  /** Makes messages for each of the accounts, and sends nothing. */
  | { do: 'prepare'; phones: string[]; messages: number; traffic: Traffic }
  /** Sends what was prepared, at once or so many a second, and waits until the last one is acknowledged. */
  | { do: 'send'; perSecond?: number };

export interface StandInAnswer {
  url: string;
  environment: Record<string, string>;
  /** From the first one sent until the last one acknowledged. */
  ms: number;
  /** When each message was written to its socket, by `monotonicMs`, where so many a second were asked for. */
  sentAtMs: number[];
  errors: string[];
}

/** So many people write to one account; to many accounts fewer, because the first message of each is a handshake. */
const WRITERS = 10;
const WRITERS_OF_MANY = 2;
const TEXT = 'The quick brown fox jumps over the lazy dog, and nobody has ever asked the dog what it thinks of that.';

let whatsapp: LoopbackWhatsApp | undefined;
const writers = new Map<string, Peer[]>();
let prepared: { account: Account; send: () => void }[] = [];

async function perform(question: StandInQuestion): Promise<StandInAnswer> {
  whatsapp ??= await LoopbackWhatsApp.listen({ claimsPreKeys: true });
  let sent = { ms: 0, sentAtMs: [] as number[] };
  if (question.do === 'scan') await whatsapp.scanQr(question.qr, question.owner);
  if (question.do === 'prepare') await prepare(whatsapp, question);
  if (question.do === 'send') sent = await send(question.perSecond);
  const { url, childEnvironment: environment, errors } = whatsapp;
  return { url, environment, ...sent, errors };
}

async function prepare(loopback: LoopbackWhatsApp, question: StandInQuestion & { do: 'prepare' }): Promise<void> {
  const { phones, messages, traffic } = question;
  prepared = [];
  for (let n = 0; n < messages; n++) {
    for (const phone of phones) {
      const account = loopback.account(phone);
      const people = writersOf(loopback, phone, phones.length === 1 ? WRITERS : WRITERS_OF_MANY);
      const writer = people[n % people.length];
      if (writer === undefined) throw new Error('nobody writes');
      const message = { conversation: `${TEXT} ${String(n)}` };
      const options =
        traffic === 'signal'
          ? ({ addressing: 'lid' } as const)
          : ({ chat: `12036300000000${String(n % WRITERS)}@newsletter`, form: 'plaintext' } as const);
      prepared.push({ account, send: await account.prepare(writer, message, options) });
    }
  }
}

function writersOf(loopback: LoopbackWhatsApp, phone: string, count: number): Peer[] {
  const found = writers.get(phone);
  if (found !== undefined) return found;
  const made = Array.from({ length: count }, (_, n) =>
    loopback.addPerson({ phone: `${phone}${String(n)}`, lid: `${phone}77${String(n)}`, name: `Writer ${String(n)}` }),
  );
  writers.set(phone, made);
  return made;
}

async function send(perSecond: number | undefined): Promise<{ ms: number; sentAtMs: number[] }> {
  const accounts = new Set(prepared.map(({ account }) => account));
  const sentAtMs: number[] = [];
  const startedAt = performance.now();
  let sent = 0;
  for (const { send } of prepared) {
    if (perSecond !== undefined) sentAtMs.push(monotonicMs());
    send();
    sent++;
    // What comes back is read between the messages.
    if (sent % TURN === 0) await nextTurn();
    if (perSecond === undefined) continue;
    const earlyMs = (sent / perSecond) * 1000 - (performance.now() - startedAt);
    if (earlyMs > 1) await delay(earlyMs);
  }
  await Promise.all([...accounts].map((account) => account.settled()));
  return { ms: performance.now() - startedAt, sentAtMs };
}

/** Messages between two looks at what came back. */
const TURN = 20;

answerQuestions(perform);
