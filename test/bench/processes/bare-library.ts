import { Browsers, initAuthCreds, makeWASocket } from '@whiskeysockets/baileys';
import { pino } from 'pino';
import { MemoryKeys } from '../../support/whatsapp/memory-keys.js';
import { answerQuestions } from '../side-process.js';

/** What the library alone is to do: show the QR code of a new device, or log in with the device that was scanned. */
export type BareQuestion = { do: 'qr'; url: string } | { do: 'login'; url: string };

export interface BareAnswer {
  qr: string;
}

type State = { creds: ReturnType<typeof initAuthCreds>; keys: MemoryKeys };

let pairing: { state: State; closed: Promise<unknown> } | undefined;

/** The library as its users have it at best: keys in memory, nothing kept, events heard. */
function connect(url: string, state: State): ReturnType<typeof makeWASocket> {
  const socket = makeWASocket({
    waWebSocketUrl: url,
    auth: state,
    logger: pino({ level: 'silent' }),
    browser: Browsers.macOS('Desktop'),
    markOnlineOnConnect: false,
  });
  socket.ev.on('creds.update', (update) => Object.assign(state.creds, update));
  socket.ev.on('messages.upsert', () => undefined);
  return socket;
}

type Update = { qr?: string; connection?: string };

function until(socket: ReturnType<typeof makeWASocket>, passes: (update: Update) => boolean): Promise<Update> {
  return new Promise((resolve) => {
    socket.ev.on('connection.update', (update) => {
      if (passes(update)) resolve(update);
    });
  });
}

async function perform(question: BareQuestion): Promise<BareAnswer> {
  let qr = '';
  if (question.do === 'qr') {
    const state = { creds: initAuthCreds(), keys: new MemoryKeys() };
    const socket = connect(question.url, state);
    pairing = { state, closed: until(socket, ({ connection }) => connection === 'close') };
    qr = (await until(socket, (update) => update.qr !== undefined)).qr ?? '';
  }
  if (question.do === 'login') {
    if (pairing === undefined) throw new Error('nothing was scanned');
    await pairing.closed;
    const socket = connect(question.url, pairing.state);
    await until(socket, ({ connection }) => connection === 'open');
  }
  return { qr };
}

answerQuestions(perform);
