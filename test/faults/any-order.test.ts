import { afterAll, beforeAll, expect, test } from 'vitest';
import { digitsOf, importWhole } from '../support/backfill-walk.js';
import { makeLargeBytes } from '../support/backup-bytes.js';
import { Daemon } from '../support/daemon.js';
import { fingerprintOf, firstDifference, readHistory } from '../support/read-history.js';
import { rootKey } from '../support/small-backup.js';
import type { SyntheticOptions } from '../support/synthetic-backup.js';
import { Random } from '../support/synthetic-random.js';

/** Decides the backups and the orders; another number tries others. */
const SEED = 20262;
/** Three backups each, in four orders. */
const ROUNDS = Number(process.env.FAULT_ORDERS ?? 11);
const MESSAGES = 900;

let daemon: Daemon;
beforeAll(async () => {
  daemon = await Daemon.start();
});
afterAll(() => daemon.remove());

/** Backups of one account as several phones may have made them over the years. */
function backupOf(random: Random): SyntheticOptions {
  const from = random.below(MESSAGES / 2);
  return {
    messages: MESSAGES,
    seed: 171,
    startMs: 1_650_000_000_000,
    fromMessage: 1 + from,
    toMessage: from + 200 + random.below(MESSAGES / 2),
    revision: random.below(4),
    generation: random.pick(['modern', 'modern', 'transitional', 'modern-2022', 'legacy'] as const),
    traps: random.below(3) === 0,
    idOffset: random.below(3) === 0 ? 1_000_000 * (1 + random.below(3)) : 0,
    ...(random.below(3) === 0 ? { omitTables: ['jid_map'] } : {}),
  };
}

test(
  'three backups of one account give the same history in every order',
  async () => {
    const random = new Random();
    const orders = [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
      [0, 2, 1, 0],
    ];
    const differences: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      random.start(SEED, round, 1);
      const options = [backupOf(random), backupOf(random), backupOf(random)];
      const files = await Promise.all(options.map((one) => makeLargeBytes(one)));
      let wanted: string[] | undefined;
      for (const [n, order] of orders.entries()) {
        const sessionId = `r${String(round)}-${String(n)}`;
        for (const at of order) {
          await importWhole(daemon.client, sessionId, files[at]?.crypt15 ?? Buffer.alloc(0), digitsOf(rootKey));
        }
        // Sorted: where one id at one instant is in two chats, the chat that came first stands first.
        const lines = fingerprintOf(await readHistory(daemon.client, sessionId)).sort();
        wanted ??= lines;
        const difference = firstDifference(lines, wanted);
        if (difference !== undefined) {
          differences.push(
            `round ${String(round)}, order ${order.join()}, of ${JSON.stringify(options)}: ${difference}`,
          );
        }
      }
    }
    expect(differences).toEqual([]);
  },
  60_000 + ROUNDS * 30_000,
);
