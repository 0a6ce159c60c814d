import { createCapture } from '../../src/whatsapp/capture.js';
import { CapturedHistory } from './captured-link.js';
import { KeyFile } from './key-file.js';
import { BaileysClient } from './whatsapp/baileys-client.js';
import { createLoopbackDispatcher } from './whatsapp/loopback-dispatcher.js';

// A linked client in a process of its own, to be killed: the URL, a history's directory, a file of keys, the port of media.
const [url = '', directory = '', keyFile = '', mediaPort = ''] = process.argv.slice(2);

const whatsapp = { url, media: { dispatcher: createLoopbackDispatcher(Number(mediaPort)) } };
const keys = new KeyFile(keyFile);
const history = await CapturedHistory.open(whatsapp, { directory });
const capture = createCapture(history.host);
const client = new BaileysClient(whatsapp, keys.state, capture.socketOptions);
capture.attach(client.socket);
client.socket.ev.on('creds.update', () => keys.save());
