import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CapturedHistory, CapturedLink } from '../support/captured-link.js';
import { KeyFile } from '../support/key-file.js';
import { Random } from '../support/synthetic-random.js';
import type { Account } from '../support/whatsapp/account.js';
import { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };

/** Decides the moments; another number tries others. */
const SEED = 20263;
const KILLS = 30;
const MESSAGES_PER_LIFE = 12;

let whatsapp: LoopbackWhatsApp;
let history: CapturedHistory;
let account: Account;
let keyFile: string;
beforeEach(async () => {
  whatsapp = await LoopbackWhatsApp.listen({ claimsPreKeys: true });
  history = await CapturedHistory.open(whatsapp);
  const link = await CapturedLink.link(whatsapp, history, owner);
  account = link.account;
  await account.settled();
  keyFile = join(history.directory, '..', `${history.directory.split('/').at(-1) ?? ''}.keys`);
  await link.end();
  await account.offline();
  new KeyFile(keyFile, link.state);
  await history.close();
});
afterEach(async () => {
  await whatsapp.close();
  await history.remove();
});

it('a captured client that is killed at moments of chance loses nothing that it acknowledged, and has nothing twice', async () => {
  const random = new Random();
  random.start(SEED, 1, 1);
  const anna = whatsapp.addPerson({ phone: '491700000002', lid: '900000000000002', name: 'Anna' });
  const ben = whatsapp.addPerson({ phone: '491700000003', lid: '900000000000003', name: 'Ben' });
  const group = whatsapp.groups.create({ subject: 'G', creator: anna, members: [account.phone, ben] });
  const wanted: string[] = [];
  for (let life = 0; life < KILLS; life++) {
    const child = start();
    const heard = account.acknowledgements.entries.length;
    for (let n = 0; n < MESSAGES_PER_LIFE; n++) {
      const conversation = `${String(life)}.${String(n)}`;
      const options = {
        t: 1_700_000_000 + life * 100 + n,
        ...(random.below(3) === 0 ? { chat: group.jid } : {}),
        ...(random.below(4) === 0 ? { form: 'plaintext' as const } : {}),
      };
      wanted.push(conversation);
      await account.deliver(random.pick([anna, ben]), { conversation }, options);
    }
    // Somewhere among the acknowledgements of this life, of which there will be at least that many.
    const after = heard + random.below(MESSAGES_PER_LIFE);
    await account.acknowledgements.waitFor(() => account.acknowledgements.entries.length > after);
    await kill(child);
    await account.offline();
  }
  const child = start();
  await account.settled();
  await kill(child);
  history = await CapturedHistory.open(whatsapp, { directory: history.directory });
  const found = (await history.messages()).map(({ text }) => text);
  expect(found.sort()).toEqual(wanted.sort());
}, 300_000);

function start(): ChildProcess {
  const script = join(import.meta.dirname, '..', 'support', 'captured-process.js');
  const options = [whatsapp.url, history.directory, keyFile, String(whatsapp.media.port)];
  return spawn(process.execPath, [script, ...options], { stdio: 'ignore' });
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
