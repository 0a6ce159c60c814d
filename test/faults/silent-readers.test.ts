import { readFile } from 'node:fs/promises';
import { create, toBinary } from '@bufbuild/protobuf';
import { Client, credentials } from '@grpc/grpc-js';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { ReadMessagesRequestSchema } from '../../src/gen/scrollback/v1/history_service_pb.js';
import { digitsOf, importWhole } from '../support/backfill-walk.js';
import { makeLargeBytes } from '../support/backup-bytes.js';
import { withDaemon } from '../support/daemon.js';
import { streamRaw } from '../support/door.js';
import { readAllMessages } from '../support/read-history.js';
import { rootKey } from '../support/small-backup.js';

const STREAMS = 1000;
/** The benchmark holds it against 256 MB; here it is only to catch what grows without bound. */
const MAX_GROWTH_MB = 512;

async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${String(pid)}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? '0') / 1024;
}

test('a thousand streams that nobody reads cost a bounded amount of memory, and a healthy reader reads on', async () => {
  await withDaemon(async (daemon) => {
    const { crypt15, facts } = await makeLargeBytes({ messages: 60_000, seed: 161 });
    await importWhole(daemon.client, 's', crypt15, digitsOf(rootKey));
    await readAllMessages(daemon.client, 's');
    const before = await residentMb(daemon.pid);
    const path = '/scrollback.v1.HistoryService/ReadMessages';
    const request = Buffer.from(
      toBinary(ReadMessagesRequestSchema, create(ReadMessagesRequestSchema, { sessionId: 's' })),
    );
    const client = new Client(daemon.address, credentials.createInsecure());
    try {
      const streams = Array.from({ length: STREAMS }, () => {
        const stream = streamRaw(client, path, request);
        stream.failed.catch(() => undefined);
        // It asks for its first frame only: grpc-js buffers without bound for a client that does not even do that.
        stream.call.read(0);
        return stream;
      });
      await Promise.all(streams.map(({ call }) => once(call, 'metadata')));
      let most = 0;
      for (let round = 0; round < 3; round++) {
        expect((await readAllMessages(daemon.client, 's')).length).toBeGreaterThan(facts.messageRows - 1000);
        most = Math.max(most, await residentMb(daemon.pid));
      }
      process.stdout.write(`${String(STREAMS)} silent streams: from ${before.toFixed(0)} to ${most.toFixed(0)} MB\n`);
      expect(most - before).toBeLessThan(MAX_GROWTH_MB);
      for (const { call } of streams) call.cancel();
      await Promise.allSettled(streams.map(({ failed }) => failed));
    } finally {
      client.close();
    }
  });
});
