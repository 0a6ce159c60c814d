import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CallError } from '../../src/cli/call-error.js';
import { BackfillState } from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import { type BackupBytes, makeBytes } from '../support/backup-bytes.js';
import { digitsOf, errorOf, importBytes, untilClean } from '../support/backfill-walk.js';
import { Daemon } from '../support/daemon.js';
import { expectCounts, expectHistory } from '../support/expected-history.js';
import { readHistory } from '../support/read-history.js';
import { rootKey } from '../support/small-backup.js';
import { encryptBackup } from '../support/encrypt-backup.js';
import { Random } from '../support/synthetic-random.js';

const key = digitsOf(rootKey);
/** Decides which bits and lengths are tried; another number tries others. */
const SEED = 20260;
const ROUNDS = 300;
const LANES = 4;

const reasonsOfDamage = [
  'DAMAGED',
  'KEY_KIND_MISMATCH',
  'NOT_A_BACKUP',
  'OTHER_BACKUP',
  'PASSKEY_PROTECTED',
  'PASSWORD_PROTECTED',
  'SCHEMA_NOT_SUPPORTED',
  'TRUNCATED',
  'WRONG_KEY',
  'WRONG_KEY_OR_DAMAGED',
];

let daemon: Daemon;
let backup: BackupBytes;
beforeAll(async () => {
  daemon = await Daemon.start();
  backup = await makeBytes({ messages: 150, chats: 40, seed: 141 });
});
afterAll(() => daemon.remove());

/** Imports each variant of a backup into a session of its own, and holds what comes of it against the whole file. */
async function tryAll(
  name: string,
  count: number,
  variant: (index: number) => Buffer,
): Promise<{ refused: number; imported: number }> {
  const seen = { refused: 0, imported: 0 };
  let next = 0;
  const lane = async (lane: number): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      const sessionId = `${name}-${String(lane)}-${String(index)}`;
      const bytes = variant(index);
      const backfill = await importBytes(daemon.client, sessionId, bytes, key).catch(async (error: unknown) => {
        // A refusal by the first bytes ends the upload; the backfill keeps why.
        if (!(error instanceof CallError) || error.reason === '') throw error;
        const which = { case: 'sessionId', value: sessionId } as const;
        const { backfill: failed } = await daemon.client.backfills.getBackfill({ which });
        if (failed === undefined) throw error;
        expect(errorOf(failed).reason, sessionId).toBe(error.reason);
        return failed;
      });
      const { session } = await daemon.client.sessions.getSession({ sessionId });
      if (backfill.state === BackfillState.FAILED) {
        seen.refused++;
        expect(reasonsOfDamage, sessionId).toContain(errorOf(backfill).reason);
        expect(session, sessionId).toMatchObject({ messageCount: 0n, revision: 0n });
      } else {
        seen.imported++;
        expectCounts(backfill, backup.expected);
        expectHistory(await readHistory(daemon.client, sessionId), backup.expected);
      }
      await daemon.client.sessions.deleteSession({ sessionId });
    }
  };
  await Promise.all(Array.from({ length: LANES }, (_, n) => lane(n)));
  await untilClean(daemon.dataDirectory);
  process.stdout.write(`${name}: ${String(seen.refused)} refused, ${String(seen.imported)} imported exactly\n`);
  return seen;
}

describe('a damaged upload is refused or harmless, and leaves nothing', () => {
  test.each(['crypt15', 'chunked'] as const)('when a bit of a %s file is flipped', async (kind) => {
    const whole =
      kind === 'crypt15' ? backup.crypt15 : encryptBackup(backup.plain, { kind: 'crypt15', key: rootKey, md5: false });
    const random = new Random();
    const seen = await tryAll(`flip-${kind}`, ROUNDS, (index) => {
      random.start(SEED, index, 1);
      // Half of them hit the first bytes, where most of the structure is.
      const at = index % 2 === 0 ? random.below(200) : random.below(whole.length);
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
      return bytes;
    });
    expect(seen.refused).toBeGreaterThan(ROUNDS / 2);
  });

  test('when the file is cut', async () => {
    const whole = backup.crypt15;
    const seen = await tryAll('cut', ROUNDS, (index) =>
      whole.subarray(0, 1 + Math.floor((index * (whole.length - 1)) / ROUNDS)),
    );
    // What the checksum takes at the end may go.
    expect(seen.refused).toBeGreaterThan(ROUNDS - 3);
  });

  test('when the plain database inside is damaged before it was encrypted', async () => {
    const random = new Random();
    const { plain } = backup;
    let next = 0;
    let outcomes = 0;
    const lane = async (): Promise<void> => {
      for (let index = next++; index < ROUNDS / 2; index = next++) {
        random.start(SEED, index, 2);
        const bytes = Buffer.from(plain);
        for (let n = 0; n < 1 + (index % 8); n++) bytes[random.below(bytes.length)] = random.below(256);
        const sessionId = `plain-${String(index)}`;
        const backfill = await importBytes(daemon.client, sessionId, bytes, key).catch((error: unknown) => {
          if (!(error instanceof CallError) || error.reason === '') throw error;
        });
        if (backfill?.state === BackfillState.FAILED) {
          expect([...reasonsOfDamage, 'BACKUP_STALLED'], sessionId).toContain(errorOf(backfill).reason);
        }
        await readHistory(daemon.client, sessionId);
        await daemon.client.sessions.deleteSession({ sessionId });
        outcomes++;
      }
    };
    await Promise.all([lane(), lane()]);
    expect(outcomes).toBe(ROUNDS / 2);
    await untilClean(daemon.dataDirectory);
  });

  test('and the daemon imports the whole file after all of them', async () => {
    await importBytes(daemon.client, 'whole', backup.crypt15, key);
    expectHistory(await readHistory(daemon.client, 'whole'), backup.expected);
    expect(daemon.log).not.toMatch(/"level":(50|60)/);
  });
});
