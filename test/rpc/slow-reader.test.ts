import { Client, credentials, status } from '@grpc/grpc-js';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { afterEach, describe, expect, it } from 'vitest';
import { fromServiceError } from '../../src/cli/call-error.js';
import {
  ReadMessagesRequestSchema,
  ReadMessagesResponseSchema,
} from '../../src/gen/scrollback/v1/history_service_pb.js';
import type { PageBounds } from '../../src/store/history-reader.js';
import type { Door } from '../support/door.js';
import { openDoor, streamRaw, until } from '../support/door.js';
import { aMessage } from '../support/memory-history.js';

const path = '/scrollback.v1.HistoryService/ReadMessages';
const request = Buffer.from(toBinary(ReadMessagesRequestSchema, create(ReadMessagesRequestSchema, { sessionId: 's' })));

let door: Door;
let client: Client;
/** How many pages the server has read. */
let pages = 0;
async function open(limits: Parameters<typeof openDoor>[0]): Promise<void> {
  door = await openDoor(limits);
  client = new Client(door.address, credentials.createInsecure());
  const history = door.memory.history('s');
  history.add(...Array.from({ length: 2_000 }, (_, n) => aMessage(`m${n}`, { sentMs: n, text: 'x'.repeat(2_000) })));
  const read = history.readMessages.bind(history);
  pages = 0;
  history.readMessages = (query, cursor, bounds: PageBounds) => {
    pages++;
    return read(query, cursor, bounds);
  };
}
afterEach(async () => {
  client.close();
  await door.stop();
});

/** A stream that asks for its first frame only. grpc-js buffers without bound for a client that does not even do that. */
function neverRead(): ReturnType<typeof streamRaw> {
  const stream = streamRaw(client, path, request);
  stream.call.read(0);
  return stream;
}

/** Reads all messages and returns how many there were. */
async function drain(): Promise<number> {
  let seen = 0;
  for await (const frame of door.history.readMessages({ sessionId: 's' })) seen += frame.messages.length;
  return seen;
}

/** Waits until the server has read no page for many turns of the event loop: all windows are full. */
async function untilStuck(): Promise<void> {
  let seen = -1;
  while (seen !== pages) {
    seen = pages;
    for (let turn = 0; turn < 300; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a reader that does not read', () => {
  it('makes the server read a few pages only, and gets all when it reads on', async () => {
    await open({});
    const { call } = neverRead();
    await untilStuck();
    // grpc-js clients buffer 16 frames and the windows of HTTP/2 take a few; one is in flight, one was read for it.
    expect(pages).toBeGreaterThan(0);
    expect(pages).toBeLessThan(25);
    let messages = 0;
    for await (const frame of call) {
      if (Buffer.isBuffer(frame)) messages += fromBinary(ReadMessagesResponseSchema, frame).messages.length;
    }
    expect(messages).toBe(2_000);
    expect(door.memory.held).toBe(0);
  });

  it('is told so when it reads on in time, and the history is let go of at once', async () => {
    await open({ stallMs: 200 });
    const { call, failed } = neverRead();
    await until(() => door.logged.some((line) => line.includes('SLOW_READER')));
    expect(door.memory.held).toBe(0);
    call.resume();
    const error = await failed;
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
  });

  it('gets the reason as error details', async () => {
    await open({ stallMs: 400 });
    const { call, failed } = neverRead();
    await until(() => door.logged.some((line) => line.includes('SLOW_READER')));
    call.resume();
    expect(fromServiceError(await failed)).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: 'SLOW_READER' });
  });

  it('is cut off when it goes on not reading, so that another may have its place', async () => {
    // Longer than this process, in which the second reader reads, is ever kept waiting for a processor.
    await open({ stallMs: 500, openStreams: 1 });
    const { call, failed } = neverRead();
    await untilStuck();
    // The only place is free when the server has closed the first stream.
    let refusal: unknown = 'none yet';
    while (refusal !== undefined) {
      refusal = await drain().then(
        () => undefined,
        (error: unknown) => error,
      );
      if (refusal !== undefined) expect(refusal).toMatchObject({ reason: 'TOO_MANY_STREAMS' });
    }
    call.resume();
    // Without details: they could not leave before the frames that nobody took.
    expect(fromServiceError(await failed)).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: '' });
  });

  it('does not hold up a reader of the same history that reads', async () => {
    await open({});
    const stuck = neverRead();
    await untilStuck();
    expect(await drain()).toBe(2_000);
    stuck.call.cancel();
    await stuck.failed;
    await until(() => door.memory.held === 0);
  });
});
