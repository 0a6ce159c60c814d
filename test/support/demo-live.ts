import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { proto } from '@whiskeysockets/baileys';
import { type Demo, say } from './demo-daemon.js';
import { readQr } from './read-qr.js';
import type { Account } from './whatsapp/account.js';
import { LoopbackWhatsApp } from './whatsapp/loopback-whatsapp.js';

const trustModule = fileURLToPath(new URL('./whatsapp/trust-loopback.js', import.meta.url));

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Olga' };

/** Long enough to read a line before the next one comes. */
const PAUSE_MS = 700;

/** Links a session of the demo's daemon to a WhatsApp of the demo's own, and shows it receiving. */
export async function linkAndWatch(demo: Demo, { keep }: { keep: boolean }): Promise<void> {
  const whatsapp = await LoopbackWhatsApp.listen({ claimsPreKeys: true });
  try {
    say(
      'A WhatsApp of this demo listens on loopback: servers, phone and friends, with real keys. Nothing leaves this machine.\n',
    );
    await demo.startDaemon({
      ...whatsapp.childEnvironment,
      NODE_OPTIONS: `--import=${trustModule}`,
      SCROLLBACK_WHATSAPP_URL: whatsapp.url,
    });
    const account = await link(demo, whatsapp);
    await demo.runDuring(['watch', '--session', 'olga', '--after', '0'], () => writeToOlga(whatsapp, account));
    await demo.run(['chats', '--session', 'olga']);
    await demo.run(['sessions']);
    if (keep) await keepWriting(demo, whatsapp, account);
    else sayHowToGoOn();
  } finally {
    await whatsapp.close();
  }
}

/** Runs `scrollback link`, and scans what it draws as a phone does: with a camera, so to speak. */
async function link(demo: Demo, whatsapp: LoopbackWhatsApp): Promise<Account> {
  let drawn = '';
  let scanned: Promise<Account> | undefined;
  await demo.runListening(['link', '--session', 'olga'], (text) => {
    drawn += text;
    if (scanned !== undefined || !drawn.includes('Scan it')) return;
    say('(the phone of this demo scans it)');
    scanned = whatsapp.scanQr(readQr(drawn), owner);
    // Whoever waits for it hears of it, after the command.
    scanned.catch(() => undefined);
  });
  if (scanned === undefined) throw new Error('no QR code was drawn');
  return scanned;
}

async function writeToOlga(whatsapp: LoopbackWhatsApp, account: Account): Promise<void> {
  const anna = whatsapp.addPerson({ phone: '491700000002', lid: '900000000000002', name: 'Anna' });
  const ben = whatsapp.addPerson({ phone: '491700000003', lid: '900000000000003', name: 'Ben' });
  const group = whatsapp.groups.create({ subject: 'Chess', creator: ben, members: [account.phone, anna] });
  const chat = group.jid;
  // What comes before the watch has begun is shown by it all the same.
  await delay(2 * PAUSE_MS);
  const question = await account.deliver(anna, { conversation: 'Are you coming tonight?' });
  await delay(PAUSE_MS);
  await account.deliver(account.phone, { conversation: 'Yes, at eight.' }, { chat: anna });
  await delay(PAUSE_MS);
  const key = { remoteJid: anna.jid(), fromMe: false, id: question };
  const editedMessage: proto.IMessage = { conversation: 'Are you coming tonight? At nine!' };
  await account.deliver(anna, { protocolMessage: { type: 14, key, editedMessage, timestampMs: Date.now() } });
  await delay(PAUSE_MS);
  await account.deliver(ben, { conversation: 'Who has the white pieces?' }, { chat });
  await delay(PAUSE_MS);
  await account.deliver(anna, { imageMessage: { caption: 'The board', mimetype: 'image/jpeg' } }, { chat });
  await delay(PAUSE_MS);
  await account.settled();
  await delay(PAUSE_MS);
}

async function keepWriting(demo: Demo, whatsapp: LoopbackWhatsApp, account: Account): Promise<void> {
  const clock = whatsapp.addPerson({ phone: '491700000004', lid: '900000000000004', name: 'Clock' });
  const timer = setInterval(() => {
    account.deliver(clock, { conversation: `It is ${new Date().toLocaleTimeString()}.` }).catch(() => undefined);
  }, 5000);
  say(`
The daemon and its WhatsApp go on until Ctrl-C, and somebody writes every five seconds. In another terminal:
  $ export SCROLLBACK_ADDRESS=${demo.address}
  $ scrollback watch --session olga
  $ scrollback messages --session olga
  $ scrollback unlink --session olga`);
  await demo.untilStopped();
  clearInterval(timer);
}

function sayHowToGoOn(): void {
  say(`
To link a number of your own:
  $ npm start
and in another terminal:
  $ scrollback link --session me       scan it in WhatsApp under Linked devices
  $ scrollback watch --session me
  $ scrollback import msgstore.db.crypt15 --session me     what was before
\`npm run demo -- --live --keep\` leaves this daemon and its WhatsApp running, to look around.`);
}
