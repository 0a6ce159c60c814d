import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MediaPolicy } from '../../src/gen/scrollback/v1/session_service_pb.js';
import type { Door } from '../support/door.js';
import { openDoor } from '../support/door.js';
import { runCli } from '../support/run-cli.js';
import { withDirectory } from '../support/small-backup.js';

let door: Door;
// All of it can be printed, because the harness reads text.
const bytes = Buffer.from(randomBytes(100_000).toString('base64'));
beforeAll(async () => {
  door = await openDoor();
  await door.sessions.createSession({ sessionId: 'alice' });
  door.memory.files.set('M1', bytes);
});
afterAll(() => door.stop());

const media = (...args: string[]) =>
  runCli(['media', '--session', 'alice', '--message-id', 'M1', ...args], { address: door.address });

describe('scrollback media', () => {
  it('saves the file under the name that was given', async () => {
    await withDirectory(async (directory) => {
      const out = join(directory, 'it.jpg');
      expect(await media('--out', out)).toMatchObject({
        code: 0,
        stdout: `${out}: ${String(bytes.length)} bytes, image/jpeg\n`,
      });
      expect((await readFile(out)).equals(bytes)).toBe(true);
      expect(await readdir(directory)).toEqual(['it.jpg']);
    });
  });

  it('writes to a pipe', async () => {
    expect(await media('--out', '-')).toMatchObject({ code: 0, stdout: bytes.toString() });
  });

  it('says what the file is with --json', async () => {
    await withDirectory(async (directory) => {
      const { stdout } = await media('--json', '--out', join(directory, 'it'));
      expect(JSON.parse(stdout)).toMatchObject({ mimeType: 'image/jpeg', sizeBytes: String(bytes.length) });
    });
  });

  it('leaves nothing behind when there is no file', async () => {
    await withDirectory(async (directory) => {
      const outcome = await media('--out', join(directory, 'it'), '--message-id', 'M2');
      expect(outcome).toMatchObject({ code: 1, stdout: '' });
      expect(outcome.stderr).toContain('no file');
      expect(await readdir(directory)).toEqual([]);
    });
  });

  it('wants to know where to', async () => {
    expect(await media()).toMatchObject({ code: 2 });
    expect(await media('--out', '-', '--json')).toMatchObject({ code: 2 });
    expect((await media('--out', '/no/such/directory/it')).stderr).toContain('ENOENT');
  });
});

describe('scrollback sessions', () => {
  it('sets which files are fetched', async () => {
    const policy = async () => (await door.sessions.getSession({ sessionId: 'bob' })).session?.mediaPolicy;
    const sessions = (...args: string[]) => runCli(['sessions', ...args], { address: door.address });
    expect(await sessions('create', 'bob', '--media', 'all')).toMatchObject({ code: 0 });
    expect(await policy()).toBe(MediaPolicy.ALL);
    expect(await sessions('update', 'bob', '--name', 'Bob')).toMatchObject({ code: 0 });
    expect(await policy()).toBe(MediaPolicy.ALL);
    expect(await sessions('update', 'bob', '--media', 'none')).toMatchObject({ code: 0 });
    expect(await policy()).toBe(MediaPolicy.NONE);
    expect(await sessions('update', 'bob', '--media', 'some')).toMatchObject({ code: 2 });
  });
});
