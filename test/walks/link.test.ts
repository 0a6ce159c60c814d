import { timestampMs } from '@bufbuild/protobuf/wkt';
import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LinkSessionResponse } from '../../src/gen/scrollback/v1/session_service_pb.js';
import { LinkState } from '../../src/gen/scrollback/v1/session_service_pb.js';
import { LinkedDaemon } from '../support/linked-daemon.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };

let linked: LinkedDaemon;
beforeAll(async () => {
  linked = await LinkedDaemon.start();
});
afterEach(() => linked.renew());
afterAll(() => linked.remove());

/** Calls LinkSession and returns its frames, up to the one that passes. */
async function frames(
  request: { sessionId: string; phoneNumber?: string },
  until: (frame: LinkSessionResponse) => boolean = () => false,
): Promise<LinkSessionResponse[]> {
  const all: LinkSessionResponse[] = [];
  for await (const frame of linked.daemon.client.sessions.linkSession(request)) {
    all.push(frame);
    if (until(frame)) break;
  }
  return all;
}

const offers = ({ offer }: LinkSessionResponse): boolean => offer.case !== undefined;

describe('linking', () => {
  it('goes by QR: the present state, a code, and where the link stands until it is connected', async () => {
    const { sessions } = linked.daemon.client;
    await sessions.createSession({ sessionId: 'a' });
    const states: LinkState[] = [];
    for await (const { link, offer } of sessions.linkSession({ sessionId: 'a' })) {
      states.push(link?.state ?? LinkState.UNSPECIFIED);
      if (offer.case !== 'qrCode') continue;
      expect(offer.value.expireTime && timestampMs(offer.value.expireTime)).toBeGreaterThan(Date.now());
      await linked.whatsapp.scanQr(offer.value.payload, owner);
    }
    expect(states.slice(0, 2)).toEqual([LinkState.UNLINKED, LinkState.AWAITING_SCAN]);
    expect([LinkState.SYNCING, LinkState.ONLINE]).toContain(states.at(-1));
    await linked.until('a', LinkState.ONLINE);
    expect(await linked.status('a')).toMatchObject({
      phoneJid: '491700000001@s.whatsapp.net',
      lid: '900000000000001@lid',
      reason: '',
      code: 0,
      attempts: 0,
    });
  });

  it('goes by a pairing code', async () => {
    const { sessions } = linked.daemon.client;
    await sessions.createSession({ sessionId: 'a' });
    let code = '';
    for await (const { offer } of sessions.linkSession({ sessionId: 'a', phoneNumber: '+49 170 0000001' })) {
      if (offer.case !== 'pairingCode') continue;
      code = offer.value.code;
      await linked.whatsapp.typeCode(code, owner);
    }
    expect(code).toMatch(/^[\dA-Z]{8}$/);
    await linked.until('a', LinkState.ONLINE);
  });

  it('refuses a number that is none, a session that is not there, and a second call', async () => {
    const { sessions } = linked.daemon.client;
    await expect(frames({ sessionId: 'a' })).rejects.toMatchObject({ reason: 'SESSION_NOT_FOUND' });
    await sessions.createSession({ sessionId: 'a' });
    await expect(frames({ sessionId: 'a', phoneNumber: '0170' })).rejects.toMatchObject({
      reason: 'INVALID_ARGUMENT',
      metadata: { field: 'phone_number' },
    });
    const first = sessions.linkSession({ sessionId: 'a' })[Symbol.asyncIterator]();
    await first.next();
    await expect(frames({ sessionId: 'a' })).rejects.toMatchObject({
      code: status.ABORTED,
      reason: 'LINK_IN_PROGRESS',
    });
    await first.return?.(undefined);
  });

  it('leaves nothing behind when its client goes away', async () => {
    await linked.daemon.client.sessions.createSession({ sessionId: 'a' });
    const seen = await frames({ sessionId: 'a' }, offers);
    expect(seen.at(-1)?.link?.state).toBe(LinkState.AWAITING_SCAN);
    await linked.until('a', LinkState.UNLINKED);
    await linked.daemon.stop();
    await linked.daemon.restart();
    expect(await linked.status('a')).toMatchObject({ state: LinkState.UNLINKED, phoneJid: '' });
    await linked.linkAgain('a', owner);
  });

  it('leaves nothing behind when the daemon dies meanwhile', async () => {
    await linked.daemon.client.sessions.createSession({ sessionId: 'a' });
    const seen = frames({ sessionId: 'a' });
    seen.catch(() => undefined);
    await linked.until('a', LinkState.AWAITING_SCAN);
    await linked.daemon.kill9();
    await expect(seen).rejects.toThrow();
    await linked.daemon.restart();
    expect(await linked.status('a')).toMatchObject({ state: LinkState.UNLINKED });
  });

  it('says so when WhatsApp cannot be reached, or finds the daemon too old', async () => {
    await linked.daemon.client.sessions.createSession({ sessionId: 'a' });
    linked.whatsapp.refuseUpgrades(503);
    await expect(frames({ sessionId: 'a' })).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      reason: 'WHATSAPP_UNREACHABLE',
      metadata: { code: '503' },
    });
    linked.whatsapp.failNextLogin(405);
    await expect(frames({ sessionId: 'a' })).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      reason: 'LINK_REFUSED',
      metadata: { session_id: 'a', state: 'outdated', code: '405' },
    });
    expect(await linked.status('a')).toMatchObject({ state: LinkState.UNLINKED });
  });

  it('ends at once for a session that is linked', async () => {
    await linked.link('a', owner);
    const seen = await frames({ sessionId: 'a' });
    expect(seen).toHaveLength(1);
    expect(seen[0]?.offer.case).toBeUndefined();
  });
});

describe('unlinking', () => {
  it('tells WhatsApp, keeps the session, and lets it be linked again', async () => {
    const account = await linked.link('a', owner);
    await linked.until('a', LinkState.ONLINE);
    const { session, loggedOut } = await linked.daemon.client.sessions.unlinkSession({ sessionId: 'a' });
    expect(loggedOut).toBe(true);
    expect(session?.link).toMatchObject({ state: LinkState.UNLINKED, phoneJid: '491700000001@s.whatsapp.net' });
    await account.offline();
    expect(account.companion).toBeUndefined();
    await linked.daemon.stop();
    await linked.daemon.restart();
    expect(await linked.status('a')).toMatchObject({ state: LinkState.UNLINKED });
    await linked.linkAgain('a', owner);
    await linked.until('a', LinkState.ONLINE);
  });

  it('of a session that is not linked changes nothing', async () => {
    await linked.daemon.client.sessions.createSession({ sessionId: 'a' });
    const { loggedOut } = await linked.daemon.client.sessions.unlinkSession({ sessionId: 'a' });
    expect(loggedOut).toBe(false);
  });

  it('ends a pairing', async () => {
    const { sessions } = linked.daemon.client;
    await sessions.createSession({ sessionId: 'a' });
    const pairing = frames({ sessionId: 'a' });
    pairing.catch(() => undefined);
    await linked.until('a', LinkState.AWAITING_SCAN);
    await sessions.unlinkSession({ sessionId: 'a' });
    await expect(pairing).rejects.toMatchObject({ code: status.CANCELLED, reason: 'CANCELLED' });
  });

  it('happens when a linked session is deleted, and its watchers hear of it', async () => {
    const account = await linked.link('a', owner);
    await linked.until('a', LinkState.ONLINE);
    const watch = linked.until('a', LinkState.UNSPECIFIED);
    watch.catch(() => undefined);
    await linked.daemon.client.sessions.deleteSession({ sessionId: 'a' });
    await account.offline();
    expect(account.companion).toBeUndefined();
    await expect(watch).rejects.toMatchObject({ reason: 'SESSION_NOT_FOUND' });
  });
});
