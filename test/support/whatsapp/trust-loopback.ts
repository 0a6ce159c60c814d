// For `node --import`, before a daemon under test: makes its process trust a loopback WhatsApp and download from it, as
// `LoopbackWhatsApp.childEnvironment` says. In the daemon itself it would be a setting that nobody should ever use.
import { isMainThread } from 'node:worker_threads';

// Node runs this in each thread of the daemon, too; those neither connect nor download, and the library is a lot to load.
if (isMainThread) await trust();

async function trust(): Promise<void> {
  const { LOOPBACK_ROOT_KEY, LOOPBACK_MEDIA_PORT } = process.env;
  if (LOOPBACK_ROOT_KEY === undefined || LOOPBACK_MEDIA_PORT === undefined) {
    throw new Error('LOOPBACK_ROOT_KEY and LOOPBACK_MEDIA_PORT say whom to trust');
  }
  const { WA_CERT_DETAILS } = await import('@whiskeysockets/baileys');
  const { setGlobalDispatcher } = await import('undici');
  const { createLoopbackDispatcher } = await import('./loopback-dispatcher.js');
  WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(LOOPBACK_ROOT_KEY, 'hex');
  setGlobalDispatcher(createLoopbackDispatcher(Number(LOOPBACK_MEDIA_PORT)));
}
