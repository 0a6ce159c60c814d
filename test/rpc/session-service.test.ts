import { timestampMs } from '@bufbuild/protobuf/wkt';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LinkState, SessionState } from '../../src/gen/scrollback/v1/session_service_pb.js';
import type { Door } from '../support/door.js';
import { openDoor } from '../support/door.js';
import { aMessage } from '../support/memory-history.js';

let door: Door;
beforeEach(async () => {
  door = await openDoor();
});
afterEach(() => door.stop());

describe('SessionService', () => {
  it('creates a session and returns it', async () => {
    const created = await door.sessions.createSession({ sessionId: 'Shop', displayName: 'The shop' });
    expect(created.session).toMatchObject({ sessionId: 'shop', displayName: 'The shop', state: SessionState.READY });

    door.memory.history('shop').add(aMessage('A'), aMessage('B'));
    const { session } = await door.sessions.getSession({ sessionId: 'SHOP' });
    expect(session).toMatchObject({ sessionId: 'shop', messageCount: 2n, revision: 1n, chatCount: 0n });
    expect(session?.createTime && timestampMs(session.createTime)).toBe(1_700_000_000_123);
  });

  it('refuses a second session of the same id', async () => {
    await door.sessions.createSession({ sessionId: 'a' });
    await expect(door.sessions.createSession({ sessionId: 'A' })).rejects.toMatchObject({
      code: status.ALREADY_EXISTS,
      reason: 'SESSION_EXISTS',
      metadata: { session_id: 'a' },
    });
  });

  it('names the field of a wrong request', async () => {
    await expect(door.sessions.createSession({})).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: 'INVALID_ARGUMENT',
      metadata: { field: 'session_id' },
    });
    await expect(door.sessions.createSession({ sessionId: 'a', displayName: 'x'.repeat(201) })).rejects.toMatchObject({
      metadata: { field: 'display_name' },
    });
    await expect(door.sessions.listSessions({ pageSize: -1 })).rejects.toMatchObject({
      metadata: { field: 'page_size' },
    });
  });

  it('shows where a link stands, with what to do', async () => {
    await door.sessions.createSession({ sessionId: 'a' });
    const { session: unlinked } = await door.sessions.getSession({ sessionId: 'a' });
    expect(unlinked?.link).toMatchObject({ state: LinkState.UNLINKED, reason: '', code: 0, attempts: 0 });
    const retryAtMs = 1_700_000_060_000;
    door.memory.changeLink('a', {
      status: { state: 'backing-off', attempts: 3, retryAtMs, code: 503 },
      phoneJid: '49@s.whatsapp.net',
    });
    const { session: waiting } = await door.sessions.getSession({ sessionId: 'a' });
    expect(waiting?.link).toMatchObject({
      state: LinkState.BACKING_OFF,
      code: 503,
      attempts: 3,
      phoneJid: '49@s.whatsapp.net',
    });
    expect(waiting?.link?.nextAttemptTime && timestampMs(waiting.link.nextAttemptTime)).toBe(retryAtMs);
    door.memory.changeLink('a', { status: { state: 'replaced', code: 440 } });
    const { session: replaced } = await door.sessions.getSession({ sessionId: 'a' });
    expect(replaced?.link?.reason).toMatch(/another process.*LinkSession/);
  });

  it('streams what there is to scan, and then that it is linked', async () => {
    await door.sessions.createSession({ sessionId: 'a' });
    const frames = door.sessions
      .linkSession({ sessionId: 'a', phoneNumber: ' +49 (170) 123-4567 ' })
      [Symbol.asyncIterator]();
    expect((await frames.next()).value).toMatchObject({ link: { state: LinkState.UNLINKED }, offer: {} });
    expect(door.memory.phoneNumbers).toEqual(['491701234567']);
    const offer = { kind: 'qr', payload: '2@x', expiresAtMs: 1_700_000_060_000 } as const;
    door.memory.changeLink('a', { status: { state: 'awaiting-scan' }, offer });
    expect((await frames.next()).value).toMatchObject({
      link: { state: LinkState.AWAITING_SCAN },
      offer: { case: 'qrCode', value: { payload: '2@x' } },
    });
    door.memory.changeLink('a', { status: { state: 'online', attempts: 0 }, offer: undefined });
    expect((await frames.next()).value).toMatchObject({ link: { state: LinkState.ONLINE } });
    expect((await frames.next()).done).toBe(true);
  });

  it.each(['0170', 'anna', '+', '1234567890123456'])('refuses %s as the number to link', async (phoneNumber) => {
    await door.sessions.createSession({ sessionId: 'a' });
    const frames = door.sessions.linkSession({ sessionId: 'a', phoneNumber })[Symbol.asyncIterator]();
    await expect(frames.next()).rejects.toMatchObject({ metadata: { field: 'phone_number' } });
  });

  it('asks for what was missed between two times, and wants both', async () => {
    await door.sessions.createSession({ sessionId: 'a' });
    const [from, to] = [{ seconds: 1000n }, { seconds: 2000n, nanos: 5_000_000 }];
    const { backfill } = await door.sessions.reconcileSession({ sessionId: 'a', from, to, requestId: 'r' });
    expect(backfill).toMatchObject({ sessionId: 'a', requestId: 'r' });
    expect(door.memory.sources).toEqual([{ kind: 'reconciliation', fromMs: 1_000_000, toMs: 2_000_005 }]);
    for (const [field, request] of [
      ['from', { to }],
      ['to', { from }],
      ['from', { from: to, to: from }],
      ['to', { from, to: from }],
      ['from', {}],
      ['request_id', { from, to, requestId: 'x'.repeat(129) }],
    ] as const) {
      const refused = { code: status.INVALID_ARGUMENT, metadata: { field } };
      await expect(door.sessions.reconcileSession({ sessionId: 'a', ...request }), field).rejects.toMatchObject(
        refused,
      );
    }
  });

  it('asks for what was missed in the latest gap that is known, when nobody says in which', async () => {
    await door.sessions.createSession({ sessionId: 'a' });
    door.memory.history('a').coverage.gaps = [
      { fromMs: 1000, toMs: 2000 },
      { fromMs: 3000, toMs: 4000 },
    ];
    await door.sessions.reconcileSession({ sessionId: 'a' });
    expect(door.memory.sources).toEqual([{ kind: 'reconciliation', fromMs: 3000, toMs: 4000 }]);
  });

  it('deletes a session', async () => {
    await door.sessions.createSession({ sessionId: 'a' });
    await door.sessions.deleteSession({ sessionId: 'a' });
    const notFound = { code: status.NOT_FOUND, reason: 'SESSION_NOT_FOUND', metadata: { session_id: 'a' } };
    await expect(door.sessions.getSession({ sessionId: 'a' })).rejects.toMatchObject(notFound);
    await expect(door.sessions.deleteSession({ sessionId: 'a' })).rejects.toMatchObject(notFound);
  });

  it('lists sessions page by page, the last of them without a next one', async () => {
    for (const sessionId of ['b', 'd', 'a', 'c']) await door.sessions.createSession({ sessionId });
    const pages: string[][] = [];
    let pageToken = '';
    do {
      const page = await door.sessions.listSessions({ pageSize: 2, pageToken });
      pages.push(page.sessions.map((session) => session.sessionId));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(pages).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });
});
