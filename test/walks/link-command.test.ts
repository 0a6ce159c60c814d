import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { LinkState } from '../../src/gen/scrollback/v1/session_service_pb.js';
import { LinkedDaemon } from '../support/linked-daemon.js';
import { readQr } from '../support/read-qr.js';
import { CliProcess, runCli } from '../support/run-cli.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };

let linked: LinkedDaemon;
beforeAll(async () => {
  linked = await LinkedDaemon.start();
});
afterEach(() => linked.renew());
afterAll(() => linked.remove());

const run = (...args: string[]) => runCli(args, { address: linked.daemon.address });

describe('scrollback link', () => {
  it('creates the session, draws a code that a phone can read, and ends when it is linked', async () => {
    const command = new CliProcess(['link', '--session', 'a'], { address: linked.daemon.address });
    await command.until(() => command.stderr.includes('Scan it in WhatsApp'));
    await linked.whatsapp.scanQr(readQr(command.stderr), owner);
    const { code, stdout, stderr } = await command.outcome();
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^session a is linked to 491700000001@s\.whatsapp\.net \((syncing|online)\)\n$/),
    });
    expect(stderr).toContain('created session a');
    await linked.until('a', LinkState.ONLINE);
    expect((await run('sessions')).stdout).toMatch(/a +ready +online/);

    expect(await run('link', '--session', 'a')).toMatchObject({ code: 0, stderr: '' });
    expect(await run('unlink', '--session', 'a')).toMatchObject({
      code: 0,
      stdout: 'session a is not linked any more\n',
      stderr: '',
    });
    expect((await run('unlink', '--session', 'a')).stdout).toBe('session a was not linked\n');
  });

  it('shows a pairing code for a number', async () => {
    const args = ['link', '--session', 'a', '--phone', '+49 170 0000001'];
    const command = new CliProcess(args, { address: linked.daemon.address });
    await command.until(() => command.stderr.includes('Type '));
    const code = /Type (\w{4})-(\w{4}) in WhatsApp/.exec(command.stderr) ?? [];
    await linked.whatsapp.typeCode(`${code[1] ?? ''}${code[2] ?? ''}`, owner);
    expect((await command.outcome()).code).toBe(0);
  });

  it('leaves nothing behind after Ctrl-C', async () => {
    const command = new CliProcess(['link', '--session', 'a'], { address: linked.daemon.address });
    await command.until(() => command.stderr.includes('Scan it'));
    command.child.kill('SIGINT');
    expect((await command.outcome()).code).toBe(130);
    await linked.until('a', LinkState.UNLINKED);
  });

  it('fails in one line that says what to do', async () => {
    expect(await run('link', '--session', 'a', '--phone', '0170')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('phone_number: is a number with its country code'),
    });
    linked.whatsapp.refuseUpgrades(502);
    expect((await run('link', '--session', 'a')).stderr).toBe(
      'scrollback: the connection to WhatsApp was lost or could not be made (code 503); look at the network of the daemon, ' +
        'then run `scrollback link` again\n',
    );
    linked.whatsapp.failNextLogin(405);
    expect((await run('link', '--session', 'a')).stderr).toMatch(
      /^scrollback: .*no longer accepts the version.*; update Scrollback, or raise SCROLLBACK_WHATSAPP_VERSION.*\n$/,
    );
    expect((await run('unlink', '--session', 'nobody')).stderr).toContain('there is no session nobody');
  });
});
