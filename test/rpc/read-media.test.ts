import { create, toBinary } from '@bufbuild/protobuf';
import { Client, credentials, status } from '@grpc/grpc-js';
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fromServiceError } from '../../src/cli/call-error.js';
import { ReadMediaRequestSchema } from '../../src/gen/scrollback/v1/history_service_pb.js';
import { MediaPolicy } from '../../src/gen/scrollback/v1/session_service_pb.js';
import type { Door } from '../support/door.js';
import { openDoor, streamRaw, until } from '../support/door.js';
import { readMedia } from '../support/read-media.js';

let door: Door;
const bytes = randomBytes(1_000_000);
beforeEach(async () => {
  door = await openDoor({ stallMs: 300 });
  await door.sessions.createSession({ sessionId: 's' });
  door.memory.files.set('m', bytes);
});
afterEach(() => door.stop());

const read = (more = {}) => readMedia(door, { sessionId: 's', messageId: 'm', ...more });

describe('ReadMedia', () => {
  it('tells what the file is, then streams it in frames of 64 KiB', async () => {
    const { file, bytes: got, frames } = await read();
    expect(file).toMatchObject({ mimeType: 'image/jpeg', fileName: 'a.jpg', sizeBytes: 1_000_000n });
    expect(got.equals(bytes)).toBe(true);
    expect(frames.slice(0, -1).every((size) => size === 65_536)).toBe(true);
    expect(door.memory.openFiles).toBe(0);
  });

  it.each([
    [0n, 1n, 0, 1],
    [65_535n, 2n, 65_535, 65_537],
    [999_999n, 0n, 999_999, 1_000_000],
    [500_000n, 99_999_999n, 500_000, 1_000_000],
    [1_000_000n, 0n, 1_000_000, 1_000_000],
  ])('streams a part: from %s, %s bytes', async (offset, length, from, to) => {
    expect((await read({ offset, length })).bytes.equals(bytes.subarray(from, to))).toBe(true);
  });

  it('refuses an offset behind the end, and closes the file', async () => {
    await expect(read({ offset: 1_000_001n })).rejects.toMatchObject({
      code: status.OUT_OF_RANGE,
      reason: 'MEDIA_OFFSET',
      metadata: { size_bytes: '1000000' },
    });
    expect(door.memory.openFiles).toBe(0);
  });

  it('refuses what is no number of bytes, and a message without an id', async () => {
    await expect(read({ length: 2n ** 60n })).rejects.toMatchObject({ metadata: { field: 'length' } });
    await expect(read({ messageId: '' })).rejects.toMatchObject({ metadata: { field: 'message_id' } });
    await expect(read({ messageId: 'x' })).rejects.toMatchObject({ reason: 'MEDIA_NOT_FOUND' });
  });

  it('gives up a client that does not read, and closes the file', async () => {
    const client = new Client(door.address, credentials.createInsecure());
    const request = create(ReadMediaRequestSchema, { sessionId: 's', messageId: 'm' });
    const path = '/scrollback.v1.HistoryService/ReadMedia';
    door.memory.files.set('m', randomBytes(8_000_000));
    const { call, failed } = streamRaw(client, path, Buffer.from(toBinary(ReadMediaRequestSchema, request)));
    // It asks for the first frame, and for no other.
    call.read(0);
    await until(() => door.memory.openFiles === 1);
    await until(() => door.memory.openFiles === 0);
    call.resume();
    expect(fromServiceError(await failed)).toMatchObject({ reason: 'SLOW_READER' });
    client.close();
  });

  it('closes the file of a client that goes away', async () => {
    for await (const { file } of door.history.readMedia({ sessionId: 's', messageId: 'm' })) {
      if (file !== undefined) break;
    }
    await until(() => door.memory.openFiles === 0);
  });
});

describe('UpdateSession', () => {
  const update = async (change: object) => (await door.sessions.updateSession({ sessionId: 's', ...change })).session;

  it('changes what is stated and nothing else', async () => {
    expect(await update({})).toMatchObject({ displayName: '', mediaPolicy: MediaPolicy.ON_DEMAND });
    expect(await update({ mediaPolicy: MediaPolicy.ALL })).toMatchObject({ mediaPolicy: MediaPolicy.ALL });
    expect(await update({ displayName: 'Alice' })).toMatchObject({
      displayName: 'Alice',
      mediaPolicy: MediaPolicy.ALL,
    });
    expect(await update({ displayName: '' })).toMatchObject({ displayName: '' });
  });

  it('refuses a policy that it does not know, and a name that is too long', async () => {
    const policy: number = 9;
    await expect(update({ mediaPolicy: policy })).rejects.toMatchObject({ metadata: { field: 'media_policy' } });
    await expect(update({ displayName: 'x'.repeat(201) })).rejects.toMatchObject({
      metadata: { field: 'display_name' },
    });
  });
});
