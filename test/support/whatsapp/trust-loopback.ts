// For `node --import`, before a daemon under test: makes its process trust a loopback WhatsApp and download from it, as
// `LoopbackWhatsApp.childEnvironment` says. In the daemon itself it would be a setting that nobody should ever use.
import { WA_CERT_DETAILS } from '@whiskeysockets/baileys';
import { setGlobalDispatcher } from 'undici';
import { createLoopbackDispatcher } from './loopback-dispatcher.js';

const { LOOPBACK_ROOT_KEY, LOOPBACK_MEDIA_PORT } = process.env;
if (LOOPBACK_ROOT_KEY === undefined || LOOPBACK_MEDIA_PORT === undefined) {
  throw new Error('LOOPBACK_ROOT_KEY and LOOPBACK_MEDIA_PORT say whom to trust');
}
WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(LOOPBACK_ROOT_KEY, 'hex');
setGlobalDispatcher(createLoopbackDispatcher(Number(LOOPBACK_MEDIA_PORT)));
