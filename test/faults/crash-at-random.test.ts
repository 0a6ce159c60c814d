import { beforeAll, describe, expect, test } from 'vitest';
import { makeBytes } from '../support/backup-bytes.js';
import { digitsOf, untilClean } from '../support/backfill-walk.js';
import { Daemon, withDaemon } from '../support/daemon.js';
import { checkPrivate, countsOf, InterruptedImport } from '../support/interrupted-import.js';
import { fingerprintOf, firstDifference, readHistory } from '../support/read-history.js';
import { rootKey } from '../support/small-backup.js';
import { Random } from '../support/synthetic-random.js';

const key = digitsOf(rootKey);
/** Decides the moments; another number tries others. */
const SEED = 20261;
const IMPORTS = 8;
/** Kills of one import; then it is left in peace. */
const KILLS = 5;

let crypt15: Buffer;
let whole: { lines: string[]; counts: object };
beforeAll(async () => {
  ({ crypt15 } = await makeBytes({ messages: 25_000, traps: true, seed: 151 }));
  whole = await withDaemon(async (daemon) => {
    const done = await new InterruptedImport(daemon, 's', crypt15, key).advance();
    if (done === undefined) throw new Error('it died');
    return { lines: fingerprintOf(await readHistory(daemon.client, 's')), counts: countsOf(done) };
  });
});

describe('kill -9 at moments of chance, several times in one import', () => {
  test('changes nothing about the result', async () => {
    const random = new Random();
    let kills = 0;
    for (let round = 0; round < IMPORTS; round++) {
      random.start(SEED, round, 1);
      const daemon = await Daemon.start();
      try {
        const run = new InterruptedImport(daemon, 's', crypt15, key);
        let done: Awaited<ReturnType<typeof run.advance>>;
        for (let kill = 0; done === undefined; kill++) {
          const going = run.advance();
          if (kill < KILLS) {
            // Nothing waits for this: it is the moment of the blow.
            const blow = setTimeout(() => void daemon.kill9(), random.below(900));
            done = await going;
            clearTimeout(blow);
            if (done !== undefined) break;
            await daemon.ended();
            kills++;
            await checkPrivate(daemon.dataDirectory);
            await daemon.restart();
          } else {
            done = await going;
          }
        }
        expect(countsOf(done), `round ${String(round)}`).toEqual(whole.counts);
        const lines = fingerprintOf(await readHistory(daemon.client, 's'));
        expect(firstDifference(lines, whole.lines), `round ${String(round)}`).toBeUndefined();
        await untilClean(daemon.dataDirectory);
      } finally {
        await daemon.remove();
      }
    }
    process.stdout.write(`killed ${String(kills)} times in ${String(IMPORTS)} imports\n`);
    expect(kills).toBeGreaterThan(IMPORTS);
  }, 300_000);
});
