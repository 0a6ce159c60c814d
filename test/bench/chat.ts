import { readFile } from 'node:fs/promises';
import { required } from '../../src/cli/call-error.js';
import type { Connection } from '../../src/cli/client.js';
import { hasEnded } from '../../src/cli/import-run.js';
import { BackfillState } from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import type { Bench } from './bench.js';
import { sharedSession } from './bench.js';
import { LastMessages, listChats } from './chats.js';
import { allOf, atMost, quantile, showMs } from './figure.js';

const CALLS = 2000;

/** Calls whose times do not count: the daemon and this client compile, and the first look-ups find nothing cached. */
const WARM_UP_CALLS = 300;

/** Measures how quickly the last 50 messages of a chat come, also while another session imports. */
export async function measureChat(bench: Bench): Promise<void> {
  await bench.imported();
  const { client: connection } = await bench.daemon();
  const last = new LastMessages(connection, sharedSession, await listChats(connection, sharedSession));
  await last.calls(WARM_UP_CALLS);
  report(bench, 'idle', await last.calls(CALLS));
  await reportFloor(bench, connection);
  report(bench, 'while another session imports', await callsDuringImports(bench, connection, last));
}

/** Imports begin anew, each into a new session, until there were enough calls; what falls between two imports does not count. */
async function callsDuringImports(bench: Bench, connection: Connection, last: LastMessages): Promise<number[]> {
  const ms: number[] = [];
  for (let n = 1; ms.length < CALLS && n <= MAX_IMPORTS; n++) {
    const sessionId = `beside-${n}`;
    const running = await startImport(bench, connection, sessionId);
    while (running.isImporting() && ms.length < CALLS) {
      const once = await last.call();
      if (running.isImporting()) ms.push(once);
    }
    await running.cancel();
    await connection.sessions.deleteSession({ sessionId });
  }
  return ms;
}

/** Starts an import from the drop directory, so that no client of it takes part; resolves when rows are being read. */
async function startImport(
  bench: Bench,
  connection: Connection,
  sessionId: string,
): Promise<{ isImporting: () => boolean; cancel: () => Promise<void> }> {
  const { fileName, keyPath } = await bench.backup();
  await connection.sessions.createSession({ sessionId });
  const created = await connection.backfills.createBackfill({
    sessionId,
    source: { case: 'drop', value: { fileName } },
    key: { form: { case: 'file', value: await readFile(keyPath) } },
  });
  let backfill = required(created.backfill);
  const { backfillId } = backfill;
  let began = (): void => undefined;
  const beginning = new Promise<void>((resolve) => (began = resolve));
  const watching = (async () => {
    for await (const frame of connection.backfills.watchBackfill({ backfillId })) {
      backfill = required(frame.backfill);
      if (backfill.state === BackfillState.IMPORTING || hasEnded(backfill)) began();
    }
  })();
  await Promise.race([beginning, watching]);
  return {
    isImporting: () => backfill.state === BackfillState.IMPORTING,
    cancel: async () => {
      await connection.backfills.cancelBackfill({ backfillId });
      await watching;
    },
  };
}

/** What a call costs here that reads nothing: the floor of the figure above. */
async function reportFloor(bench: Bench, { sessions }: Connection): Promise<void> {
  const ms: number[] = [];
  while (ms.length < CALLS) {
    const startedAt = performance.now();
    await sessions.getSession({ sessionId: sharedSession });
    ms.push(performance.now() - startedAt);
  }
  bench.report({
    what: `GetSession, idle (${ms.length} calls), which reads nothing`,
    figure: `p50 ${showMs(quantile(ms, 0.5))}, p99 ${showMs(quantile(ms, 0.99))}`,
  });
}

function report(bench: Bench, when: string, ms: readonly number[]): void {
  const [p50, p99] = [quantile(ms, 0.5), quantile(ms, 0.99)];
  bench.report({
    what: `last 50 of a chat, ${when} (${ms.length} calls)`,
    figure: `p50 ${showMs(p50)}, p99 ${showMs(p99)}, worst ${showMs(quantile(ms, 1))}`,
    must: allOf({ p50: atMost(p50, 3, showMs), p99: atMost(p99, 10, showMs) }),
  });
}

/** With a small backup an import is over before there were many calls. */
const MAX_IMPORTS = 20;
