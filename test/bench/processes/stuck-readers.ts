import { create, toBinary } from '@bufbuild/protobuf';
import { Client, credentials } from '@grpc/grpc-js';
import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import {
  ReadMessagesRequestSchema,
  WatchMessagesRequestSchema,
} from '../../../src/gen/scrollback/v1/history_service_pb.js';
import { answerQuestions } from '../side-process.js';

/**
 * Opens streams that are never read, half of them ReadMessages and half WatchMessages. Those of `http2` take what fits into the
 * window of a stream (64 KiB) and no byte more; those of `grpc-js` are what a paused client of that library does: it takes
 * sixteen messages, whatever their size, and then the same.
 */
export interface StuckQuestion {
  address: string;
  sessionId: string;
  by: 'http2' | 'grpc-js';
  streams: number;
  connections: number;
}

/** How many streams the server answered; the others it refused. */
export interface StuckAnswer {
  answered: number;
}

async function openAll({ address, sessionId, by, streams, connections }: StuckQuestion): Promise<StuckAnswer> {
  const read = toBinary(ReadMessagesRequestSchema, create(ReadMessagesRequestSchema, { sessionId }));
  const watch = toBinary(WatchMessagesRequestSchema, create(WatchMessagesRequestSchema, { sessionId }));
  const answers: Promise<boolean>[] = [];
  for (let n = 0; n < connections; n++) {
    const open = by === 'http2' ? await overHttp2(address) : overGrpc(address);
    for (let at = n; at < streams; at += connections) {
      const isRead = (at - n) % (2 * connections) === 0;
      answers.push(open(`${SERVICE}/${isRead ? 'ReadMessages' : 'WatchMessages'}`, Buffer.from(isRead ? read : watch)));
    }
  }
  return { answered: (await Promise.all(answers)).filter((answered) => answered).length };
}

/** Opens a stream; resolves to whether the server answered. */
type OpenStream = (path: string, request: Buffer) => Promise<boolean>;

async function overHttp2(address: string): Promise<OpenStream> {
  const session: ClientHttp2Session = connect(`http://${address}`);
  await once(session, 'connect');
  // The streams share the window of their connection: large, so that none of them shields the server from the others.
  session.setLocalWindowSize(CONNECTION_WINDOW);
  return (path, request) => {
    const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
    const stream = session.request(headers);
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(request.length, 1);
    stream.end(Buffer.concat([prefix, request]));
    return new Promise((resolve) => {
      // A refusal is an answer of trailers only, with the status in it.
      stream.once('response', (answer) => resolve(answer['grpc-status'] === undefined));
      stream.once('error', () => resolve(false));
    });
  };
}

function overGrpc(address: string): OpenStream {
  const client = new Client(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  return (path, request) => {
    const call = client.makeServerStreamRequest<Buffer, Buffer>(path, same, same, request);
    return new Promise((resolve) => {
      call.once('metadata', () => resolve(true));
      call.once('error', () => resolve(false));
      // A call that is not even asked once buffers all there is in the client.
      call.read(0);
    });
  };
}

const SERVICE = '/scrollback.v1.HistoryService';
const CONNECTION_WINDOW = 64 * 1024 * 1024;
const same = (bytes: Buffer): Buffer => bytes;

answerQuestions(openAll);
