import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ReadMessagesRequestSchema,
  ReadMessagesResponseSchema,
} from '../../src/gen/scrollback/v1/history_service_pb.js';
import { MessageSchema } from '../../src/gen/scrollback/v1/message_pb.js';
import type { Door } from '../support/door.js';
import { openDoor } from '../support/door.js';
import { aMessage } from '../support/memory-history.js';

const path = '/scrollback.v1.HistoryService/ReadMessages';
const SESSIONS = 8;
const STREAMS_OF_EACH = 6;
const same = (bytes: Buffer): Buffer => bytes;

let door: Door;
/** Streams of one client share a connection: several clients, so that frames of several leave at the same moment. */
let clients: Client[];

/** The messages of a session, oldest first: of its own, of very different sizes, some larger than the memory in which frames are joined. */
function messagesOf(session: number) {
  return Array.from({ length: 400 }, (_, n) => {
    const text = String.fromCharCode(97 + session).repeat(n % 97 === 0 ? 300_000 : (n * 31) % 1500);
    return aMessage(`s${session}m${n}`, { sentMs: n + 1, text });
  });
}

beforeEach(async () => {
  door = await openDoor();
  clients = Array.from({ length: 4 }, () => new Client(door.address, credentials.createInsecure()));
  for (let session = 0; session < SESSIONS; session++) door.memory.history(`s${session}`).add(...messagesOf(session));
});
afterEach(async () => {
  for (const client of clients) client.close();
  await door.stop();
});

/** Reads all of a session, the newest first, or the first frames of it. */
async function read(n: number, frames = Infinity): Promise<string[]> {
  const sessionId = `s${n % SESSIONS}`;
  const metadata = new Metadata();
  if (n % 3 === 0) metadata.set('grpc-accept-encoding', 'gzip,deflate');
  const request = Buffer.from(toBinary(ReadMessagesRequestSchema, create(ReadMessagesRequestSchema, { sessionId })));
  const client = clients[n % clients.length];
  if (client === undefined) throw new Error('no client');
  const call = client.makeServerStreamRequest<Buffer, Buffer>(path, same, same, request, metadata);
  const got: string[] = [];
  let left = frames;
  try {
    for await (const frame of call as AsyncIterable<Buffer>) {
      const { messages } = fromBinary(ReadMessagesResponseSchema, frame);
      for (const message of messages) got.push(Buffer.from(toBinary(MessageSchema, message)).toString('latin1'));
      if (--left === 0) call.cancel();
      // Some are slow, so that frames of others are joined while theirs leave.
      if (n % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  } catch (error) {
    if (frames === Infinity) throw error;
  }
  return got;
}

describe('streams that are read at the same time', () => {
  it('get every byte of theirs and none of others, also beside those that are cancelled', async () => {
    const expected = Array.from({ length: SESSIONS }, (_, session) =>
      messagesOf(session)
        .reverse()
        .map((message) => Buffer.from(toBinary(MessageSchema, create(MessageSchema, message))).toString('latin1')),
    );
    const whole = Array.from({ length: SESSIONS * STREAMS_OF_EACH }, (_, n) => read(n));
    const cancelled = Array.from({ length: SESSIONS }, (_, n) => read(n, 2 + (n % 3)));
    for (const [n, got] of (await Promise.all(whole)).entries()) {
      // Not by `toEqual`, which would print megabytes.
      expect(got.length, `stream ${n}`).toBe(400);
      const differs = got.findIndex((message, i) => message !== expected[n % SESSIONS]?.[i]);
      expect(differs, `stream ${n}`).toBe(-1);
    }
    for (const [n, got] of (await Promise.all(cancelled)).entries()) {
      const differs = got.findIndex((message, i) => message !== expected[n % SESSIONS]?.[i]);
      expect(differs, `cancelled stream ${n}`).toBe(-1);
    }
  });
});
