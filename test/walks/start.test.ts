import { cp, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { digitsOf, importWhole } from '../support/backfill-walk.js';
import { makeBytes } from '../support/backup-bytes.js';
import { Daemon } from '../support/daemon.js';
import { rootKey } from '../support/small-backup.js';

/** A data directory with a session in it, of a daemon that has stopped. */
let original: string;
let directory: string;
let copies = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'scrollback-start-'));
  original = join(directory, 'original');
  const daemon = await Daemon.start({ dataDirectory: original });
  const { crypt15 } = await makeBytes({ messages: 300, seed: 31 });
  await importWhole(daemon.client, 'alice', crypt15, digitsOf(rootKey));
  await daemon.stop();
});
afterAll(() => rm(directory, { recursive: true }));

/** A copy of the data directory that a test may spoil. */
async function copyOf(path: string): Promise<string> {
  const copy = join(directory, `copy ${String(++copies)}`);
  await cp(path, copy, { recursive: true });
  return copy;
}

/** What a daemon says that does not start; it must end by itself, with 1. */
async function refusalOf(env: Record<string, string>): Promise<string> {
  const daemon = await Daemon.launchInto({ env, dataDirectory: original });
  const served = await daemon.untilServing();
  expect([served, daemon.endedBy]).toEqual([false, 'code 1']);
  return daemon.log.trim();
}

const openedIn = (dataDirectory: string): Promise<string> => refusalOf({ SCROLLBACK_DATA_DIR: dataDirectory });

describe('a daemon that cannot start', () => {
  test('says in one line why its data directory cannot be used, and what to do', async () => {
    const file = join(directory, 'file');
    await writeFile(file, '');
    const dangling = join(directory, 'sherlock');
    await symlink(join(directory, 'not mounted'), dangling);
    for (const path of [file, dangling, join(dangling, 'data')]) {
      const line = await openedIn(path);
      expect(line.startsWith(`scrollback: the data directory ${path} cannot be opened (`), line).toBe(true);
      expect(line).toMatch(/must be directories; is a disk not mounted, or mounted read-only\?$/);
    }
  });

  test('tells another daemon from damage', async () => {
    const running = await Daemon.start({ dataDirectory: await copyOf(original) });
    expect(await openedIn(running.dataDirectory)).toBe(
      `scrollback: another daemon uses ${running.dataDirectory}: stop it, or set SCROLLBACK_DATA_DIR to another directory`,
    );
    await running.stop();
    const damaged = await copyOf(original);
    for (const name of await readdir(join(damaged, 'registry'))) {
      if (name.startsWith('MANIFEST')) await writeFile(join(damaged, 'registry', name), 'a block of nothing');
    }
    expect(await openedIn(damaged)).toMatch(/\(Corruption: .*\): if it is damaged, put back a whole copy/);
  });

  test('does not take a copy that was put back in part for a new directory', async () => {
    const withoutRegistry = await copyOf(original);
    await rm(join(withoutRegistry, 'registry'), { recursive: true });
    expect(await openedIn(withoutRegistry)).toMatch(/\(it has histories of sessions \(1\), and no registry\): /);
    expect(await readdir(withoutRegistry)).toEqual(['sessions']);

    const withoutCurrent = await copyOf(original);
    await rm(join(withoutCurrent, 'registry', 'CURRENT'));
    const before = await readdir(join(withoutCurrent, 'registry'));
    expect(await openedIn(withoutCurrent)).toMatch(/, and no registry\): /);
    expect(await readdir(join(withoutCurrent, 'registry'))).toEqual(before);
  });

  test('names what has its address', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const bound = other.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    const listen = (address: string): Promise<string> => refusalOf({ SCROLLBACK_LISTEN: address });
    expect(await listen(`127.0.0.1:${String(port)}`)).toBe(
      `scrollback: cannot listen on 127.0.0.1:${String(port)}: another program has this port, or another daemon; ` +
        'stop that, or set SCROLLBACK_LISTEN to another port (EADDRINUSE)',
    );
    other.close();
    expect(await listen(`unix:${directory}/nowhere/socket`)).toMatch(/: its directory must exist and be writable/);
    expect(await listen(`unix:${directory}`)).toMatch(/: another daemon has this path, or it is no socket; /);
  });
});

describe('a history that lost its CURRENT', () => {
  test('is not replaced by an empty one, and harms no other session', async () => {
    const damaged = await copyOf(original);
    const [name = ''] = await readdir(join(damaged, 'sessions'));
    const history = join(damaged, 'sessions', name, 'history');
    await rm(join(history, 'CURRENT'));
    const before = await readdir(history);
    const daemon = await Daemon.start({ dataDirectory: damaged });
    await expect(daemon.client.history.listChats({ sessionId: 'alice' })).rejects.toMatchObject({
      reason: 'SESSION_UNAVAILABLE',
    });
    await daemon.client.sessions.createSession({ sessionId: 'bob' });
    await daemon.stop();
    expect(await readdir(history)).toEqual(before);
    expect(daemon.log).toContain('lacks its file CURRENT');
  });
});

describe('a daemon with odd settings', () => {
  test('names variables that are no settings, and not their values', async () => {
    const daemon = await Daemon.start({
      dataDirectory: await copyOf(original),
      env: { SCROLLBACK_MAX_STREAM: 'canary', SCROLLBACK_ADDRESS: '127.0.0.1:1' },
    });
    await daemon.stop();
    expect(daemon.log).toContain('"unknownSettings":["SCROLLBACK_MAX_STREAM"]');
    expect(daemon.log).not.toContain('canary');
  });

  test('uses many sessions with few files', async () => {
    const daemon = await Daemon.start({
      dataDirectory: join(directory, 'few files'),
      wrap: ['sh', '-c', 'ulimit -n 256; exec "$@"', 'sh'],
    });
    const { sessions, history } = daemon.client;
    const ids = Array.from({ length: 80 }, (_, n) => `s${String(n)}`);
    for (const sessionId of ids) await sessions.createSession({ sessionId });
    for (const sessionId of ids) await history.listChats({ sessionId });
    const listed = await sessions.listSessions({ pageSize: 1000 });
    expect(listed.sessions.filter(({ state }) => state !== listed.sessions[0]?.state)).toEqual([]);
    expect(daemon.log).toContain('"openFiles":256');
    await daemon.stop();
    expect(daemon.log).not.toContain('cannot be opened');
  });
});
