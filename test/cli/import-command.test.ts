import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BackfillState, SkipReason } from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import { digestOf, FakeDaemon } from '../support/fake-daemon.js';
import { richStatus } from '../support/fake-service.js';
import { CliProcess, runCli } from '../support/run-cli.js';

const digits = '0123456789abcdef'.repeat(4);
const startMs = Date.parse('2026-02-16T18:00:00Z');

let daemon: FakeDaemon;
let directory: string;
let backup: string;
let bytes: Buffer;
let keyFile: string;

beforeEach(async () => {
  daemon = await FakeDaemon.start();
  directory = await mkdtemp(join(tmpdir(), 'scrollback-cli-'));
  backup = join(directory, 'msgstore.db.crypt15');
  keyFile = join(directory, 'alice.key');
  bytes = randomBytes(300_000);
  await writeFile(backup, bytes);
  await writeFile(keyFile, digits);
  daemon.script.result = {
    rowsRead: 10n,
    messagesAdded: 7n,
    messagesUnchanged: 1n,
    rowsSkipped: [{ reason: SkipReason.SENTINEL, count: 2n }],
    chats: 3n,
    createTime: timestampFromMs(startMs),
    startTime: timestampFromMs(startMs + 1000),
    endTime: timestampFromMs(startMs + 3000),
    warnings: ['the file says it is\u001b[31m old'],
  };
});

afterEach(async () => {
  daemon.close();
  await rm(directory, { recursive: true });
});

const importArgs = (...more: string[]): string[] => ['import', backup, '--session', 'alice', '--chunk', '64', ...more];

describe('scrollback import', () => {
  it('goes on though nobody reads how far it is', async () => {
    const command = new CliProcess(importArgs('--key-file', keyFile), { address: daemon.address });
    command.child.stderr?.destroy();
    const { code, stdout } = await command.outcome();
    expect({ code, isTold: stdout.includes('state              succeeded') }).toEqual({ code: 0, isTold: true });
    expect(digestOf(daemon.uploads.get('bf-1'))).toBe(digestOf(bytes));
  });

  it('creates the session, sends the file and the key, and prints the counts', async () => {
    const { code, stdout, stderr } = await runCli(importArgs('--key-file', keyFile), { address: daemon.address });
    expect(stdout.split('\n')).toEqual([
      'backfill           bf-1',
      'session            alice',
      'kind               backup',
      'file               msgstore.db.crypt15',
      'state              succeeded',
      'created            2026-02-16T18:00:00Z',
      'rows read          10',
      'added               7',
      'updated             0',
      'unchanged           1',
      'skipped: sentinel   2',
      'deleted             0',
      'chats               3',
      'contacts            0',
      'groups              0',
      'group members       0',
      'seconds            3.0',
      'importing          2.0 s',
      'messages/s         5',
      'warning: the file says it is\\u{1b}[31m old',
      '',
    ]);
    expect(code).toBe(0);
    expect(stderr).toContain('created session alice\n');
    expect(stderr).toContain('upload 21 %: 65.5 kB of 300.0 kB');
    expect(digestOf(daemon.uploads.get('bf-1'))).toBe(digestOf(bytes));
    expect(daemon.keys.map(({ form }) => Buffer.from(form.value ?? '').toString())).toEqual([digits]);
  });

  it('prints the backfill with --json, and takes the key from the standard input', async () => {
    const args = importArgs('--key-file', '-', '--json');
    const { code, stdout } = await runCli(args, { address: daemon.address, input: digits });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      backfillId: 'bf-1',
      state: 'BACKFILL_STATE_SUCCEEDED',
      messagesAdded: '7',
    });
    expect(daemon.keys).toHaveLength(1);
  });

  it('goes on from what the daemon has when it restarts in the middle, and gives the key again', async () => {
    daemon.script.crashAtBytes = 128 * 1024;
    const { code, stderr } = await runCli(importArgs('--key-file', keyFile), { address: daemon.address });
    expect(stderr).toContain('the daemon went away: trying to go on\n');
    expect(code).toBe(0);
    expect(digestOf(daemon.uploads.get('bf-1'))).toBe(digestOf(bytes));
    expect(daemon.keys).toHaveLength(2);
    expect(daemon.backfills.size).toBe(1);
  });

  it('goes on with an upload that an earlier run left, without asking for the key', async () => {
    await runCli(importArgs('--key-file', keyFile), { address: daemon.address });
    const first = daemon.backfills.get('bf-1');
    daemon.addBackfill({
      backfillId: 'bf-2',
      sessionId: 'alice',
      state: BackfillState.UPLOADING,
      requestId: `${first?.requestId.slice(0, 'import-'.length + 16) ?? ''}-0000`,
      committedSize: 100_000n,
      totalSize: BigInt(bytes.length),
    });
    daemon.uploads.set('bf-2', bytes.subarray(0, 100_000));
    const { code, stderr } = await runCli(importArgs(), { address: daemon.address });
    expect(stderr).toContain('going on with backfill bf-2 of the same file\n');
    expect(code).toBe(0);
    expect(digestOf(daemon.uploads.get('bf-2'))).toBe(digestOf(bytes));
    expect(daemon.keys).toHaveLength(1);
  });

  it('names the backfill of another file that the session runs', async () => {
    daemon.addSession('alice');
    daemon.addBackfill({ backfillId: 'other', sessionId: 'alice', state: BackfillState.IMPORTING, requestId: 'x' });
    const { code, stderr } = await runCli(importArgs(), { address: daemon.address });
    expect(code).toBe(1);
    expect(stderr).toBe(
      'scrollback: session alice already runs backfill other of another file; follow it with ' +
        '`scrollback backfills watch other`, or end it with `scrollback backfills cancel other`\n',
    );
  });

  it('shows why the backfill failed, in one line', async () => {
    daemon.addSession('alice');
    daemon.script.refuseUpload = richStatus(status.INVALID_ARGUMENT, 'WRONG_KEY', 'digit 17 looks mistyped; check it');
    const { code, stdout, stderr } = await runCli(importArgs('--key-file', keyFile, '--json'), {
      address: daemon.address,
    });
    expect(code).toBe(1);
    expect(stderr.trimEnd().split('\n').at(-1)).toBe('scrollback: digit 17 looks mistyped; check it');
    expect(JSON.parse(stdout)).toMatchObject({
      state: 'BACKFILL_STATE_FAILED',
      error: { details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'WRONG_KEY' }] },
    });
  });

  it('says how to give the key where it cannot ask, and needs none for a plain database', async () => {
    const asked = await runCli(importArgs(), { address: daemon.address });
    expect(asked.code).toBe(1);
    expect(asked.stderr.trimEnd().split('\n').at(-1)).toBe(
      'scrollback: no terminal to ask for the key on: give it with --key-file PATH, or --key-file - to read it here',
    );
    await writeFile(backup, Buffer.concat([Buffer.from('SQLite format 3\0'), bytes]));
    expect((await runCli(importArgs(), { address: daemon.address })).code).toBe(0);
    expect(daemon.keys).toEqual([]);
  });

  it('imports a file that lies in the drop directory, and asks for a key only when it needs one', async () => {
    const args = ['import', 'big.crypt15', '--session', 'alice', '--drop'];
    expect((await runCli(args, { address: daemon.address })).stderr).toContain('no terminal to ask for the key on');
    expect((await runCli([...args, '--key-file', keyFile], { address: daemon.address })).code).toBe(0);
    expect(daemon.backfills.get('bf-1')).toMatchObject({ fileName: 'big.crypt15', state: BackfillState.SUCCEEDED });
  });

  it('says how to go on when it is interrupted, and keeps the key out of its arguments and its environment', async () => {
    // A crash without a restart leaves the import waiting for the daemon.
    daemon.addSession('alice');
    const command = new CliProcess(importArgs('--key-file', '-'), { address: daemon.address, input: digits });
    daemon.script.crashAtBytes = 64 * 1024;
    daemon.listen = () => Promise.resolve();
    await command.until(() => command.stderr.includes('went away'));
    const { pid = 0 } = command.child;
    for (const file of ['cmdline', 'environ']) {
      const text = await readFile(`/proc/${String(pid)}/${file}`, 'latin1');
      expect(text.includes(digits), file).toBe(false);
    }
    command.child.kill('SIGINT');
    const { code, stderr } = await command.outcome();
    expect(code).toBe(130);
    expect(stderr).toContain('interrupted: run the same command again to go on where it stopped\n');
  });

  it('refuses what cannot be a backup before it calls the daemon', async () => {
    await writeFile(backup, '');
    const wrong: [string, string][] = [
      [backup, `cannot import ${backup}: it is empty`],
      [directory, `cannot import ${directory}: it is no ordinary file`],
      [join(directory, 'none'), `cannot read ${join(directory, 'none')}: there is no such file`],
    ];
    for (const [path, message] of wrong) {
      const { code, stderr } = await runCli(['import', path, '--session', 'alice'], { address: daemon.address });
      expect({ code, stderr }).toEqual({ code: 1, stderr: `scrollback: ${message}\n` });
    }
    expect(daemon.sessions.size).toBe(0);
  });
});
