import { execFile, execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { fromBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ErrorInfoSchema } from '../../src/gen/google/rpc/error_details_pb.js';
import type { Door } from '../support/door.js';
import { openDoor } from '../support/door.js';
import { aMessage } from '../support/memory-history.js';

const run = promisify(execFile);

/** The checkout: the tests run compiled, from `<out>/test/rpc`. */
const root = fileURLToPath(new URL('../../..', import.meta.url));
const buf = path.join(root, 'node_modules/.bin/buf');
const python = '/usr/bin/python3';

let door: Door;
beforeAll(async () => {
  door = await openDoor();
  const messages = Array.from({ length: 1_200 }, (_, n) =>
    aMessage(`m${n}`, { sentMs: 1_700_000_000_000 + n, text: `Grüße ${n}` }),
  );
  door.memory.history('shop').add(...messages);
});
afterAll(() => door.stop());

interface CurlOutcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs `buf curl` with nothing but the address of the server. */
async function curl(method: string, request: unknown, ...options: string[]): Promise<CurlOutcome> {
  const target = method === '' ? `http://${door.address}` : `http://${door.address}/${method}`;
  const data = method === '' ? [] : ['-d', JSON.stringify(request)];
  const args = ['curl', '--protocol', 'grpc', '--http2-prior-knowledge', ...options, ...data, target];
  try {
    const { stdout, stderr } = await run(buf, args, { cwd: os.tmpdir() });
    return { code: 0, stdout, stderr };
  } catch (error) {
    return error as CurlOutcome; // Safety: what execFile rejects with has the code and both outputs.
  }
}

describe('buf curl with nothing but the address', () => {
  const versions = ['grpc-v1', 'grpc-v1alpha'];

  it('lists all services, health included', async () => {
    for (const version of versions) {
      const { stdout } = await curl('', {}, '--reflect-protocol', version, '--list-services');
      expect(stdout.trim().split('\n').sort(), version).toEqual([
        'grpc.health.v1.Health',
        'scrollback.v1.BackfillService',
        'scrollback.v1.HistoryService',
        'scrollback.v1.SessionService',
      ]);
    }
  });

  it('reads a session by either version of reflection', async () => {
    for (const version of versions) {
      const { stdout } = await curl(
        'scrollback.v1.SessionService/GetSession',
        { sessionId: 'shop' },
        '--reflect-protocol',
        version,
      );
      const { session } = JSON.parse(stdout) as { session: unknown }; // Safety: compared with what is expected.
      expect(session, version).toMatchObject({ sessionId: 'shop', messageCount: '1200', state: 'SESSION_STATE_READY' });
    }
  });

  it('reads a stream', async () => {
    const { stdout } = await curl('scrollback.v1.HistoryService/ReadMessages', {
      sessionId: 'shop',
      order: 'ORDER_OLDEST_FIRST',
    });
    const texts = [...stdout.matchAll(/"text":\s*"Grüße (\d+)"/g)].map((match) => Number(match[1]));
    expect(texts).toEqual(Array.from({ length: 1_200 }, (_, n) => n));
  });

  it('understands an optional field', async () => {
    const mine = await curl('scrollback.v1.HistoryService/GetMessage', {
      sessionId: 'shop',
      messageId: 'm7',
      fromMe: false,
    });
    expect(mine.stdout).toContain('Grüße 7');
  });

  it('checks the health of the server and of a service', async () => {
    for (const service of ['', 'scrollback.v1.HistoryService']) {
      expect((await curl('grpc.health.v1.Health/Check', { service })).stdout).toContain('SERVING');
    }
    expect((await curl('grpc.health.v1.Health/Check', { service: 'nobody' })).code).toBe(5 * 8);
  });

  it('shows the details of an error', async () => {
    const { code, stderr } = await curl('scrollback.v1.SessionService/GetSession', { sessionId: 'none' });
    expect(code).toBe(5 * 8);
    expect(stderr).toContain('there is no session none');
    const [, value = ''] = /"google\.rpc\.ErrorInfo",\s*"value": "([^"]*)"/.exec(stderr) ?? [];
    expect(fromBinary(ErrorInfoSchema, Buffer.from(value, 'base64'))).toMatchObject({
      reason: 'SESSION_NOT_FOUND',
      metadata: { session_id: 'none' },
    });
  });
});

/** True where the Debian packages python3-grpcio, protobuf-compiler and protobuf-compiler-grpc are installed. */
function pythonIsThere(): boolean {
  try {
    execFileSync(python, ['-c', 'import grpc, google.protobuf']);
    execFileSync('protoc', ['--version']);
    execFileSync('which', ['grpc_python_plugin']);
    return true;
  } catch {
    return false;
  }
}

const script = `
import sys, grpc
from google.protobuf.json_format import MessageToJson
from google.rpc import error_details_pb2, status_pb2
from scrollback.v1 import history_service_pb2 as history, history_service_pb2_grpc as stubs
channel = grpc.insecure_channel(sys.argv[1])
stub = stubs.HistoryServiceStub(channel)
count = 0
for frame in stub.ReadMessages(history.ReadMessagesRequest(session_id='shop', order=history.ORDER_OLDEST_FIRST)):
    for message in frame.messages:
        assert message.text == 'Grüße %d' % count, message
        count += 1
print(count)
try:
    stub.ListMessages(history.ListMessagesRequest(session_id='none'))
except grpc.RpcError as error:
    trailer = dict(error.trailing_metadata())['grpc-status-details-bin']
    info = error_details_pb2.ErrorInfo()
    status_pb2.Status.FromString(trailer).details[0].Unpack(info)
    print(error.code().name, info.reason, info.domain, info.metadata['session_id'])
`;

describe.runIf(pythonIsThere())('a Python client whose stubs were generated from proto/ alone', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'stubs-'));
    const proto = path.join(root, 'proto');
    const sources = await readdir(proto, { recursive: true });
    const files = sources.filter((file) => file.endsWith('.proto') && !file.startsWith('scrollback/store'));
    const plugin = (await run('which', ['grpc_python_plugin'])).stdout.trim();
    const out = path.join(directory, 'py');
    await mkdir(out);
    // Debian's protoc comes without the well-known types; buf carries them.
    const image = path.join(directory, 'image.binpb');
    await run(buf, ['build', proto, '-o', image], { cwd: root });
    const outputs = [`--python_out=${out}`, `--grpc_python_out=${out}`, `--plugin=protoc-gen-grpc_python=${plugin}`];
    await run('protoc', [`--descriptor_set_in=${image}`, ...outputs, ...files]);
    await writeFile(path.join(directory, 'read.py'), script);
  });
  afterAll(() => rm(directory, { recursive: true }));

  it('reads the whole stream and the details of an error', async () => {
    const env = { ...process.env, PYTHONPATH: path.join(directory, 'py'), PYTHONDONTWRITEBYTECODE: '1' };
    const { stdout } = await run(python, [path.join(directory, 'read.py'), door.address], { env });
    expect(stdout.trim().split('\n')).toEqual(['1200', 'NOT_FOUND SESSION_NOT_FOUND scrollback none']);
  });
});
