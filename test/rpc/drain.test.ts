import { Client, credentials, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Door } from '../support/door.js';
import { openDoor, streamRaw, until } from '../support/door.js';

let door: Door;
beforeEach(async () => {
  door = await openDoor({ drainGraceMs: 30_000 });
  door.memory.history('s');
});
afterEach(() => door.stop());

const shuttingDown = { code: status.UNAVAILABLE, reason: 'SHUTTING_DOWN' };

describe('a server that drains', () => {
  it('ends all watches with SHUTTING_DOWN and then stops', async () => {
    const { backfill } = await door.backfills.createBackfill({
      sessionId: 's',
      source: { case: 'upload', value: { totalSize: 9n } },
    });
    const backfillId = backfill?.backfillId ?? '';
    const watches = Array.from({ length: 20 }, () => door.history.watchMessages({ sessionId: 's' }));
    const all: AsyncIterable<unknown>[] = [...watches, door.backfills.watchBackfill({ backfillId })];
    const readers = all.map((watch) => watch[Symbol.asyncIterator]());
    for (const reader of readers) await reader.next();
    const outcomes = readers.map((reader) => expect(reader.next()).rejects.toMatchObject(shuttingDown));
    await door.server.drain();
    await Promise.all(outcomes);
    expect(door.memory.held).toBe(0);
    await expect(door.sessions.listSessions({})).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });

  it('ends an upload that waits for its client, after what was written is synced', async () => {
    const { backfill } = await door.backfills.createBackfill({
      sessionId: 's',
      source: { case: 'upload', value: { totalSize: 9n } },
    });
    const backfillId = backfill?.backfillId ?? '';
    let proceed = (): void => undefined;
    async function* chunks() {
      yield { backfillId, data: Buffer.from('x') };
      await new Promise<void>((resolve) => (proceed = resolve));
    }
    const outcome = expect(door.backfills.uploadBackup(chunks())).rejects.toMatchObject(shuttingDown);
    await until(() => door.memory.uploads.has(backfillId));
    const drained = door.server.drain();
    await until(() => door.memory.openUploads === 0);
    proceed();
    await outcome;
    await drained;
  });

  it('lets a unary call end', async () => {
    let proceed: (() => void) | undefined;
    door.memory.before = () => new Promise((resolve) => (proceed = resolve));
    const call = door.sessions.listSessions({});
    await until(() => proceed !== undefined);
    const drained = door.server.drain();
    proceed?.();
    expect((await call).sessions).toHaveLength(1);
    await drained;
  });

  it('cuts off what has not ended after the grace', async () => {
    await door.stop();
    door = await openDoor({ drainGraceMs: 20 });
    door.memory.before = () => new Promise(() => undefined);
    const outcome = expect(door.sessions.listSessions({})).rejects.toBeInstanceOf(Error);
    await until(() => door.logged.length >= 0);
    await door.server.drain();
    await outcome;
  });

  it('tells health watchers and ends their calls', async () => {
    const client = new Client(door.address, credentials.createInsecure());
    const { call } = streamRaw(client, '/grpc.health.v1.Health/Watch', Buffer.alloc(0));
    const frames: string[] = [];
    const ended = new Promise((resolve) => call.once('end', resolve));
    call.on('data', (frame: Buffer) => frames.push(frame.toString('hex')));
    await until(() => frames.length === 1);
    await door.server.drain();
    await ended;
    // status = SERVING (1), then NOT_SERVING (2).
    expect(frames).toEqual(['0801', '0802']);
    client.close();
  });

  it('may be told to drain twice', async () => {
    await Promise.all([door.server.drain(), door.server.drain()]);
    await door.server.drain();
  });
});
