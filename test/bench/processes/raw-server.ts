import { Server, ServerCredentials, type ServerWritableStream } from '@grpc/grpc-js';
import { fromBinary } from '@bufbuild/protobuf';
import { Level } from 'level';
import { Order, ReadMessagesRequestSchema } from '../../../src/gen/scrollback/v1/history_service_pb.js';
import { messagesFrame } from '../../../src/rpc/frame.js';
import { keyspace, prefixEnd, prefixKey } from '../../../src/store/keyspaces.js';
import { answerQuestions } from '../side-process.js';

/** The LevelDB of a session whose daemon is stopped. */
export interface RawServerQuestion {
  historyPath: string;
}

export interface RawServerAnswer {
  address: string;
}

type Rows = Level<Buffer, Buffer>;

/**
 * The least that can stand between LevelDB and gRPC: one scan, so many stored values joined to a frame, the next ones read while that
 * frame leaves. No sessions, cursors, filters, tokens or limits.
 */
async function serve({ historyPath }: RawServerQuestion): Promise<RawServerAnswer> {
  const rows = new Level<Buffer, Buffer>(historyPath, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  await rows.open({ createIfMissing: false });
  const server = new Server();
  const handle = (call: ServerWritableStream<Buffer, Buffer>): void => {
    stream(rows, call).then(
      () => call.end(),
      (error: unknown) => call.destroy(error instanceof Error ? error : new Error('scan failed')),
    );
  };
  const method = {
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
  server.addService(
    { ReadMessages: { path: PATH, requestStream: false, responseStream: true, ...method } },
    {
      ReadMessages: handle,
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { address: `127.0.0.1:${port}` };
}

async function stream(rows: Rows, call: ServerWritableStream<Buffer, Buffer>): Promise<void> {
  const { order } = fromBinary(ReadMessagesRequestSchema, call.request);
  const scan = rows.values({
    gte: prefixKey(keyspace.message),
    lt: prefixEnd(keyspace.message),
    reverse: order !== Order.OLDEST_FIRST,
    // Of the keys that are not asked for, an empty text each instead of an empty Buffer.
    keyEncoding: 'utf8',
    highWaterMarkBytes: 1024 * 1024,
    fillCache: false,
  });
  try {
    for (let page = await scan.nextv(PAGE_ROWS); page.length > 0;) {
      const frame = messagesFrame(page, NOTHING);
      const left = new Promise<void>((resolve) => call.write(frame, () => resolve()));
      [page] = await Promise.all([scan.nextv(PAGE_ROWS), left]);
    }
  } finally {
    await scan.close();
  }
}

const PATH = '/scrollback.v1.HistoryService/ReadMessages';
const PAGE_ROWS = 500;
const NOTHING = new Uint8Array();
const same = (bytes: Buffer): Buffer => bytes;

answerQuestions(serve);
