import { Client, credentials, status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CallError } from '../../src/cli/call-error.js';
import { fromServiceError } from '../../src/cli/call-error.js';
import { DomainError } from '../../src/domain/fault.js';
import { BackfillService } from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import { HistoryService } from '../../src/gen/scrollback/v1/history_service_pb.js';
import { SessionService } from '../../src/gen/scrollback/v1/session_service_pb.js';
import type { Door } from '../support/door.js';
import { callRaw, openDoor, streamRaw, until } from '../support/door.js';
import { aMessage } from '../support/memory-history.js';

const canary = 'ENOENT: /var/lib/scrollback/sessions/4917012345 "the text of a message"';

let door: Door;
beforeEach(async () => {
  door = await openDoor();
  door.memory.history('s').add(aMessage('A'));
});
afterEach(() => door.stop());

/** Calls every method of the API once, and returns the error of each. */
async function failures(): Promise<[string, CallError][]> {
  const { backfills, history, sessions } = door;
  const backfillId = 'backfill-001';
  async function* chunk() {
    yield { backfillId };
  }
  const drain = async (frames: AsyncIterable<unknown>): Promise<void> => {
    for await (const frame of frames) void frame;
  };
  const calls: Record<string, () => Promise<unknown>> = {
    createSession: () => sessions.createSession({ sessionId: 'new' }),
    getSession: () => sessions.getSession({ sessionId: 's' }),
    listSessions: () => sessions.listSessions({}),
    updateSession: () => sessions.updateSession({ sessionId: 's', displayName: 'S' }),
    deleteSession: () => sessions.deleteSession({ sessionId: 's' }),
    linkSession: () => drain(sessions.linkSession({ sessionId: 's' })),
    unlinkSession: () => sessions.unlinkSession({ sessionId: 's' }),
    reconcileSession: () => sessions.reconcileSession({ sessionId: 's', from: { seconds: 1n }, to: { seconds: 2n } }),
    watchSession: () => drain(sessions.watchSession({ sessionId: 's' })),
    createBackfill: () =>
      backfills.createBackfill({ sessionId: 's', source: { case: 'drop', value: { fileName: 'f' } } }),
    uploadBackup: () => backfills.uploadBackup(chunk()),
    getBackfill: () => backfills.getBackfill({ which: { case: 'backfillId', value: backfillId } }),
    listBackfills: () => backfills.listBackfills({}),
    resumeBackfill: () => backfills.resumeBackfill({ backfillId }),
    cancelBackfill: () => backfills.cancelBackfill({ backfillId }),
    watchBackfill: () => drain(backfills.watchBackfill({ backfillId })),
    listChats: () => history.listChats({ sessionId: 's' }),
    getChat: () => history.getChat({ sessionId: 's', chat: '49' }),
    getCoverage: () => history.getCoverage({ sessionId: 's' }),
    listMessages: () => history.listMessages({ sessionId: 's' }),
    readMessages: () => drain(history.readMessages({ sessionId: 's' })),
    watchMessages: () => drain(history.watchMessages({ sessionId: 's' })),
    getMessage: () => history.getMessage({ sessionId: 's', messageId: 'A' }),
    readMedia: () => drain(history.readMedia({ sessionId: 's', messageId: 'A' })),
    listContacts: () => history.listContacts({ sessionId: 's' }),
    listGroups: () => history.listGroups({ sessionId: 's' }),
    listLabels: () => history.listLabels({ sessionId: 's' }),
  };
  const methods = [SessionService, BackfillService, HistoryService].flatMap((service) => service.methods);
  expect(Object.keys(calls).sort()).toEqual(methods.map((method) => method.localName).sort());
  const errors: [string, CallError][] = [];
  for (const [name, call] of Object.entries(calls)) {
    const error: unknown = await call().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    errors.push([name, error as CallError]); // Safety: the client throws nothing else; undefined fails the test below.
  }
  return errors;
}

describe('every method', () => {
  it('answers a handler that throws or rejects with INTERNAL and an incident, and tells nothing else', async () => {
    const ways = [
      () => {
        throw new Error(canary);
      },
      () => Promise.reject(new TypeError(canary, { cause: new Error(canary) })),
      () => Promise.reject(Object.assign(new Error(canary), { code: 'EACCES', details: canary })),
    ];
    for (const way of ways) {
      door.memory.before = way;
      for (const [name, error] of await failures()) {
        expect(error, name).toMatchObject({ code: status.INTERNAL, reason: 'INTERNAL' });
        expect(Object.keys(error.metadata), name).toEqual(['incident_id']);
        expect(JSON.stringify([error.message, error.metadata]), name).not.toMatch(/ENOENT|var|4917|message"/);
        const logged = door.logged.filter((line) => line.includes(error.metadata['incident_id'] ?? 'none'));
        expect(logged, name).toHaveLength(1);
      }
    }
    door.memory.before = () => undefined;
    expect((await door.sessions.listSessions({})).sessions).toHaveLength(1);
  });

  it('passes a fault on with its code, reason and data', async () => {
    door.memory.before = () => Promise.reject(new DomainError({ reason: 'SESSION_UNAVAILABLE', sessionId: 's' }));
    for (const [name, error] of await failures()) {
      expect(error, name).toMatchObject({
        code: status.UNAVAILABLE,
        reason: 'SESSION_UNAVAILABLE',
        metadata: { session_id: 's' },
      });
    }
    expect(door.logged.filter((line) => !line.includes('"level":20'))).toEqual([]);
  });
});

describe('a request that is no message', () => {
  it('is refused as such, whatever its bytes, and the server lives on', async () => {
    const paths = [SessionService, BackfillService, HistoryService].flatMap((service) =>
      service.methods
        .filter((method) => method.methodKind === 'unary')
        .map((method) => `/${service.typeName}/${method.name}`),
    );
    const client = new Client(door.address, credentials.createInsecure());
    const call = fc.asyncProperty(fc.constantFrom(...paths), fc.uint8Array({ maxLength: 64 }), async (path, bytes) => {
      const answer = await callRaw(client, path, Buffer.from(bytes));
      if (Buffer.isBuffer(answer)) return;
      expect(fromServiceError(answer).reason).not.toBe('');
      expect(answer.code).not.toBe(status.INTERNAL);
    });
    await fc.assert(call, { numRuns: 300 });
    client.close();
  });

  it('names the request as the field', async () => {
    const client = new Client(door.address, credentials.createInsecure());
    const answer = await callRaw(client, '/scrollback.v1.SessionService/GetSession', Buffer.from('ffff', 'hex'));
    client.close();
    if (Buffer.isBuffer(answer)) throw new Error('it was answered');
    expect(fromServiceError(answer)).toMatchObject({ reason: 'INVALID_ARGUMENT', metadata: { field: 'request' } });
  });
});

describe('the number of open calls', () => {
  it('is limited for streams, and a stream that ends makes room', async () => {
    await door.stop();
    door = await openDoor({ openStreams: 2 });
    door.memory.history('s');
    const watches = [1, 2].map(() => door.history.watchMessages({ sessionId: 's' })[Symbol.asyncIterator]());
    for (const watch of watches) await watch.next();
    const refused = door.history.watchMessages({ sessionId: 's' })[Symbol.asyncIterator]().next();
    await expect(refused).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      reason: 'TOO_MANY_STREAMS',
      metadata: { limit: '2' },
    });
    await watches[0]?.return?.();
    await until(() => door.memory.held === 1);
    const next = await door.history.watchMessages({ sessionId: 's' })[Symbol.asyncIterator]().next();
    expect(next.done).toBe(false);
  });

  it('is limited for unary calls', async () => {
    await door.stop();
    door = await openDoor({ openUnaryCalls: 1 });
    let proceed: (() => void) | undefined;
    door.memory.before = () => new Promise((resolve) => (proceed = resolve));
    const first = door.sessions.listSessions({});
    await until(() => proceed !== undefined);
    await expect(door.sessions.listSessions({})).rejects.toMatchObject({ reason: 'TOO_MANY_STREAMS' });
    proceed?.();
    await first;
  });
});

describe('a stream whose client has a deadline', () => {
  it('ends with DEADLINE_EXCEEDED and lets go of the history', async () => {
    const client = new Client(door.address, credentials.createInsecure());
    const { failed } = streamRaw(client, '/scrollback.v1.HistoryService/WatchMessages', Buffer.from('0a0173', 'hex'), {
      deadline: Date.now() + 50,
    });
    expect(await failed).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    await until(() => door.memory.held === 0);
    client.close();
  });
});
