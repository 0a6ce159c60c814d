import { timestampMs } from '@bufbuild/protobuf/wkt';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SessionState } from '../../src/gen/scrollback/v1/session_service_pb.js';
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
