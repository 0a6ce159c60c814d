import { timestampMs } from '@bufbuild/protobuf/wkt';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LinkState } from '../../src/gen/scrollback/v1/session_service_pb.js';
import { LinkedDaemon } from '../support/linked-daemon.js';
import type { Account } from '../support/whatsapp/account.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };
const { ONLINE, BACKING_OFF, LOGGED_OUT, REPLACED, BANNED, OUTDATED, REFUSED, CONNECTING } = LinkState;

let linked: LinkedDaemon;
let account: Account;
beforeAll(async () => {
  linked = await LinkedDaemon.start();
});
beforeEach(async () => {
  account = await linked.link('a', owner);
  await linked.until('a', ONLINE);
});
afterEach(() => linked.renew());
afterAll(() => linked.remove());

describe('a linked session', () => {
  it('is online again after a restart, and after a crash', async () => {
    await linked.daemon.stop();
    await linked.daemon.restart();
    await linked.until('a', ONLINE);
    await linked.daemon.kill9();
    await linked.daemon.restart();
    await linked.until('a', ONLINE);
    expect(await linked.status('a')).toMatchObject({ phoneJid: '491700000001@s.whatsapp.net' });
    // The one pairing, and then logins only.
    expect(linked.whatsapp.payloads.filter(({ devicePairingData }) => devicePairingData)).toHaveLength(1);
  });

  it.each([
    [401, LOGGED_OUT],
    [440, REPLACED],
    [411, REFUSED],
  ] as const)('that is told %i stops, says what to do, and stays so after a restart', async (code, state) => {
    account.endStream(code);
    await linked.until('a', state);
    const before = await linked.status('a');
    expect(before).toMatchObject({ code });
    expect(before.reason).toContain('LinkSession');
    await linked.daemon.stop();
    await linked.daemon.restart();
    const after = await linked.status('a');
    // What a newer setting may cure is tried again.
    if (state === REFUSED) await linked.until('a', ONLINE);
    else expect(after).toEqual(before);
  });

  it.each([
    [401, LOGGED_OUT],
    [403, BANNED],
    [405, OUTDATED],
  ] as const)('whose login fails with %i stops', async (code, state) => {
    linked.whatsapp.failNextLogin(code);
    linked.whatsapp.cutAll();
    await linked.until('a', state);
    expect(await linked.status('a')).toMatchObject({ code });
  });

  it('that stopped connects again with the device that it has, when it is linked again', async () => {
    for (const [code, state] of [[440, REPLACED] as const, [411, REFUSED] as const]) {
      account.endStream(code);
      await linked.until('a', state);
      const frames = linked.daemon.client.sessions.linkSession({ sessionId: 'a' });
      for await (const { offer } of frames) expect(offer.case).toBeUndefined();
      await linked.until('a', ONLINE);
    }
  });

  it('that was logged out is linked anew, and keeps whose it was meanwhile', async () => {
    account.unlink();
    await linked.until('a', LOGGED_OUT);
    expect(await linked.status('a')).toMatchObject({ phoneJid: '491700000001@s.whatsapp.net' });
    await linked.linkAgain('a', owner);
    await linked.until('a', ONLINE);
  });

  it('is not linked to another account, whose messages would get mixed up with its own', async () => {
    account.unlink();
    await linked.until('a', LOGGED_OUT);
    const other = { phone: '491700000009', lid: '900000000000009' };
    const before = linked.daemon.log.length;
    await expect(linked.linkAgain('a', other)).rejects.toMatchObject({ reason: 'LINK_OTHER_ACCOUNT' });
    expect(await linked.status('a')).toMatchObject({ state: LOGGED_OUT, phoneJid: '491700000001@s.whatsapp.net' });
    // It is what it should be: nobody is to be alarmed.
    await expect.poll(() => linked.daemon.log.slice(before)).toContain('the link is refused');
    expect(linked.daemon.log.slice(before)).not.toMatch(/"level":[45]0|"stack"/);
    await linked.linkAgain('a', owner);
    await linked.until('a', ONLINE);
  });

  it('reconnects at once when WhatsApp asks for it', async () => {
    account.endStream(515);
    await linked.until('a', CONNECTING);
    const seen = await linked.until('a', ONLINE);
    expect(seen).not.toContain('BACKING_OFF');
  });

  it.each([500, 503])('that is told %i comes back after a pause', async (code) => {
    account.endStream(code);
    await linked.until('a', BACKING_OFF);
    const status = await linked.status('a');
    expect(status).toMatchObject({ state: BACKING_OFF, code, attempts: 1 });
    const pauseMs = (status.nextAttemptTime ? timestampMs(status.nextAttemptTime) : 0) - Date.now();
    expect(pauseMs).toBeLessThan(1000);
    await linked.until('a', ONLINE);
  });

  it('that is cut, in the handshake or later, comes back', async () => {
    const cut = linked.whatsapp.cut('handshake');
    linked.whatsapp.cutAll();
    await cut;
    await linked.until('a', BACKING_OFF);
    await linked.until('a', ONLINE);
    expect(await linked.status('a')).toMatchObject({ attempts: 2 });
  });

  it.each([true, false])('whose upgrade is refused tries again (closed by the server: %s)', async (closes) => {
    linked.whatsapp.refuseUpgrades(403, { closes });
    linked.whatsapp.cutAll();
    await linked.until('a', BACKING_OFF);
    await linked.until('a', ONLINE);
  });

  it('is unlinked while it cannot connect, without WhatsApp being told', async () => {
    linked.whatsapp.refuseUpgrades(503, { times: 100 });
    linked.whatsapp.cutAll();
    await linked.until('a', BACKING_OFF);
    const { loggedOut } = await linked.daemon.client.sessions.unlinkSession({ sessionId: 'a' });
    expect(loggedOut).toBe(false);
    expect(await linked.status('a')).toMatchObject({ state: LinkState.UNLINKED });
  });

  it('logs neither its address nor anything of its credentials', async () => {
    const anna = linked.whatsapp.addPerson({ phone: '491700000002', lid: '900000000000002', name: 'Anna' });
    await account.acknowledged(await account.deliver(anna, { conversation: 'a secret word' }));
    await linked.daemon.stop();
    for (const secret of [owner.phone, owner.lid, '491700000002', 'Anna', 'secret word', 'privKey', 'SessionEntry']) {
      expect(linked.daemon.log).not.toContain(secret);
    }
    await linked.daemon.restart();
  });
});
