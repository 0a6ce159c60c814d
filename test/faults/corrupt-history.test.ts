import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CallError } from '../../src/cli/call-error.js';
import { SessionState } from '../../src/gen/scrollback/v1/session_service_pb.js';
import { makeBytes } from '../support/backup-bytes.js';
import {
  chunksOf,
  createUpload,
  digitsOf,
  ensureSession,
  getBackfill,
  importBytes,
  importWhole,
} from '../support/backfill-walk.js';
import { withDaemon } from '../support/daemon.js';
import { expectHistory } from '../support/expected-history.js';
import { readHistory } from '../support/read-history.js';
import { rootKey } from '../support/small-backup.js';

const key = digitsOf(rootKey);

/** Inverts bytes all over a file, as a disk that fails does. */
async function ruin(path: string): Promise<void> {
  const bytes = await readFile(path);
  for (let at = 0; at < bytes.length; at += 1 + Math.floor(bytes.length / 64)) bytes[at] = 255 - (bytes[at] ?? 0);
  await writeFile(path, bytes);
}

describe('a session whose LevelDB is damaged', () => {
  test.each([
    ['the manifest', /^MANIFEST-/],
    ['what names the manifest', /^CURRENT$/],
  ])('at %s says so, and the others go on, whatever it was doing', async (_, pattern) => {
    await withDaemon(async (daemon) => {
      const good = await makeBytes({ messages: 1500, seed: 131, traps: true });
      await importWhole(daemon.client, 'bad', good.crypt15, key);
      const badDirectories = await readdir(join(daemon.dataDirectory, 'sessions'));
      // It is damaged in the middle of a second import, which the next start wants to go on with.
      const more = await makeBytes({ messages: 15_000, seed: 132 });
      const { backfillId } = await createUpload(daemon.client, 'bad', more.crypt15.length, key);
      await daemon.client.backfills.uploadBackup(chunksOf(backfillId, more.crypt15));
      let rowsRead = 0n;
      while (rowsRead < 1000n) ({ rowsRead } = await getBackfill(daemon.client, backfillId));
      await importWhole(daemon.client, 'good', good.crypt15, key);
      await daemon.kill9();
      const history = join(daemon.dataDirectory, 'sessions', badDirectories[0] ?? '', 'history');
      for (const name of await readdir(history)) if (pattern.test(name)) await ruin(join(history, name));
      await daemon.restart();

      const { client } = daemon;
      await expect(client.history.listChats({ sessionId: 'bad' })).rejects.toMatchObject({
        reason: 'SESSION_UNAVAILABLE',
      });
      await expect(createUpload(client, 'bad', 1000, key)).rejects.toMatchObject({ reason: 'SESSION_UNAVAILABLE' });
      const { session } = await client.sessions.getSession({ sessionId: 'bad' });
      expect([SessionState.RECOVERING, SessionState.FAILED]).toContain(session?.state);
      expectHistory(await readHistory(client, 'good'), good.expected);
      await importWhole(client, 'third', good.crypt15, key);
      expectHistory(await readHistory(client, 'third'), good.expected);
      const { sessions } = await client.sessions.listSessions({});
      expect(sessions.map(({ sessionId }) => sessionId)).toEqual(['bad', 'good', 'third']);
      // Who has given it up can delete it, and import it anew.
      await client.sessions.deleteSession({ sessionId: 'bad' });
      await ensureSession(client, 'bad');
      await importWhole(client, 'bad', good.crypt15, key);
      expectHistory(await readHistory(client, 'bad'), good.expected);
    });
  });

  test('in its tables harms nobody else, although LevelDB does not check every block that it reads', async () => {
    await withDaemon(async (daemon) => {
      const good = await makeBytes({ messages: 6000, seed: 133 });
      await importWhole(daemon.client, 'bad', good.crypt15, key);
      const [directory = ''] = await readdir(join(daemon.dataDirectory, 'sessions'));
      await importWhole(daemon.client, 'good', good.crypt15, key);
      await daemon.stop();
      // LevelDB writes its log into a table when it is opened again.
      await daemon.restart();
      await readHistory(daemon.client, 'bad');
      await daemon.stop();
      const history = join(daemon.dataDirectory, 'sessions', directory, 'history');
      const tables = (await readdir(history)).filter((table) => table.endsWith('.ldb'));
      expect(tables.length).toBeGreaterThan(0);
      for (const table of tables) await ruin(join(history, table));
      await daemon.restart();
      await readHistory(daemon.client, 'bad').catch((error: unknown) => expect(error).toBeInstanceOf(CallError));
      await importBytes(daemon.client, 'bad', good.crypt15, key).catch((error: unknown) =>
        expect(error).toBeInstanceOf(CallError),
      );
      expectHistory(await readHistory(daemon.client, 'good'), good.expected);
      await daemon.client.sessions.deleteSession({ sessionId: 'bad' });
      await importWhole(daemon.client, 'bad', good.crypt15, key);
      expectHistory(await readHistory(daemon.client, 'bad'), good.expected);
    });
  });
});
