import { chatModificationToAppPatch, proto } from '@whiskeysockets/baileys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CapturedHistory, CapturedLink } from '../support/captured-link.js';
import { closeCaptured } from '../support/captured-stage.js';
import { copyClientState } from '../support/whatsapp/baileys-client.js';
import { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };
const ANNA = '491700000002@s.whatsapp.net';
const chunk = {
  syncType: proto.HistorySync.HistorySyncType.INITIAL_BOOTSTRAP,
  conversations: [{ id: ANNA, name: 'Anna' }],
};

let whatsapp: LoopbackWhatsApp;
let history: CapturedHistory;
let link: CapturedLink;
beforeEach(async () => {
  whatsapp = await LoopbackWhatsApp.listen({ claimsPreKeys: true });
  history = await CapturedHistory.open(whatsapp);
  link = await CapturedLink.link(whatsapp, history, owner, (account) => {
    // The first chunk is a file, and the phone was there before its device.
    account.bootstrap = undefined;
  });
  const contact = chatModificationToAppPatch({ contact: { fullName: 'Anna Schmidt' } }, ANNA);
  await link.account.appState.change(contact);
});
afterEach(() => closeCaptured({ whatsapp, history, link }));

async function untilAnnaIsKnown(): Promise<void> {
  const name = async () => {
    await history.recorded();
    return (await history.store.getChat(ANNA))?.name;
  };
  await expect.poll(name, { timeout: 15_000 }).toBe('Anna Schmidt');
}

describe('the app state is synced although the first chunk of history is a file', () => {
  it('when its key came before', async () => {
    await link.account.acknowledged(await link.account.shareAppStateKey());
    await link.account.acknowledged(await link.account.pushHistory(chunk, 'media'));
    await untilAnnaIsKnown();
    expect(link.state.creds.accountSyncCounter).toBe(1);
  });

  it('when its key comes after', async () => {
    await link.account.acknowledged(await link.account.pushHistory(chunk, 'media'));
    await expect.poll(() => link.state.creds.accountSyncCounter).toBe(1);
    await link.account.acknowledged(await link.account.shareAppStateKey());
    await untilAnnaIsKnown();
  });

  it('when the process dies before it was', async () => {
    await link.account.acknowledged(await link.account.shareAppStateKey());
    link.account.refuses = ({ attrs }) => (attrs.xmlns === 'w:sync:app:state' ? 'silence' : undefined);
    await link.account.acknowledged(await link.account.pushHistory(chunk, 'media'));
    const state = copyClientState(link.state);
    await link.end();
    await link.account.offline();
    link.account.refuses = () => undefined;
    link = new CapturedLink(whatsapp, history, state, link.account);
    await untilAnnaIsKnown();
  });
});
