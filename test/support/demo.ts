import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Demo, say, Stopped } from './demo-daemon.js';
import { makeBackup } from './make-backup.js';

const usage = `Usage: npm run demo [-- --live] [-- --keep] [-- --messages N]
Imports a synthetic encrypted backup into a daemon on a temporary directory, shows it, and cleans up.
  --live        links a session to a WhatsApp of the demo's own instead, and shows it receiving
  --keep        leaves the daemon running until Ctrl-C
  --messages N  how many messages the backup has (default 20000)
`;

async function importBackup(demo: Demo, options: { messages: number; keep: boolean }): Promise<void> {
  await demo.startDaemon();
  const backup = join(demo.directory, 'msgstore.db.crypt15');
  const key = randomBytes(32);
  say(`\nMaking a synthetic backup of ${String(options.messages)} messages, encrypted as WhatsApp does it …`);
  await makeBackup(backup, 'crypt15', key, { messages: options.messages, seed: 7 });
  say(`${backup}: ${((await stat(backup)).size / 1e6).toFixed(1)} MB`);
  await demo.run(['import', backup, '--session', 'demo', '--key-file', '-'], key.toString('hex'));
  await demo.run(['chats', '--session', 'demo', '--limit', '10']);
  await demo.run(['groups', '--session', 'demo', '--limit', '5']);
  await demo.run(['messages', '--session', 'demo', '--limit', '15']);
  if (options.keep) await keep(demo);
  else sayHowToGoOn();
}

async function keep(demo: Demo): Promise<void> {
  say(`
The daemon goes on until Ctrl-C. In another terminal:
  $ export SCROLLBACK_ADDRESS=${demo.address}
  $ scrollback messages --session demo --limit 0 --json | head -3
  $ scrollback watch --session demo --after 0
  $ npx buf curl --protocol grpc --http2-prior-knowledge http://${demo.address}/scrollback.v1.SessionService/ListSessions`);
  await demo.untilStopped();
}

function sayHowToGoOn(): void {
  say(`
To go on with a backup of your own:
  $ npm start
and in another terminal:
  $ scrollback import msgstore.db.crypt15 --session me      asks for the 64-digit key
  $ scrollback messages --session me --limit 20
  $ scrollback watch --session me
  $ scrollback --help
\`npm run demo -- --keep\` leaves the daemon of this demo running, to look around.`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { live: { type: 'boolean' }, keep: { type: 'boolean' }, messages: { type: 'string' } },
  });
  const messages = Number(values.messages ?? '20000');
  if (!Number.isSafeInteger(messages) || messages < 1) {
    process.stderr.write(usage);
    process.exitCode = 2;
    return;
  }
  const aborter = new AbortController();
  const stop = (): void => aborter.abort(new Stopped());
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    const keep = values.keep === true;
    const work = values.live === true ? (await import('./demo-live.js')).linkAndWatch : importBackup;
    await Demo.run(aborter.signal, (demo) => work(demo, { messages, keep }));
  } catch (error) {
    const isStopped = error instanceof Stopped;
    process.exitCode = isStopped ? 130 : 1;
    if (!isStopped) process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main();
