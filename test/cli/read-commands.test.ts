import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { BackfillState } from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import { ChatKind, Direction, GroupRank, Order } from '../../src/gen/scrollback/v1/history_service_pb.js';
import { MessageKind } from '../../src/gen/scrollback/v1/message_pb.js';
import { openDoor, until } from '../support/door.js';
import { FakeDaemon } from '../support/fake-daemon.js';
import { aMessage } from '../support/memory-history.js';
import { CliProcess, cliPath, runCli } from '../support/run-cli.js';

const sentTime = timestampFromMs(Date.parse('2026-02-16T18:32:39.250Z'));
const key = { chatJid: '491701234567@s.whatsapp.net', senderJid: '491701234567@s.whatsapp.net', messageId: 'A1' };

let daemon: FakeDaemon;

beforeAll(async () => {
  daemon = await FakeDaemon.start();
  daemon.addSession('alice', { messageCount: 2n, chatCount: 1n, revision: 7n, displayName: 'Alice\u001b[31m' });
  daemon.script.messages = [
    {
      key: { ...key, messageId: 'A2', fromMe: true, senderJid: '' },
      sentTime,
      kind: MessageKind.TEXT,
      text: 'hi\u001b]0;x\u0007\nthere',
    },
    { key, sentTime, kind: MessageKind.IMAGE, text: 'sea', senderName: 'Bob', media: { fileName: 'sea.jpg' } },
  ];
  daemon.script.chats = Array.from({ length: 60 }, (_, at) => ({
    jid: `chat-${String(at)}@g.us`,
    kind: ChatKind.GROUP,
    name: `Chat ${String(at)}`,
    messageCount: BigInt(at),
    lastMessageTime: sentTime,
  }));
  daemon.script.contacts = [{ jid: '49170@s.whatsapp.net', name: 'Bob', alternateJids: ['77@lid'] }];
  daemon.script.labels = [
    { labelId: '1', name: 'New\u001b[31m' },
    { labelId: '12', name: 'Paid' },
  ];
  daemon.script.groups = [
    {
      jid: '1203@g.us',
      subject: 'Team',
      members: [
        { jid: '49170@s.whatsapp.net', rank: GroupRank.ADMIN },
        { fromMe: true, rank: GroupRank.MEMBER },
      ],
      pastMembers: [{ jid: '49171@s.whatsapp.net', leaveTime: sentTime, leftVoluntarily: true }],
    },
  ];
  daemon.addBackfill({
    backfillId: 'bf-0',
    sessionId: 'alice',
    state: BackfillState.SUCCEEDED,
    fileName: 'msgstore.db.crypt15',
  });
});

afterAll(() => daemon.close());

const run = (...args: string[]): ReturnType<typeof runCli> => runCli(args, { address: daemon.address });

describe('scrollback messages', () => {
  it('prints one safe line for each message', async () => {
    const { code, stdout, stderr } = await run('messages', '--session', 'alice');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      '2026-02-16T18:32:39Z  491701234567@s.whatsapp.net   me                    hi\\u{1b}]0;x\\u{7}\\nthere',
      '2026-02-16T18:32:39Z  491701234567@s.whatsapp.net   Bob                   [image sea.jpg] sea',
      '',
    ]);
  });

  it('prints the proto3 JSON of each message with --json', async () => {
    const { stdout } = await run('messages', '--session', 'alice', '--json');
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(lines).toHaveLength(2);
    expect(lines[0]).toEqual({
      key: { chatJid: key.chatJid, fromMe: true, messageId: 'A2' },
      sentTime: '2026-02-16T18:32:39.250Z',
      kind: 'MESSAGE_KIND_TEXT',
      text: 'hi\u001b]0;x\u0007\nthere',
    });
  });

  it('asks the question that was typed', async () => {
    await run(
      ...['messages', '--session', 'alice', '--chat', '+49 170 1234567', '--from', '2026-02-01', '--to', '2026-02-28'],
      ...['--limit', '1', '--order', 'oldest', '--kind', 'text,video-note', '--direction', 'in'],
    );
    expect(daemon.reads.at(-1)).toMatchObject({
      sessionId: 'alice',
      chat: '+49 170 1234567',
      from: { seconds: 1769904000n, nanos: 0 },
      to: { seconds: 1772323199n, nanos: 999_999_999 },
      limit: 1n,
      order: Order.OLDEST_FIRST,
      kinds: [MessageKind.TEXT, MessageKind.VIDEO_NOTE],
      direction: Direction.INCOMING,
    });
  });

  it('ends quietly when its reader has seen enough', async () => {
    const head = new CliProcess(['messages', '--session', 'alice', '--limit', '0'], { address: daemon.address });
    head.child.stdout?.destroy();
    const { code, stderr } = await head.outcome();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it.runIf(existsSync('/dev/full'))('says in one line that its output has no room', async () => {
    const command = `"${process.execPath}" "${cliPath}" messages --session alice --limit 0 > /dev/full`;
    const env = { ...process.env, SCROLLBACK_ADDRESS: daemon.address };
    const shell = spawn('sh', ['-c', command], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    shell.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const [code]: (number | null)[] = await once(shell, 'close');
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'scrollback: the output cannot be written: its disk is full\n',
    });
  });
});

describe('a reader of `scrollback messages` that pauses for long', () => {
  it('gets every message once, though the daemon drops it meanwhile', async () => {
    const door = await openDoor({ stallMs: 50 });
    const count = 30_000;
    const texts = Array.from({ length: count }, (_, at) => `${String(at)} ${'x'.repeat(200)}`);
    door.memory
      .history('alice')
      .add(...texts.map((text, at) => aMessage(`M${String(at)}`, { sentMs: 1e12 + at, text })));
    const args = ['messages', '--session', 'alice', '--limit', String(count - 1), '--order', 'oldest', '--json'];
    const command = new CliProcess(args, { address: door.address });
    command.child.stdout?.pause();
    await until(() => door.logged.some((line) => line.includes('SLOW_READER')));
    command.child.stdout?.resume();
    const { code, stdout, stderr } = await command.outcome();
    await door.stop();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const ids = stdout
      .trimEnd()
      .split('\n')
      .map((line) => /"messageId":"(M\d+)"/.exec(line)?.[1]);
    expect(ids).toEqual(Array.from({ length: count - 1 }, (_, at) => `M${String(at)}`));
  });
});

describe('scrollback watch', () => {
  it('marks new, changed and gone messages, goes on after a restart, and ends with 130 on Ctrl-C', async () => {
    const changed = { key, sentTime, kind: MessageKind.TEXT, text: 'changed', createRevision: 1n, revision: 8n };
    daemon.script.watch = [
      { revision: 7n, resumeToken: 'token-7' },
      {
        messages: [{ ...changed, revision: 1n, text: 'new' }, changed],
        removed: [key],
        revision: 8n,
        resumeToken: 'token-8',
      },
    ];
    const watch = new CliProcess(['watch', '--session', 'alice', '--chat', '49170'], { address: daemon.address });
    await watch.until(() => watch.stdout.includes('gone'));
    expect(watch.stdout.split('\n')).toEqual([
      '+ 2026-02-16T18:32:39Z  491701234567@s.whatsapp.net  new',
      '~ 2026-02-16T18:32:39Z  491701234567@s.whatsapp.net  changed',
      '- 491701234567@s.whatsapp.net  A1  gone',
      '',
    ]);
    expect(daemon.watches[0]).toMatchObject({ afterRevision: 7n, resumeToken: '', chat: '49170' });

    daemon.script.watch = [
      { messages: [{ ...changed, text: 'after the restart' }], revision: 9n, resumeToken: 'token-9' },
    ];
    daemon.crash();
    await daemon.listen();
    await watch.until(() => watch.stdout.includes('after the restart'));
    expect(daemon.watches.at(-1)).toMatchObject({ resumeToken: 'token-8' });

    watch.child.kill('SIGINT');
    const { code, stderr } = await watch.outcome();
    expect({ code, stderr }).toEqual({ code: 130, stderr: 'the daemon went away: waiting for it\n' });
  });
});

describe('the lists', () => {
  it('are cut at --limit, 50 unless said, and whole with 0', async () => {
    const lines = async (...args: string[]): Promise<string[]> => (await run(...args)).stdout.trimEnd().split('\n');
    expect(await lines('chats', '--session', 'alice')).toHaveLength(51);
    expect(await lines('chats', '--session', 'alice', '--limit', '0', '--json')).toHaveLength(60);
    expect(await lines('chats', '--session', 'alice', '--limit', '2')).toEqual([
      'LAST MESSAGE          MESSAGES  KIND   CHAT         NAME',
      '2026-02-16T18:32:39Z         0  group  chat-0@g.us  Chat 0',
      '2026-02-16T18:32:39Z         1  group  chat-1@g.us  Chat 1',
    ]);
  });

  it('show the labels of the owner, as proto3 JSON with --json', async () => {
    expect((await run('labels', '--session', 'alice')).stdout).toBe(
      'LABEL  NAME\n1      New\\u{1b}[31m\n12     Paid\n',
    );
    const { stdout } = await run('labels', '--session', 'alice', '--json');
    expect(stdout).toBe('{"labelId":"1","name":"New\\u001b[31m"}\n{"labelId":"12","name":"Paid"}\n');
    const { code, stderr } = await run('labels', '--session', 'nobody');
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining('there is no session nobody') as string,
    });
    daemon.script.labels = [];
    expect(await run('labels', '--session', 'alice')).toMatchObject({ code: 0, stdout: '' });
  });

  it('show contacts, groups with members, sessions and backfills', async () => {
    expect((await run('contacts', '--session', 'alice')).stdout).toBe(
      'CONTACT               NAME  ALSO\n49170@s.whatsapp.net  Bob   77@lid\n',
    );
    expect((await run('groups', '--session', 'alice')).stdout).toBe(
      'GROUP      MEMBERS  SUBJECT\n1203@g.us        2  Team\n',
    );
    expect((await run('groups', '--session', 'alice', '--members')).stdout).toBe(
      [
        '1203@g.us  Team',
        '  admin       49170@s.whatsapp.net',
        '  member      me',
        '  left        49171@s.whatsapp.net  2026-02-16T18:32:39Z',
        '',
      ].join('\n'),
    );
    expect((await run('sessions')).stdout).toContain(
      'alice    ready  -            2      1         7  -        Alice\\u{1b}[31m',
    );
    expect(JSON.parse((await run('sessions', 'get', 'alice', '--json')).stdout)).toMatchObject({
      sessionId: 'alice',
      revision: '7',
    });
    expect((await run('backfills')).stdout).toContain('bf-0      alice    backup  succeeded');
    expect((await run('backfills', 'get', 'bf-0')).stdout).toContain('state          succeeded\n');
    for (const shown of [
      ['sessions', 'alice'],
      ['backfills', 'bf-0'],
    ] as const) {
      expect(await run(shown[0], 'show', shown[1])).toEqual(await run(shown[0], 'get', shown[1]));
    }
  });

  it('create and delete sessions, and do not delete unasked', async () => {
    expect((await run('sessions', 'create', 'bob', '--name', 'Bob')).code).toBe(0);
    expect(daemon.sessions.get('bob')?.displayName).toBe('Bob');
    const refused = await run('sessions', 'delete', 'bob');
    expect({ code: refused.code, stderr: refused.stderr }).toEqual({
      code: 1,
      stderr: 'scrollback: deleting cannot be undone: confirm with --yes\n',
    });
    expect((await run('sessions', 'delete', 'bob', '--yes')).code).toBe(0);
    expect(daemon.sessions.has('bob')).toBe(false);
  });
});

describe('a failure', () => {
  it('is one line that says what to do', async () => {
    const missing = await run('chats', '--session', 'nobody');
    expect(missing).toEqual({
      code: 1,
      stdout: '',
      stderr: 'scrollback: there is no session nobody; `scrollback sessions` lists the sessions\n',
    });
    const noDaemon = await runCli(['chats', '--session', 'alice'], { address: '127.0.0.1:1' });
    expect(noDaemon).toEqual({
      code: 1,
      stdout: '',
      stderr: 'scrollback: no daemon at 127.0.0.1:1: start it with `npm start`, or set SCROLLBACK_ADDRESS\n',
    });
  });

  it('of the command line itself exits with 2', async () => {
    for (const args of [
      ['chats'],
      ['messages', '--session', 'alice', '--from', 'x'],
      ['nonsense'],
      ['chats', '--address', 'a:1'],
    ]) {
      const { code, stdout, stderr } = await run(...args);
      expect({ code, stdout }, args.join(' ')).toEqual({ code: 2, stdout: '' });
      expect(stderr.trimEnd().split('\n'), args.join(' ')).toHaveLength(1);
      expect(stderr, args.join(' ')).toMatch(/^scrollback: /);
    }
  });

  it('names the word of a group of commands that is none', async () => {
    for (const group of ['sessions', 'backfills']) {
      const stderr = `scrollback: ${group} has no command 'remove'; \`scrollback ${group} --help\` lists those that it has\n`;
      expect(await run(group, 'remove', 'alice')).toEqual({ code: 2, stdout: '', stderr });
    }
  });

  it('is not what --help and --version are', async () => {
    const help = await run('import', '--help');
    expect(help.code).toBe(0);
    expect(help.stdout).toContain('$ scrollback import msgstore.db.crypt15 --session alice --key-file alice.key');
    expect((await run('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
