import { create, toBinary } from '@bufbuild/protobuf';
import { Client, credentials } from '@grpc/grpc-js';
import { connect } from '../../../src/cli/client.js';
import { type Order, ReadMessagesRequestSchema } from '../../../src/gen/scrollback/v1/history_service_pb.js';
import { answerQuestions } from '../side-process.js';

/** What to read. */
export interface ReaderQuestion {
  address: string;
  sessionId: string;
  /** Empty for the whole account. */
  chat: string;
  order: Order;
  /** True to decode every message, as the generated client does; false to look at no byte. */
  decode: boolean;
}

/** What came, and how long it took. */
export interface ReaderAnswer {
  /** 0 where nothing is decoded. */
  messages: number;
  frames: number;
  ms: number;
}

async function read(question: ReaderQuestion): Promise<ReaderAnswer> {
  const startedAt = performance.now();
  const seen = await (question.decode ? readDecoded(question) : readRaw(question));
  return { ...seen, ms: performance.now() - startedAt };
}

type Seen = Omit<ReaderAnswer, 'ms'>;

/** The project's own client: generated messages by protobuf-es, an iterable of frames. */
async function readDecoded({ address, sessionId, chat, order }: ReaderQuestion): Promise<Seen> {
  const connection = connect(address);
  const seen = { messages: 0, frames: 0 };
  try {
    for await (const { messages } of connection.history.readMessages({ sessionId, chat, order })) {
      seen.messages += messages.length;
      seen.frames++;
    }
    return seen;
  } finally {
    connection.close();
  }
}

async function readRaw({ address, sessionId, chat, order }: ReaderQuestion): Promise<Seen> {
  const client = new Client(address, credentials.createInsecure());
  const request = toBinary(ReadMessagesRequestSchema, create(ReadMessagesRequestSchema, { sessionId, chat, order }));
  const seen = { messages: 0, frames: 0 };
  try {
    const call = client.makeServerStreamRequest<Buffer, Buffer>(PATH, same, same, Buffer.from(request));
    call.on('data', () => seen.frames++);
    await new Promise((resolve, reject) => call.once('end', resolve).once('error', reject));
    return seen;
  } finally {
    client.close();
  }
}

const PATH = '/scrollback.v1.HistoryService/ReadMessages';
const same = (bytes: Buffer): Buffer => bytes;

answerQuestions(read);
